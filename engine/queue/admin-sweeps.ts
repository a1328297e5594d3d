/**
 * What an operator does to messages that already wait: bounce them, bind them to another queue.
 * A sweep takes what is in the matching queues now, one message after the other, and runs beside
 * everything else.
 *
 * Source: reference `queues-delivery.md` §10.1, §10.4; golden `admin-bounce`, `admin-rebind`.
 */
import { toError } from '../base/assert.ts';
import type { SpoolId } from '../base/ids.ts';
import { adjustDue } from '../mail/scheduling.ts';
import type { Message } from '../mail/message.ts';
import { matches } from './admin-rules.ts';
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
  /** Ask `rebind_message` instead of setting the data as meta. */
  readonly triggerEvent: boolean;
  /** Due at once, whether the queue changed or not. */
  readonly alwaysFlush: boolean;
}

/** Messages of one sweep that are read back at the same time. */
const SWEEP_COUNT_MAX = 32;

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
        await Promise.all(entries.map((entry) => this.#with(queue, entry, (m) => what(queue, m))));
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
