/**
 * Due messages on their way: as soon as a scheduled queue wakes, everything that is due in it is
 * read back and sent on (`insertion.ts`), a bounded number at a time. A queue that has many on
 * their way already promotes the next ones when some of those have gone.
 *
 * Source: reference `queues-delivery.md` §3.10, §4.2.
 */
import { toError } from '../base/assert.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import type { WaitingEntry } from './waiting-table.ts';
import { isOnSingleWheel } from './wheel.ts';

/** Messages that are read back and sent on their way at the same time. */
const PROMOTION_COUNT_MAX = 64;
/** On their way from one queue before the next ones wait for room in memory. */
const OUTSIDE_COUNT_MAX = 1_000;
const ROOM_LOOK_MS = 10;
/** A queue whose configuration fails is tried again after this long. */
export const UNRESOLVED_WAIT_MS = 60_000;

export class Promotion {
  readonly #parts: QueueParts;
  readonly #waiters: (() => void)[] = [];
  #count = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Everything that is due in a queue goes, as fast as it can be read back. */
  async promoteDue(queue: ScheduledQueue): Promise<void> {
    const { deps, activity } = this.#parts;
    if (queue.isPromoting) return;
    queue.isPromoting = true;
    try {
      const isOver = (): boolean => activity.isStopping || queue.isStalled;
      while (!isOver() && (queue.nextDueMs ?? Infinity) <= deps.clock.now()) {
        await this.#room(queue);
        const entry = isOver() ? null : queue.takeDue(deps.clock.now());
        if (entry === null) break;
        void this.promote(queue, entry);
      }
    } finally {
      queue.isPromoting = false;
      if (!activity.isStopping) queue.arm();
    }
  }

  /** One message that was taken out of the queue's waiting ones, due or not. */
  async promote(queue: ScheduledQueue, entry: WaitingEntry): Promise<void> {
    const { activity } = this.#parts;
    this.#count++;
    queue.outsideCount++;
    try {
      await activity.during(() => this.#promote(queue, entry));
    } catch (error) {
      this.#failed(queue, entry, toError(error));
    } finally {
      queue.outsideCount--;
      this.#count--;
      this.#waiters.shift()?.();
      activity.changed();
    }
  }

  async #promote(queue: ScheduledQueue, entry: WaitingEntry): Promise<void> {
    const { deps, registry, waiting, insertion } = this.#parts;
    const message = await waiting.load(queue, entry);
    if (message === null) return;
    if (!(await registry.settle(queue)) && !queue.isResolved) {
      return waiting.putBack(queue, message, deps.clock.now() + UNRESOLVED_WAIT_MS);
    }
    try {
      await insertion.insertReady(queue, message, ['DueTimeWasReached'], null);
    } catch (error) {
      // Only throttle_insert_ready_queue fails so. KumoMTA forgets the message until a restart,
      // and whoever looks after a queue with a wheel or a list of its own dies of it.
      deps.diagnostic('error', `Queue ${queue.name}: ${toError(error).message}`);
      if (deps.mode === 'strict') {
        if (!isOnSingleWheel(queue.config)) queue.stall();
        return;
      }
      await insertion.entryFailed(queue, message, ['DueTimeWasReached'], toError(error), null);
    }
  }

  /** The store could not be read: the message still waits, and is tried again. */
  #failed(queue: ScheduledQueue, entry: WaitingEntry, error: Error): void {
    const { deps } = this.#parts;
    deps.diagnostic('error', `Cannot promote ${entry.id} of ${queue.name}: ${error.message}`);
    if (queue.has(entry.id)) return;
    queue.add({ ...entry, dueMs: deps.clock.now() + UNRESOLVED_WAIT_MS });
  }

  async #room(queue: ScheduledQueue): Promise<void> {
    const { activity, deps } = this.#parts;
    while (activity.isCrowded && queue.outsideCount > OUTSIDE_COUNT_MAX && !activity.isStopping) {
      await deps.realClock.sleep(ROOM_LOOK_MS);
    }
    while (this.#count >= PROMOTION_COUNT_MAX) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    if (deps.store.isBehind) await deps.store.caughtUp();
  }
}
