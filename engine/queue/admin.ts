/**
 * What an operator may do to the queues: rules for a while (bounce, suspend), and verbs for what
 * waits now (deliver, rebind, another due time). The window, the HTTP API and the policy's own
 * `kumo.api.admin` all end here.
 *
 * Source: reference `queues-delivery.md` §10, `http-logs-reception.md` §2.2-2.5.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { onlyQueue } from './admin-rules.ts';
import type { BounceRule, Criteria, ReadySuspendRule, SuspendRule } from './admin-rules.ts';
import { AdminSweeps } from './admin-sweeps.ts';
import type { DueChange, Rebound, RebindRequest } from './admin-sweeps.ts';
import { IdSet } from './waiting-table.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

/** Rules last five minutes unless their maker says otherwise. */
const RULE_DURATION_MS = 300_000;

export class QueueAdmin {
  readonly #parts: QueueParts;
  readonly #sweeps: AdminSweeps;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#sweeps = new AdminSweeps(parts);
  }

  /**
   * Bounces what enters the matching queues from now on and, unless the policy asked, what waits
   * in them. Returns at once; the sweep goes on by itself and counts in the rule.
   */
  bounce(
    rule: {
      readonly criteria: Criteria;
      readonly reason: string;
      readonly durationMs?: number;
      readonly suppressLogging?: boolean;
    },
    scope: 'also-waiting' | 'only-new' = 'also-waiting',
  ): BounceRule {
    const made = this.#parts.rules.addBounce({
      ...rule,
      durationMs: rule.durationMs ?? RULE_DURATION_MS,
      suppressLogging: scope === 'also-waiting' && rule.suppressLogging === true,
    });
    if (scope === 'also-waiting') this.#beside('bounce', this.#sweeps.bounce(made));
    this.#parts.activity.changed();
    return made;
  }

  suspend(rule: {
    readonly criteria: Criteria;
    readonly reason: string;
    readonly durationMs?: number;
  }): SuspendRule {
    const made = this.#parts.rules.addSuspension({
      ...rule,
      durationMs: rule.durationMs ?? RULE_DURATION_MS,
    });
    this.#parts.activity.changed();
    return made;
  }

  /** The messages in that ready queue go back at once. */
  suspendReadyQueue(rule: {
    readonly name: string;
    readonly reason: string;
    readonly durationMs?: number;
  }): ReadySuspendRule {
    const made = this.#parts.rules.addReadySuspension({
      ...rule,
      durationMs: rule.durationMs ?? RULE_DURATION_MS,
    });
    this.#beside('suspend', this.#parts.readyQueues.suspended(rule.name));
    this.#parts.activity.changed();
    return made;
  }

  bounces(): readonly BounceRule[] {
    return this.#parts.rules.bounces();
  }

  suspensions(): readonly SuspendRule[] {
    return this.#parts.rules.suspensions();
  }

  readySuspensions(): readonly ReadySuspendRule[] {
    return this.#parts.rules.readySuspensions();
  }

  /** Aborts one session of a ready queue; false when there is no such session. */
  abortSession(readyQueue: string, sessionId: string): boolean {
    const sessions = this.#parts.readyQueues.get(readyQueue)?.dispatchers ?? [];
    const session = [...sessions].find(({ id }) => id === sessionId);
    session?.abort();
    return session !== undefined;
  }

  removeBounce(id: string): boolean {
    return this.#told(this.#parts.rules.removeBounce(id));
  }

  removeSuspension(id: string): boolean {
    return this.#told(this.#parts.rules.removeSuspension(id));
  }

  removeReadySuspension(id: string): boolean {
    const rule = this.#parts.rules.removeReadySuspension(id);
    if (rule !== null) this.#parts.readyQueues.get(rule.name)?.maintain();
    return this.#told(rule !== null);
  }

  /** Ends the bouncing of a queue that was asked for by its name; false when it was not. */
  stopBounce(queue: string): boolean {
    const { rules } = this.#parts;
    const key = JSON.stringify(onlyQueue(queue));
    const meant = rules.bounces().filter((rule) => JSON.stringify(rule.criteria) === key);
    for (const rule of meant) rules.removeBounce(rule.id);
    return this.#told(meant.length > 0);
  }

  /** Takes away the suspensions that were made for this queue by its name. */
  resume(queue: string): number {
    const { rules } = this.#parts;
    const key = JSON.stringify(onlyQueue(queue));
    const meant = rules.suspensions().filter((rule) => JSON.stringify(rule.criteria) === key);
    for (const rule of meant) rules.removeSuspension(rule.id);
    this.#parts.activity.changed();
    return meant.length;
  }

  /** Starts the rebind and returns; nothing of it is kept. */
  rebind(request: RebindRequest): void {
    this.#beside('rebind', this.#sweeps.rebind(request));
  }

  /** The same, resolved when it is done. */
  rebindNow(request: RebindRequest): Promise<number> {
    return this.#sweeps.rebind(request);
  }

  /** Binds single messages to another queue; resolves to what was done. */
  rebindMessages(
    ids: readonly SpoolId[],
    request: Omit<RebindRequest, 'criteria'>,
  ): Promise<Rebound[]> {
    return this.#sweeps.rebindMessages(ids, request);
  }

  /** Bounces single messages; resolves to how many were still waiting. */
  bounceMessages(ids: readonly SpoolId[], reason: string): Promise<number> {
    return this.#sweeps.bounceMessages(ids, {
      id: '',
      criteria: onlyQueue(''),
      reason,
      expiresMs: 0,
      suppressLogging: false,
      bounced: new Map(),
    });
  }

  /**
   * Sends messages on their way now, whatever their due time: those of the ids, those of a queue,
   * or all. Attempts and schedule are not touched otherwise.
   * @returns how many were waiting
   */
  deliverNow(what: { readonly queue?: string; readonly ids?: readonly SpoolId[] }): number {
    const { deps, registry, promotion } = this.#parts;
    const queues = what.queue === undefined ? [...registry.all()] : this.#named(what.queue);
    const ids = what.ids === undefined ? null : new IdSet(what.ids);
    const now = deps.clock.now();
    let count = 0;
    for (const queue of queues) {
      if (ids === null) {
        count += queue.depth;
        queue.makeAllDue(now);
      } else {
        const entries = queue.takeAll(ids);
        count += entries.length;
        for (const entry of entries) queue.add({ ...entry, dueMs: now });
      }
      void promotion.promoteDue(queue);
    }
    return count;
  }

  /**
   * Other due times for messages that wait; one in the past means at the next tick.
   * @returns what the due times were, of those that did wait
   */
  setDue(changes: readonly DueChange[]): Promise<DueChange[]> {
    return this.#sweeps.setDue(changes);
  }

  /**
   * One due time for everything that waits in a queue, however much that is.
   * @returns how many those are
   */
  setAllDue(name: string, dueMs: EpochMs): number {
    const queue = this.#parts.registry.get(name);
    if (queue === null) return 0;
    queue.setAllDue(dueMs);
    this.#parts.deps.store.setQueueDue(name, dueMs);
    this.#parts.activity.changed();
    return queue.depth;
  }

  /** The due times of everything that waits in a queue, earliest first. */
  dueTimes(queue: string): DueChange[] {
    const found = this.#parts.registry.get(queue);
    const waiting = found === null ? [] : found.earliest(found.depth);
    return waiting.map(({ id, dueMs }) => ({ id, dueMs }));
  }

  /** The mail clock was moved back: what waits, and every rule, keeps its distance. */
  shiftDue(byMs: number): void {
    const { registry, rules, deps, activity } = this.#parts;
    for (const queue of registry.all()) queue.shiftDue(byMs);
    rules.shift(byMs);
    deps.store.shiftDue(byMs);
    activity.changed();
  }

  #named(name: string): ScheduledQueue[] {
    const queue = this.#parts.registry.get(name);
    return queue === null ? [] : [queue];
  }

  #told(isDone: boolean): boolean {
    if (isDone) this.#parts.activity.changed();
    return isDone;
  }

  #beside(verb: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#parts.deps.diagnostic('error', `Cannot ${verb}: ${toError(error).message}`);
    });
  }
}
