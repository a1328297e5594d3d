/**
 * Back into a scheduled queue: the policy's word on it (`requeue_message`), the attempt counted or
 * not, the next due time, and the end of messages that would come too late.
 *
 * | kind | attempts | due |
 * | --- | --- | --- |
 * | counted | one more | now + schedule + jitter |
 * | uncounted with a delay | same | now + delay |
 * | uncounted without | same | now + up to a minute |
 *
 * Source: reference `queues-delivery.md` §3.3-3.5, §3.7.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';
import { adjustDue } from '../mail/scheduling.ts';
import { plainReply, singleLine } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { PolicyReject } from '../policy/events.ts';
import type { QueueConfig } from '../policy/settings.ts';
import { withReason } from './insert-reason.ts';
import type { InsertContext } from './insert-reason.ts';
import { beyondExpires, beyondMaxAge, beyondMaxAgeUncounted } from './internal-replies.ts';
import { UNRESOLVED_WAIT_MS } from './promotion.ts';
import type { QueueParts } from './queue-deps.ts';
import {
  ATTEMPT_COUNT_MAX,
  describeDelay,
  retryDelayMs,
  retryJitterMs,
  spanText,
  unspecifiedDelayMs,
} from './retry-schedule.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

type Increment = 'count-attempt' | 'keep-count';

/** What comes next, told before it happens. */
interface Decision {
  readonly kind: 'waits' | 'expired' | 'bounced';
  readonly nextDueMs: EpochMs | null;
  /** In words: `20 m × 2⁰ + 12 s jitter`. */
  readonly arithmetic: string | null;
}

export interface RequeueRequest {
  /** Where the message was. */
  readonly queue: ScheduledQueue;
  readonly message: Message;
  readonly increment: Increment;
  /** Of an uncounted requeue; null means up to a minute. */
  readonly delayMs: number | null;
  readonly response: SmtpReply;
  readonly context: InsertContext;
  readonly trace: EventTrace | null;
  readonly onDecided?: (decision: Decision) => void;
  /** Called from an insertion: a message that is due at once again must not go round in it. */
  readonly isNested?: boolean;
}

/** A schedule without any wait would repeat at one moment for ever. */
const NESTED_WAIT_MS = 1000;

export class Requeue {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** With the policy's word on it. */
  async requeue(request: RequeueRequest): Promise<void> {
    const { message, queue, trace } = request;
    const before = this.#nameOf(message);
    const asked = await this.#ask(request);
    if (asked === 'bounced') {
      request.onDecided?.({ kind: 'bounced', nextDueMs: null, arithmetic: null });
      return;
    }
    const after = this.#nameOf(message);
    if (after === null) {
      const context = withReason(request.context, 'MessageGetQueueNameFailed');
      return this.#place({ ...request, context }, queue, trace);
    }
    const target = this.#parts.registry.ensure(after);
    if (before === after) return this.#place(request, target, trace);
    message.numAttempts = Math.min(message.numAttempts + 1, ATTEMPT_COUNT_MAX);
    return this.#place({ ...request, increment: 'keep-count', delayMs: 0 }, target, trace);
  }

  /** Without asking the policy: a rebind. */
  async requeueQuietly(request: RequeueRequest, target: ScheduledQueue): Promise<void> {
    await this.#place(request, target, request.trace);
  }

  async #ask(request: RequeueRequest): Promise<'goes on' | 'bounced'> {
    const { deps } = this.#parts;
    const { message, response, context, increment, delayMs, trace } = request;
    if (!deps.events.has('requeue_message')) return 'goes on';
    try {
      await deps.events.requeueMessage(
        message,
        singleLine(response),
        context,
        increment === 'count-attempt',
        delayMs,
        trace,
      );
      return 'goes on';
    } catch (error) {
      if (!(error instanceof PolicyReject)) {
        deps.diagnostic('error', `requeue_message: ${toError(error).message}`);
        return 'goes on';
      }
      await deps.log.record({
        type: 'Bounce',
        message,
        response: plainReply(error.code, error.text),
        rowSeqs: message.rowSeqs,
      });
      deps.store.removeFromQueue(message);
      this.#parts.activity.changed();
      return 'bounced';
    }
  }

  async #place(
    request: RequeueRequest,
    target: ScheduledQueue,
    trace: EventTrace | null,
  ): Promise<void> {
    const { deps, registry, waiting, insertion } = this.#parts;
    const { message, context } = request;
    if (!(await registry.settle(target)) && !target.isResolved) {
      const dueMs = deps.clock.now() + UNRESOLVED_WAIT_MS;
      request.onDecided?.({ kind: 'waits', nextDueMs: dueMs, arithmetic: null });
      return waiting.putBack(target, message, dueMs);
    }
    const placed =
      request.increment === 'count-attempt'
        ? this.#countAttempt(request, target)
        : this.#keepCount(request, target);
    if (placed.expired !== null) return this.#expire(request, target, placed.expired);
    message.due = placed.dueMs;
    request.onDecided?.({
      kind: 'waits',
      nextDueMs: message.due,
      arithmetic: placed.arithmetic,
    });
    const isDueNow = message.due <= deps.clock.now();
    if (isDueNow && target.name !== request.queue.name) waiting.save(target, message);
    await insertion.insert(target, message, context, trace);
  }

  #countAttempt(request: RequeueRequest, target: ScheduledQueue): Placed {
    const { clock, random, mode } = this.#parts.deps;
    const { message } = request;
    const attemptCount = message.numAttempts;
    message.numAttempts = Math.min(attemptCount + 1, ATTEMPT_COUNT_MAX);
    const jitterMs = retryJitterMs(target.config, random);
    const scheduledMs = retryDelayMs(attemptCount, target.config) + jitterMs;
    const isEndless = scheduledMs <= 0 && (request.isNested === true || mode === 'ordinary');
    const delayMs = isEndless ? NESTED_WAIT_MS : scheduledMs;
    const arithmetic = describeDelay(attemptCount, target.config, jitterMs);
    const now = clock.now();
    const dueMs = adjustDue(message.scheduling, now + delayMs);
    return {
      dueMs,
      arithmetic,
      expired: tooLate(message, dueMs, now - message.createdMs + delayMs, target.config),
    };
  }

  #keepCount(request: RequeueRequest, target: ScheduledQueue): Placed {
    const { clock, random } = this.#parts.deps;
    const { message } = request;
    const delayMs = request.delayMs ?? unspecifiedDelayMs(random);
    const dueMs = adjustDue(message.scheduling, clock.now() + delayMs);
    const ageMs = dueMs - message.createdMs;
    const { maxAgeMs, egressPool } = target.config;
    return {
      dueMs,
      arithmetic:
        request.delayMs === null ? `${spanText(delayMs)} of up to a minute` : spanText(delayMs),
      expired:
        ageMs >= maxAgeMs
          ? { reply: beyondMaxAgeUncounted(ageMs, maxAgeMs), site: 'localhost', egressPool }
          : null,
    };
  }

  async #expire(request: RequeueRequest, target: ScheduledQueue, expiry: Expiry): Promise<void> {
    const { message } = request;
    request.onDecided?.({ kind: 'expired', nextDueMs: null, arithmetic: null });
    await this.expire(target, message, expiry);
  }

  /** The end of a message that is too old; also used when the spool is read at start. */
  async expire(queue: ScheduledQueue, message: Message, expiry: Expiry): Promise<void> {
    const { deps, activity } = this.#parts;
    await deps.log.record({
      type: 'Expiration',
      message,
      response: expiry.reply,
      site: expiry.site,
      egressPool: expiry.egressPool,
      providerName: queue.config.providerName,
      rowSeqs: message.rowSeqs,
    });
    deps.store.removeFromQueue(message);
    activity.changed();
  }

  #nameOf(message: Message): string | null {
    try {
      return message.queueName();
    } catch {
      return null;
    }
  }
}

export interface Expiry {
  readonly reply: SmtpReply;
  readonly site: string;
  /** The queue's own; none when the spool is read at start. */
  readonly egressPool: string | null;
}

interface Placed {
  readonly dueMs: EpochMs;
  readonly arithmetic: string;
  readonly expired: Expiry | null;
}

/** `expires` decides when the message has it, else its age. */
function tooLate(
  message: Message,
  dueMs: EpochMs,
  ageAtDueMs: number,
  { maxAgeMs, egressPool }: QueueConfig,
): Expiry | null {
  const { scheduling } = message;
  if (scheduling?.expiresMs != null) {
    return dueMs >= scheduling.expiresMs
      ? { reply: beyondExpires(dueMs, scheduling), site: '', egressPool }
      : null;
  }
  return ageAtDueMs > maxAgeMs
    ? { reply: beyondMaxAge(ageAtDueMs, maxAgeMs), site: '', egressPool }
    : null;
}
