/**
 * What an operator does to messages that already wait: bounce them, bind them to another queue.
 * A sweep takes what is in the matching queues now, one message after the other, and runs beside
 * everything else.
 *
 * Source: reference `queues-delivery.md` §10.1, §10.4; golden `admin-bounce`, `admin-rebind`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { adjustDue } from '../mail/scheduling.ts';
import type { Message } from '../mail/message.ts';
import { EVERYTHING, matches } from './admin-rules.ts';
import type { BounceRule, Criteria } from './admin-rules.ts';
import { rebound } from './internal-replies.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import { IdSet } from './waiting-table.ts';
import type { WaitingEntry } from './waiting-table.ts';

export interface RebindRequest {
  readonly criteria: Criteria;
  readonly reason: string;
  readonly suppressLogging: boolean;
  readonly data: Readonly<Record<string, string>>;
  /** Metas that are taken away before; what undoes an earlier rebind asks for it. */
  readonly unset?: readonly string[];
  /** Ask `rebind_message` instead of setting the data as meta. */
  readonly triggerEvent: boolean;
  /** Due at once, whether the queue changed or not. */
  readonly alwaysFlush: boolean;
}

/** One message that was bound to another queue, and the metas that its old queue came from. */
export interface Rebound {
  readonly id: SpoolId;
  readonly from: string;
  readonly to: string;
  readonly before: Readonly<Record<string, string | null>>;
}

/** A due time that was changed. */
export interface DueChange {
  readonly id: SpoolId;
  readonly dueMs: EpochMs;
}

/** Messages of one sweep that are read back at the same time. */
const SWEEP_COUNT_MAX = 64;

export class AdminSweeps {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Bounces everything that waits in queues the rule means. */
  async bounce(rule: BounceRule): Promise<number> {
    return this.#sweep(rule.criteria, (queue, message) =>
      this.#parts.insertion.adminBounce(queue, message, rule),
    );
  }

  /** Bounces single messages, wherever they wait; those in an attempt are let be. */
  async bounceMessages(ids: readonly SpoolId[], rule: BounceRule): Promise<number> {
    const meant = new IdSet(ids);
    let count = 0;
    for (const queue of [...this.#parts.registry.all()]) {
      for (const entry of queue.takeAll(meant)) {
        await this.#with(queue, entry, (message) =>
          this.#parts.insertion.adminBounce(queue, message, rule),
        );
        count++;
      }
    }
    return count;
  }

  /** Gives everything that waits in the matching queues another destination. */
  async rebind(request: RebindRequest): Promise<number> {
    return this.#sweep(request.criteria, (queue, message) => this.#rebind(queue, message, request));
  }

  /** Gives single messages another destination, wherever they wait. */
  async rebindMessages(
    ids: readonly SpoolId[],
    request: Omit<RebindRequest, 'criteria'>,
  ): Promise<Rebound[]> {
    const rebound: Rebound[] = [];
    for (const { queue, entries } of this.#takeAll(ids)) {
      await this.#inGroups(queue, entries, async (message) => {
        const keys = [...Object.keys(request.data), ...(request.unset ?? [])];
        const before = Object.fromEntries(keys.map((key) => [key, textMeta(message, key)]));
        await this.#rebind(queue, message, { ...request, criteria: EVERYTHING });
        rebound.push({ id: message.id, from: queue.name, to: nameOf(message, queue), before });
      });
    }
    return rebound;
  }

  /**
   * Other due times for messages that wait.
   * @returns what the due times were, of those that did wait
   */
  async setDue(changes: readonly DueChange[]): Promise<DueChange[]> {
    const { waiting } = this.#parts;
    const wanted = new Map(changes.map(({ id, dueMs }) => [id, dueMs]));
    const before: DueChange[] = [];
    for (const { queue, entries } of this.#takeAll([...wanted.keys()])) {
      const was = new Map(entries.map(({ id, dueMs }) => [id, dueMs]));
      await this.#inGroups(queue, entries, async (message) => {
        before.push({ id: message.id, dueMs: was.get(message.id) ?? 0 });
        await waiting.putBack(queue, message, wanted.get(message.id) ?? 0);
      });
    }
    return before;
  }

  #takeAll(ids: readonly SpoolId[]): { queue: ScheduledQueue; entries: WaitingEntry[] }[] {
    const meant = new IdSet(ids);
    return [...this.#parts.registry.all()].flatMap((queue) => {
      const entries = queue.takeAll(meant);
      return entries.length === 0 ? [] : [{ queue, entries }];
    });
  }

  async #inGroups(
    queue: ScheduledQueue,
    entries: readonly WaitingEntry[],
    what: (message: Message) => Promise<void>,
  ): Promise<void> {
    const { deps } = this.#parts;
    for (let at = 0; at < entries.length; at += SWEEP_COUNT_MAX) {
      const group = entries.slice(at, at + SWEEP_COUNT_MAX);
      await Promise.all(group.map((entry) => this.#with(queue, entry, what)));
      if (deps.store.isBehind) await deps.store.caughtUp();
    }
  }

  async #sweep(
    criteria: Criteria,
    what: (queue: ScheduledQueue, message: Message) => Promise<void>,
  ): Promise<number> {
    const meant = [...this.#parts.registry.all()].filter((queue) =>
      matches(criteria, queue.name, queue.parsed),
    );
    let count = 0;
    for (const queue of meant) {
      // What the sweep itself puts back is not swept again.
      const total = queue.depth;
      for (let done = 0; done < total;) {
        const entries: WaitingEntry[] = [];
        while (entries.length < SWEEP_COUNT_MAX && done + entries.length < total) {
          const entry = queue.takeFirst();
          if (entry === null) break;
          entries.push(entry);
        }
        if (entries.length === 0) break;
        done += entries.length;
        count += entries.length;
        await this.#inGroups(queue, entries, (message) => what(queue, message));
      }
    }
    return count;
  }

  async #with(
    queue: ScheduledQueue,
    entry: WaitingEntry,
    what: (message: Message) => Promise<void>,
  ): Promise<void> {
    const { activity, waiting, deps } = this.#parts;
    queue.outsideCount++;
    try {
      await activity.during(async () => {
        const message = await waiting.load(queue, entry);
        if (message !== null) await what(message);
      });
    } catch (error) {
      deps.diagnostic('error', `Queue ${queue.name}, ${entry.id}: ${toError(error).message}`);
      if (!queue.has(entry.id)) queue.add(entry);
    } finally {
      queue.outsideCount--;
    }
  }

  async #rebind(queue: ScheduledQueue, message: Message, request: RebindRequest): Promise<void> {
    const { deps, registry, requeue, waiting } = this.#parts;
    await this.#change(message, request);
    const name = message.queueName();
    const target = registry.ensure(name);
    if (message.isDirty) waiting.save(target, message);
    const hasMoved = name !== queue.name;
    const isFlushed = hasMoved || request.alwaysFlush;
    if (isFlushed) message.due = adjustDue(message.scheduling, deps.clock.now());
    const response = rebound(queue.name, name, request.reason);
    if (hasMoved && !request.suppressLogging) {
      await deps.log.record({
        type: 'AdminRebind',
        message,
        response,
        rowSeqs: message.rowSeqs,
      });
    }
    await requeue.requeueQuietly(
      {
        queue,
        message,
        increment: 'keep-count',
        delayMs: isFlushed ? 0 : null,
        response,
        context: ['AdminRebind'],
        trace: null,
      },
      target,
    );
  }

  async #change(message: Message, request: RebindRequest): Promise<void> {
    const { deps } = this.#parts;
    for (const key of request.unset ?? []) message.setMeta(key, null);
    if (!request.triggerEvent) {
      for (const [key, value] of Object.entries(request.data)) message.setMeta(key, value);
      return;
    }
    try {
      await deps.events.rebindMessage(message, request.data);
    } catch (error) {
      deps.diagnostic('error', `rebind_message: ${toError(error).message}`);
    }
  }
}

function textMeta(message: Message, key: string): string | null {
  const value = message.getMeta(key);
  return typeof value === 'string' ? value : null;
}

function nameOf(message: Message, queue: ScheduledQueue): string {
  try {
    return message.queueName();
  } catch {
    return queue.name;
  }
}
