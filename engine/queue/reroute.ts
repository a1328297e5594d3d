/**
 * Messages that wait, bound anew because the routes have changed: each one of the given queues is
 * looked at, and those that would go another way now go it at once. The others are not touched.
 *
 * A message that changes its queue leaves an AdminRebind record, as after any rebind.
 */
import { toError } from '../base/assert.ts';
import type { SpoolId } from '../base/ids.ts';
import { cloneJson } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { adjustDue } from '../mail/scheduling.ts';
import { rebound } from './internal-replies.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import { IdSet } from './waiting-table.ts';
import type { WaitingEntry } from './waiting-table.ts';

/** Messages that are read back at the same time. */
const GROUP_SIZE = 256;

export interface Reroutes {
  /** Whether the message would go another way; it may change the copy that it is given. */
  readonly isMeant: (copy: Message, queue: string) => boolean;
  /** Sends the message itself on its new way. */
  readonly change: (message: Message) => void;
  readonly reason: string;
}

export class Reroute {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** How many of those that wait would move; null when there are more than `countMax` to look at. */
  async count(
    queues: readonly string[],
    isMeant: Reroutes['isMeant'],
    countMax: number,
  ): Promise<number | null> {
    const named = this.#named(queues);
    if (named.reduce((sum, queue) => sum + queue.depth, 0) > countMax) return null;
    let count = 0;
    for (const queue of named) {
      for await (const group of this.#meantOf(queue, isMeant)) count += group.length;
    }
    return count;
  }

  /** @returns how many went on their way */
  async move(queues: readonly string[], reroutes: Reroutes): Promise<number> {
    let count = 0;
    for (const queue of this.#named(queues)) {
      for await (const group of this.#meantOf(queue, reroutes.isMeant)) {
        const taken = queue.takeAll(new IdSet(group));
        await Promise.all(taken.map((entry) => this.#move(queue, entry, reroutes)));
        count += taken.length;
      }
    }
    return count;
  }

  #named(names: readonly string[]): ScheduledQueue[] {
    return names.flatMap((name) => this.#parts.registry.get(name) ?? []);
  }

  /** Those that would move, a group at a time. */
  async *#meantOf(
    queue: ScheduledQueue,
    isMeant: Reroutes['isMeant'],
  ): AsyncGenerator<readonly SpoolId[]> {
    const { store } = this.#parts.deps;
    const entries = queue.earliest(queue.depth);
    for (let at = 0; at < entries.length; at += GROUP_SIZE) {
      const group = entries.slice(at, at + GROUP_SIZE);
      const meant = await Promise.all(group.map((entry) => this.#wouldMove(queue, entry, isMeant)));
      const ids = group.filter((_, i) => meant[i]).map(({ id }) => id);
      if (ids.length > 0) yield ids;
      if (store.isBehind) await store.caughtUp();
    }
  }

  async #wouldMove(
    queue: ScheduledQueue,
    entry: WaitingEntry,
    isMeant: Reroutes['isMeant'],
  ): Promise<boolean> {
    const found = await this.#parts.waiting.peek(entry);
    if (found === null) return false;
    const isDozing = found.isDozing;
    if (!found.isLoaded) await this.#parts.deps.store.loadBody(found);
    const { id, sender, recipients, data } = found;
    if (isDozing) found.doze();
    const copy = new Message({ id, sender, recipients, data, meta: cloneJson(found.meta) });
    return isMeant(copy, queue.name);
  }

  async #move(queue: ScheduledQueue, entry: WaitingEntry, reroutes: Reroutes): Promise<void> {
    const { activity, deps } = this.#parts;
    queue.outsideCount++;
    try {
      await activity.during(() => this.#rebind(queue, entry, reroutes));
    } catch (error) {
      deps.diagnostic('error', `Queue ${queue.name}, ${entry.id}: ${toError(error).message}`);
      if (!queue.has(entry.id)) queue.add(entry);
    } finally {
      queue.outsideCount--;
    }
  }

  async #rebind(
    queue: ScheduledQueue,
    entry: WaitingEntry,
    { change, reason }: Reroutes,
  ): Promise<void> {
    const { deps, registry, requeue, waiting } = this.#parts;
    const message = await waiting.load(queue, entry);
    if (message === null) return;
    if (!message.isLoaded) await deps.store.loadBody(message);
    change(message);
    const name = message.queueName();
    const target = registry.ensure(name);
    if (message.isDirty) waiting.save(target, message);
    message.due = adjustDue(message.scheduling, deps.clock.now());
    const response = rebound(queue.name, name, reason);
    if (name !== queue.name)
      await deps.log.record({ type: 'AdminRebind', message, response, rowSeqs: message.rowSeqs });
    await requeue.requeueQuietly(
      {
        ...{ queue, message, response },
        increment: 'keep-count',
        delayMs: 0,
        context: ['AdminRebind'],
        trace: null,
      },
      target,
    );
  }
}
