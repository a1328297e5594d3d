/**
 * The scheduled queues there are: found or made by name, configured by a route or the policy,
 * refreshed, and dropped when they have been empty for long.
 *
 * A configuration that fails is remembered for 60 s, so that every message of that name meets the
 * same answer without asking the script again. A refresh that fails changes nothing. In ordinary
 * mode it happens when a message comes, in strict mode beside everything else.
 *
 * Source: reference `queues-delivery.md` §2; golden `queue-config-*`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs, MonotonicMs } from '../base/clock.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { QueueName } from '../mail/queue-name.ts';
import type { EventCall, EventTrace } from '../policy/event-call.ts';
import type { QueueConfig } from '../policy/settings.ts';
import { builtInConfig } from './built-in-queues.ts';
import { AnswerTrace } from './config-source.ts';
import type { ConfigSource } from './config-source.ts';
import { EgressSelection } from './egress-selection.ts';
import { eventArguments } from './queue-deps.ts';
import type { QueueParts } from './queue-deps.ts';
import { ScheduledQueue } from './scheduled-queue.ts';

const FAILURE_KEPT_MS = 60_000;
/** Queues refreshed before others get a turn. */
const REFRESH_BATCH = 50;

export class QueueRegistry {
  readonly #parts: QueueParts;
  readonly #queues = new Map<string, ScheduledQueue>();
  readonly #failures = new Map<string, { readonly error: Error; readonly untilMs: MonotonicMs }>();
  readonly #configuring = new Map<string, Promise<void>>();
  readonly #wheelOriginMs: EpochMs;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#wheelOriginMs = parts.deps.clock.now();
  }

  get(name: string): ScheduledQueue | null {
    return this.#queues.get(name) ?? null;
  }

  all(): IterableIterator<ScheduledQueue> {
    return this.#queues.values();
  }

  /** Finds or makes the queue without asking for its configuration. */
  ensure(name: string): ScheduledQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      const { deps, table } = this.#parts;
      queue = new ScheduledQueue(name, {
        clock: deps.clock,
        table,
        wheelOriginMs: this.#wheelOriginMs,
        onWake: (woken) => void this.#parts.promotion.promoteDue(woken),
      });
      this.#queues.set(name, queue);
      this.#parts.activity.changed();
    }
    return queue;
  }

  /**
   * The queue with a configuration; in ordinary mode not older than its refresh interval.
   * @throws {Error} with the text of what failed; for 60 s without asking again
   */
  async resolve(name: string, trace: EventTrace | null): Promise<ScheduledQueue> {
    const known = this.#queues.get(name);
    if (known?.isResolved === true) {
      if (this.#parts.deps.mode === 'ordinary' && this.#isStale(known)) await this.refresh(known);
      return known;
    }
    const failure = this.#failures.get(name);
    if (failure !== undefined) {
      if (this.#parts.deps.clock.monotonic() < failure.untilMs) throw failure.error;
      this.#failures.delete(name);
    }
    await this.#configure(name, trace);
    return this.ensure(name);
  }

  /** `resolve`, for a queue that has messages already: a failure is noted on it, not thrown. */
  async settle(queue: ScheduledQueue): Promise<boolean> {
    try {
      await this.resolve(queue.name, null);
      return true;
    } catch (error) {
      queue.refreshFailed(toError(error).message);
      return false;
    }
  }

  /** Asks for a queue's configuration again; what it had stays when that fails. */
  async refresh(queue: ScheduledQueue): Promise<void> {
    try {
      await this.#configure(queue.name, null);
    } catch (error) {
      queue.refreshFailed(toError(error).message);
    }
  }

  /**
   * The policy or the routes changed. KumoMTA refreshes only queues that ask for it
   * (`refresh_strategy = 'Epoch'`), with the pools and sources that it knows until their `ttl`; the
   * ordinary mode asks for all of them.
   */
  async configChanged(): Promise<void> {
    const { deps, catalog } = this.#parts;
    if (deps.mode === 'ordinary') {
      catalog.forget();
      this.#failures.clear();
    }
    let count = 0;
    for (const queue of [...this.#queues.values()]) {
      const isMeant = deps.mode === 'ordinary' || queue.config.refreshStrategy === 'Epoch';
      if (!isMeant || !queue.isResolved) continue;
      await this.refresh(queue);
      if (++count % REFRESH_BATCH === 0) await deps.realClock.sleep(0);
    }
    this.#parts.activity.changed();
  }

  /** Strict mode: what is older than its refresh interval is asked for, used or not, as in KumoMTA. */
  async refreshStale(): Promise<void> {
    const { deps, activity } = this.#parts;
    if (deps.mode === 'ordinary') return;
    for (const queue of [...this.#queues.values()]) {
      if (activity.isStopping) return;
      if (queue.isResolved && this.#isStale(queue)) await this.refresh(queue);
    }
  }

  /** Drops queues that have been empty for their `reap_interval`. */
  reap(): void {
    const now = this.#parts.deps.clock.now();
    for (const queue of this.#queues.values()) {
      const isIdle = queue.depth === 0 && queue.outsideCount === 0;
      if (isIdle && now >= queue.lastChangeMs + queue.config.reapIntervalMs) {
        queue.close();
        this.#queues.delete(queue.name);
      }
    }
    const monotonic = this.#parts.deps.clock.monotonic();
    for (const [name, failure] of this.#failures) {
      if (monotonic >= failure.untilMs) this.#failures.delete(name);
    }
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
  }

  #isStale(queue: ScheduledQueue): boolean {
    const { refreshStrategy, refreshIntervalMs } = queue.config;
    const now = this.#parts.deps.clock.monotonic();
    return refreshStrategy === 'Ttl' && now >= (queue.configuredMs ?? 0) + refreshIntervalMs;
  }

  /** One question per name at a time; who comes meanwhile gets the same answer. */
  async #configure(name: string, trace: EventTrace | null): Promise<void> {
    const running = this.#configuring.get(name);
    if (running !== undefined) return running;
    const asking = this.#ask(name, trace).finally(() => this.#configuring.delete(name));
    this.#configuring.set(name, asking);
    return asking;
  }

  async #ask(name: string, trace: EventTrace | null): Promise<void> {
    const { deps, catalog } = this.#parts;
    const known = this.#queues.get(name);
    const parsed = known?.parsed ?? parseQueueName(name);
    try {
      const builtIn = builtInConfig(name);
      const answer =
        builtIn === null ? (deps.overlay?.answer(...eventArguments(parsed)) ?? null) : null;
      const asked = new AnswerTrace(trace);
      if (answer !== null) trace?.add(routeAnswered(answer.route, parsed, trace));
      const config =
        builtIn ??
        answer?.config ??
        (await deps.events.getQueueConfig(...eventArguments(parsed), asked));
      const source: ConfigSource =
        builtIn !== null
          ? { kind: 'built-in' }
          : answer !== null
            ? { kind: 'route', route: answer.route }
            : asked.source;
      const pool = await catalog.pool(config.egressPool, trace);
      const queue = this.ensure(name);
      if (!queue.selection.isFor(pool.name, pool.entries)) {
        queue.selection = new EgressSelection(pool.name, pool.entries);
      }
      queue.configure(this.#lasting(queue, config), answer?.route ?? null, source);
      this.#failures.delete(name);
    } catch (thrown) {
      const error = toError(thrown);
      if (known?.isResolved !== true) {
        this.#failures.set(name, { error, untilMs: deps.clock.monotonic() + FAILURE_KEPT_MS });
      }
      throw error;
    }
  }

  /** In strict mode a queue that lives keeps the strategy it began with, as in KumoMTA. */
  #lasting(queue: ScheduledQueue, config: QueueConfig): QueueConfig {
    const { deps } = this.#parts;
    const { strategy } = queue.config;
    if (deps.mode === 'ordinary' || !queue.isResolved || config.strategy === strategy)
      return config;
    deps.diagnostic('warn', `Queue ${queue.name}: the strategy of a live queue cannot be changed`);
    return { ...config, strategy };
  }
}

/** The Journey shows a route's answer as it shows the policy's. */
function routeAnswered(route: string, name: QueueName, trace: EventTrace): EventCall {
  return {
    event: 'get_queue_config',
    atMs: trace.elapsedMs(),
    durationMs: 0,
    args: eventArguments(name).map((value) => value ?? 'nil'),
    returned: ['QueueConfig'],
    prints: [],
    metaChanges: [],
    route,
  };
}
