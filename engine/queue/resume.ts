/**
 * Messages that survived a stop go back into their queues.
 *
 * Ordinary mode: each with its due time and attempts exactly as they were; one whose attempt was
 * interrupted is tried again at once. Strict mode: all of them due at once, attempts inferred from
 * their age, too old ones expired, as KumoMTA does when it enumerates its spool.
 *
 * Source: reference `queues-delivery.md` §9; golden `queue-restart`.
 */
import { toError } from '../base/assert.ts';
import type { SpoolId } from '../base/ids.ts';
import { adjustDue } from '../mail/scheduling.ts';
import type { Message } from '../mail/message.ts';
import type { WaitingMessage } from '../store/store.ts';
import type { Expiry } from './requeue.ts';
import { beyondExpires, beyondMaxAge, noQueueName } from './internal-replies.ts';
import { loadStored } from './load-stored.ts';
import type { QueueParts } from './queue-deps.ts';
import { inferAttempts } from './retry-schedule.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

export interface ResumeReport {
  readonly messageCount: number;
  /** Attempts had begun and their outcome is not known. */
  readonly interruptedCount: number;
  /** Strict mode only: left in the store until the next start. */
  readonly ignoredCount: number;
}

export async function resumeWaiting(
  parts: QueueParts,
  isNew: (id: SpoolId) => boolean,
): Promise<ResumeReport> {
  const { deps } = parts;
  const counts = { messageCount: 0, interruptedCount: 0, ignoredCount: 0 };
  const mustAsk = deps.mode === 'strict' || deps.events.has('spool_message_enumerated');
  for await (const page of deps.store.waiting()) {
    for (const waiting of page) {
      if (isNew(waiting.id)) continue;
      counts.messageCount++;
      if (waiting.attemptWasInFlight) counts.interruptedCount++;
      if (!mustAsk) resumeExactly(parts, waiting);
      else if (!(await enumerate(parts, waiting))) counts.ignoredCount++;
    }
  }
  parts.activity.changed();
  return counts;
}

function resumeExactly(parts: QueueParts, waiting: WaitingMessage, queueName?: string): void {
  const { deps, registry, maildirPath } = parts;
  const now = deps.clock.now();
  const { id, rowSeq, numAttempts, attemptWasInFlight } = waiting;
  maildirPath.resumed(rowSeq);
  const dueMs = attemptWasInFlight ? now : (waiting.due ?? now);
  const queue = registry.ensure(queueName ?? waiting.queue);
  queue.add({ id, rowSeq, dueMs, numAttempts, reason: 'Enumerated' });
}

/** With the policy's word on each message. False when it stays out of the queues for now. */
async function enumerate(parts: QueueParts, waiting: WaitingMessage): Promise<boolean> {
  const { deps, registry } = parts;
  const message = await loadStored(deps, waiting.id, `message ${waiting.id}`);
  if (message === null) return false;
  message.rowSeq = waiting.rowSeq;
  message.doze();
  // KumoMTA does not store attempts.
  if (deps.mode === 'strict') message.numAttempts = 0;
  try {
    await deps.events.spoolMessageEnumerated(message);
  } catch (error) {
    deps.diagnostic('error', `spool_message_enumerated: ${toError(error).message}`);
    if (deps.mode === 'strict') return false;
  }
  const queueName = await nameOrExpire(parts, message);
  if (queueName === null) return true;
  if (deps.mode === 'ordinary') {
    if (message.isDirty) parts.waiting.save(registry.ensure(queueName), message);
    resumeExactly(parts, waiting, queueName);
    return true;
  }
  try {
    await enumerateStrictly(parts, await registry.resolve(queueName, null), message);
    return true;
  } catch (error) {
    deps.diagnostic('error', `Queue ${queueName}: ${toError(error).message}`);
    return false;
  }
}

async function nameOrExpire(parts: QueueParts, message: Message): Promise<string | null> {
  try {
    return message.queueName();
  } catch (error) {
    const { deps } = parts;
    await deps.log.record({
      type: 'Expiration',
      message,
      response: noQueueName(toError(error).message),
      site: 'localhost',
      rowSeqs: message.rowSeqs,
    });
    deps.store.removeFromQueue(message);
    return null;
  }
}

async function enumerateStrictly(
  parts: QueueParts,
  queue: ScheduledQueue,
  message: Message,
): Promise<void> {
  const { deps, requeue, insertion } = parts;
  const now = deps.clock.now();
  const ageMs = Math.max(0, now - message.createdMs);
  message.due = message.scheduling === null ? null : adjustDue(message.scheduling, now);
  const expiry = expiryOf(message, queue, ageMs, now);
  if (expiry !== null) return requeue.expire(queue, message, expiry);
  message.numAttempts = inferAttempts(ageMs, queue.config);
  await insertion.insert(queue, message, ['Enumerated'], null);
}

function expiryOf(
  message: Message,
  queue: ScheduledQueue,
  ageMs: number,
  nowMs: number,
): Expiry | null {
  const { scheduling } = message;
  if (scheduling?.expiresMs != null) {
    const dueMs = message.due ?? nowMs;
    return dueMs >= scheduling.expiresMs
      ? { reply: beyondExpires(dueMs, scheduling), site: '', egressPool: null }
      : null;
  }
  const { maxAgeMs } = queue.config;
  return ageMs >= maxAgeMs
    ? { reply: beyondMaxAge(ageMs, maxAgeMs), site: '', egressPool: null }
    : null;
}
