/**
 * From a due message to a ready queue: the site of its hosts, a source of the pool in turn, and
 * the ready queue of the two. What cannot be resolved, and pools without a usable source, are
 * failures that are logged here and counted as attempts.
 *
 * Source: reference `queues-delivery.md` §4.3, §4.5, §3.11 rows 12-14; golden `queue-pool-selection`,
 * `queue-path-error`, `admin-suspend-ready`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import { guardReply } from '../delivery/guard-reply.ts';
import { readyQueueName, siteOf } from '../delivery/ready-queue-name.ts';
import type { EgressSite } from '../delivery/ready-queue-name.ts';
import type { Message } from '../mail/message.ts';
import { reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { EntryFailure, ReadyQueueFull } from './entry-failure.ts';
import type { WeightedEntry } from './egress-selection.ts';
import {
  internal,
  noSourceAvailable,
  noSourceEligible,
  resolveFailed,
} from './internal-replies.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ReadyQueue } from './ready-queue.ts';
import type { Way } from './ready-queues.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

/** A failed lookup of a queue's site is not repeated for this long. */
const SITE_FAILURE_KEPT_MS = 60_000;

export class ReadyPath {
  readonly #parts: QueueParts;
  readonly #siteFailures = new WeakMap<
    ScheduledQueue,
    { readonly error: Error; readonly untilMs: EpochMs }
  >();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /**
   * @throws {EntryFailure} nothing could be resolved, or no source is usable
   * @throws {ReadyQueueFull}
   */
  async enter(queue: ScheduledQueue, message: Message, trace: EventTrace | null): Promise<void> {
    // As they are now: the queue may get another way while hosts are looked for.
    const { protocol } = queue.config;
    const { route } = queue;
    if (protocol.kind === 'xfer')
      throw new EntryFailure('transfer to another node is not supported');
    const site = await this.#site(queue, message);
    const nameOf = (entry: WeightedEntry): string =>
      readyQueueName(entry.name, site.name, protocol);
    const { rules } = this.#parts;
    const { entries } = queue.selection;
    let eligible = entries.filter((entry) => rules.readySuspension(nameOf(entry)) === null);
    let isHeld = eligible.length < entries.length;
    let fullName: string | null = null;
    for (;;) {
      const entry = queue.selection.pick(eligible);
      if (entry === null) break;
      const way = { source: entry.name, site, protocol };
      const ready = await this.#obtain(queue, message, way, trace);
      const isFull = ready.isFull;
      if (!isFull && ready.takeSelection()) return ready.push({ queue, message, route });
      if (isFull) this.#parts.deps.observer?.readyFull(ready.name);
      if (isFull) fullName = ready.name;
      else isHeld = true;
      eligible = eligible.filter((other) => other !== entry);
    }
    if (fullName !== null) throw new ReadyQueueFull(fullName);
    throw await this.#noSource(queue, message, isHeld);
  }

  /** The site, or the failure that is kept for a minute. */
  async #site(queue: ScheduledQueue, message: Message): Promise<EgressSite> {
    const { deps } = this.#parts;
    const kept = this.#siteFailures.get(queue);
    if (kept !== undefined && deps.clock.now() < kept.untilMs) {
      throw await this.#unresolved(queue, message, kept.error);
    }
    try {
      return await siteOf(queue.parsed, queue.config.protocol, deps.mx);
    } catch (thrown) {
      const error = toError(thrown);
      // A host that the user opens has to work at once.
      if (guardReply(error) === null) {
        const untilMs = deps.clock.now() + SITE_FAILURE_KEPT_MS;
        this.#siteFailures.set(queue, { error, untilMs });
      }
      throw await this.#unresolved(queue, message, error);
    }
  }

  async #obtain(
    queue: ScheduledQueue,
    message: Message,
    way: Way,
    trace: EventTrace | null,
  ): Promise<ReadyQueue> {
    try {
      return await this.#parts.readyQueues.obtain(queue, way, trace);
    } catch (error) {
      throw await this.#unresolved(queue, message, toError(error));
    }
  }

  /** 14, or the guard's own reply. */
  async #unresolved(queue: ScheduledQueue, message: Message, error: Error): Promise<EntryFailure> {
    const text = resolveFailed(queue.name, error.message);
    const response = guardReply(error) ?? reply(451, `4.4.4 ${text}`);
    return this.#failed(queue, message, { text, response, pool: null });
  }

  /** 12 and 13 */
  async #noSource(queue: ScheduledQueue, message: Message, isHeld: boolean): Promise<EntryFailure> {
    const { pool } = queue.selection;
    const text = isHeld ? noSourceEligible(queue.name, pool) : noSourceAvailable(queue.name, pool);
    return this.#failed(queue, message, { text, response: internal(text), pool });
  }

  async #failed(
    queue: ScheduledQueue,
    message: Message,
    what: { readonly text: string; readonly response: SmtpReply; readonly pool: string | null },
  ): Promise<EntryFailure> {
    const { deps, insertion } = this.#parts;
    const attempt = insertion.beginAttempt(queue, message, '');
    await deps.log.record({
      type: 'TransientFailure',
      message,
      response: what.response,
      egressPool: what.pool,
      providerName: queue.config.providerName,
      attemptId: attempt.id,
      rowSeqs: message.rowSeqs,
    });
    return new EntryFailure(what.text, {
      reasons: ['LoggedTransientFailure'],
      attempt,
      reply: what.response,
    });
  }
}
