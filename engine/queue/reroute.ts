/**
 * Messages that wait, bound anew because the routes have changed: each one of the given queues is
 * looked at, and those that would go another way now go it at once. The others are not touched.
 *
 * A message that changes its queue leaves an AdminRebind record, as after any rebind.
 */
import { toError } from '../base/assert.ts';
import { cloneJson } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { adjustDue } from '../mail/scheduling.ts';
import { rebound } from './internal-replies.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import { IdSet } from './waiting-table.ts';
import type { WaitingEntry } from './waiting-table.ts';

/** Messages that are read back at the same time. */
const GROUP_SIZE = 32;

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
      await this.#inGroups(queue, async (entry) => {
        if (await this.#wouldMove(queue, entry, isMeant)) count++;
      });
    }
    return count;
  }

  /** @returns how many went on their way */
  async move(queues: readonly string[], reroutes: Reroutes): Promise<number> {
    let count = 0;
    for (const queue of this.#named(queues)) {
      await this.#inGroups(queue, async (entry) => {
        if (!(await this.#wouldMove(queue, entry, reroutes.isMeant))) return;
        const [taken] = queue.takeAll(new IdSet([entry.id]));
        if (taken === undefined) return;
        await this.#move(queue, taken, reroutes);
        count++;
      });
    }
    return count;
  }

  #named(names: readonly string[]): ScheduledQueue[] {
    return names.flatMap((name) => this.#parts.registry.get(name) ?? []);
  }

  async #inGroups(
    queue: ScheduledQueue,
    what: (entry: WaitingEntry) => Promise<void>,
  ): Promise<void> {
    const entries = queue.earliest(queue.depth);
    for (let at = 0; at < entries.length; at += GROUP_SIZE)
      await Promise.all(entries.slice(at, at + GROUP_SIZE).map(what));
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
