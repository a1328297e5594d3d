/**
 * Into and out of waiting: a message becomes a row of numbers in its queue, and an object again
 * when it is due. What changed in it goes to the store on the way in.
 *
 * Source: reference `queues-delivery.md` §3.8, §4.1.
 */
import { newSessionId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import { adjustDue } from '../mail/scheduling.ts';
import { isWorthDelayed, withReason } from './insert-reason.ts';
import type { InsertContext } from './insert-reason.ts';
import { delayed } from './internal-replies.ts';
import { loadStored } from './load-stored.ts';
import type { QueueParts } from './queue-deps.ts';
import { RecentMessages } from './recent-messages.ts';
import { unspecifiedDelayMs } from './retry-schedule.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import type { WaitingEntry } from './waiting-table.ts';

export class Waiting {
  readonly #parts: QueueParts;
  readonly #recent: RecentMessages;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#recent = new RecentMessages(parts.deps.store);
  }

  /** A message with a due time in the future joins those that wait; a Delayed record may say so. */
  async wait(queue: ScheduledQueue, message: Message, given: InsertContext): Promise<void> {
    const { deps, activity } = this.#parts;
    const isFirst = given.length === 1 && given[0] === 'Received';
    const context =
      isFirst && message.scheduling !== null ? withReason(given, 'ScheduledForLater') : given;
    if (isWorthDelayed(context) && message.due !== null) {
      await deps.log.record({
        type: 'Delayed',
        message,
        response: delayed(context, deps.clock.now(), message.due),
        rowSeqs: message.rowSeqs,
      });
    }
    await this.keep(queue, message);
    this.#add(queue, message, context);
    activity.changed();
  }

  /** Up to a minute later, but later in any case; no event and no attempt. */
  async forceWait(queue: ScheduledQueue, message: Message, context: InsertContext): Promise<void> {
    const { clock, random } = this.#parts.deps;
    do {
      message.due = adjustDue(message.scheduling, clock.now() + unspecifiedDelayMs(random));
    } while (message.due <= clock.now());
    await this.wait(queue, message, withReason(context, 'ReadyQueueWasFull'));
  }

  /** Back among those that wait, without a record: nothing happened to it. */
  async putBack(queue: ScheduledQueue, message: Message, dueMs: number): Promise<void> {
    message.due = dueMs;
    await this.keep(queue, message);
    this.#add(queue, message, null);
    this.#parts.activity.changed();
  }

  /** Brings a waiting message back as an object; null (and a diagnostic) when the store lost it. */
  async load(queue: ScheduledQueue, entry: WaitingEntry): Promise<Message | null> {
    const { deps } = this.#parts;
    const where = `message ${entry.id} of queue ${queue.name}`;
    const message = this.#recent.take(entry.id) ?? (await loadStored(deps, entry.id, where));
    if (message === null) return null;
    message.rowSeq = entry.rowSeq;
    message.numAttempts = entry.numAttempts;
    message.due = entry.dueMs;
    message.doze();
    return message;
  }

  /** A copy to look at; the message itself goes on waiting. */
  async peek(entry: WaitingEntry): Promise<Message | null> {
    const { deps } = this.#parts;
    const message =
      this.#recent.peek(entry.id) ?? (await loadStored(deps, entry.id, `message ${entry.id}`));
    if (message === null) return null;
    message.numAttempts = entry.numAttempts;
    message.due = entry.dueMs;
    return message;
  }

  /** It goes no further now: written down, with all of it when it never was (deferred spool). */
  async keep(queue: ScheduledQueue, message: Message): Promise<void> {
    if (message.rowSeq === 0) await this.#store(queue, message);
    this.save(queue, message);
  }

  /** Writes what changed in a message without waking its body. */
  save(queue: ScheduledQueue, message: Message): void {
    const isDozing = message.isDozing;
    this.#parts.deps.store.updateMessage(message, queue.name, message.routeName ?? queue.route);
    if (isDozing) message.doze();
  }

  async #store(queue: ScheduledQueue, message: Message): Promise<void> {
    const { store, clock, realClock, random } = this.#parts.deps;
    await store.saveMessage(message, queue.name, {
      id: newSessionId(random),
      listener: '',
      peer: '',
      protocol: 'Lua',
      startedMs: clock.now(),
      startedRealMs: realClock.now(),
      ehlo: null,
      tls: null,
      auth: null,
    });
  }

  #add(queue: ScheduledQueue, message: Message, context: InsertContext | null): void {
    const { id, rowSeq, numAttempts } = message;
    const dueMs = message.due ?? this.#parts.deps.clock.now();
    this.#recent.add(message);
    queue.add({ id, rowSeq, dueMs, numAttempts, reason: context?.at(-1) ?? null });
  }
}
