/**
 * A ready queue: messages that are due, waiting for a session on one egress path. It decides how
 * many sessions there are; each of them (`dispatcher.ts`) takes messages by itself.
 *
 * It keeps the protocol of the scheduled queue that made it, whoever else feeds it later.
 * Invariant: never more than `max_ready` messages, never more sessions than the limits allow.
 *
 * Source: reference `queues-delivery.md` §4.3, §4.7.
 */
import type { EpochMs, MonotonicMs, Timer } from '../base/clock.ts';
import { isSiteOf, readyQueueName, routingDomainOf } from '../delivery/ready-queue-name.ts';
import type { EgressSite } from '../delivery/ready-queue-name.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import { singleLine } from '../mail/smtp-reply.ts';
import type { DeliveryProtocol, EgressPathConfig, EgressSource } from '../policy/settings.ts';
import { toError } from '../base/assert.ts';
import { Dispatcher } from './dispatcher.ts';
import type { QueueParts } from './queue-deps.ts';
import { ReadyMessages } from './ready-messages.ts';
import type { ReadyEntry } from './ready-messages.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

export interface ReadyQueueIdentity {
  readonly name: string;
  readonly site: EgressSite;
  readonly pool: string;
  readonly source: EgressSource;
  /** The scheduled queue it was made for. */
  readonly creator: ScheduledQueue;
  readonly protocol: DeliveryProtocol;
}

/** Conditions that the admin API lists. */
export type ReadyState = 'connection_limited' | 'connection_rate_throttled';

/** A session that ended without a message in hand is followed by another one after this long. */
const NEXT_SESSION_MS = 1000;
const REAP_MS = 10 * 60_000;

/**
 * How many sessions that many messages are worth: KumoMTA's curve, which opens few at first and
 * approaches the limit.
 */
export function idealConnections(readyCount: number, limit: number): number {
  const wanted = limit * Math.min(1 - Math.exp(-0.023 * readyCount), readyCount);
  return Math.min(Math.ceil(wanted), readyCount);
}

export class ReadyQueue {
  readonly messages: ReadyMessages;
  /** In a row; a session that connects begins anew. */
  consecutiveFailures = 0;
  lastReply: string | null = null;
  /** Its plan cannot be made and says nothing about the messages: they stay, and it is retried. */
  planTrouble: string | null = null;
  readonly #parts: QueueParts;
  readonly #dispatchers = new Set<Dispatcher>();
  readonly #idle: ((isWoken: boolean) => void)[] = [];
  readonly #states = new Map<ReadyState, { readonly context: string; readonly since: EpochMs }>();
  #identity: ReadyQueueIdentity;
  #path: EgressPathConfig;
  #configuredMs: MonotonicMs;
  #refreshing: Promise<void> | null = null;
  #wokenCount = 0;
  #generation = 0;
  #lastUsedMs: MonotonicMs;
  #pause: Timer | null = null;

  constructor(parts: QueueParts, identity: ReadyQueueIdentity, path: EgressPathConfig) {
    this.#parts = parts;
    this.messages = new ReadyMessages(parts);
    this.#identity = identity;
    this.#path = path;
    this.#configuredMs = parts.deps.clock.monotonic();
    this.#lastUsedMs = this.#configuredMs;
  }

  get identity(): ReadyQueueIdentity {
    return this.#identity;
  }

  get name(): string {
    return this.#identity.name;
  }

  get path(): EgressPathConfig {
    return this.#path;
  }

  get count(): number {
    return this.messages.count;
  }

  get isFull(): boolean {
    return this.count >= this.#path.maxReady;
  }

  get dispatchers(): ReadonlySet<Dispatcher> {
    return this.#dispatchers;
  }

  get states(): ReadonlyMap<ReadyState, { readonly context: string; readonly since: EpochMs }> {
    return this.#states;
  }

  /** Grows when the policy changed: a session of an earlier one ends between two messages. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether only the passing of mail time, or somebody's decision, can move anything here. */
  get isSettled(): boolean {
    const sessions = [...this.#dispatchers];
    if (sessions.some((session) => session.isBusy)) return false;
    if (this.count === 0 || this.planTrouble !== null || this.isSuspended) return true;
    return sessions.some((session) => session.isAsleep);
  }

  get isSuspended(): boolean {
    return this.#parts.rules.readySuspension(this.name) !== null;
  }

  /** How long it pauses now, after a session that ended without a message; null when it does not. */
  get pauseMs(): number | null {
    return this.#pause === null ? null : NEXT_SESSION_MS;
  }

  push(entry: ReadyEntry): void {
    this.#lastUsedMs = this.#parts.deps.clock.monotonic();
    this.messages.push(entry);
    this.#wakeOne();
    // A new message does not sit out the pause after a session that failed.
    this.#endPause();
    this.maintain();
    this.#parts.activity.changed();
  }

  /** The next message, as `ReadyMessages.take`. */
  take(): ReadyEntry | null | Promise<ReadyEntry | null> {
    const taken = this.messages.take();
    if (taken !== null) this.#parts.activity.changed();
    return taken;
  }

  /** Counts one selection of this source; false when the rate of selections is used up. */
  takeSelection(): boolean {
    const { deps } = this.#parts;
    const { sourceSelectionRate, additionalSourceSelectionRates } = this.#path;
    const rates = Object.entries(additionalSourceSelectionRates);
    if (sourceSelectionRate !== null) {
      rates.unshift([`kumomta.source_selection_rate.${this.name}`, sourceSelectionRate]);
    }
    return rates.every(
      ([key, rate]) => !deps.throttles.take(key, rate, deps.clock.monotonic()).isThrottled,
    );
  }

  /** Opens sessions up to the number that the messages are worth. */
  maintain(): void {
    const { activity, readyQueues } = this.#parts;
    if (activity.isStopping || this.#pause !== null || this.isSuspended) return;
    const waiting = Math.max(0, this.count - this.#wokenCount);
    const ideal = idealConnections(waiting, this.#path.connectionLimit);
    while (this.#dispatchers.size < ideal) {
      const limited = readyQueues.takeLease(this);
      if (limited !== null) {
        this.setState('connection_limited', limited);
        return;
      }
      this.clearState('connection_limited');
      const dispatcher = new Dispatcher(this.#parts, this);
      this.#dispatchers.add(dispatcher);
      void dispatcher.run();
    }
  }

  /** A session is over. Without a message in hand, the next one waits a moment. */
  ended(dispatcher: Dispatcher, how: 'paused' | 'at-once'): void {
    const { deps, activity, readyQueues } = this.#parts;
    this.#dispatchers.delete(dispatcher);
    this.#lastUsedMs = deps.clock.monotonic();
    readyQueues.releaseLease(this);
    activity.changed();
    if (activity.isStopping) return;
    if (how === 'at-once') return this.maintain();
    this.#pause?.cancel();
    this.#pause = deps.realClock.timer(NEXT_SESSION_MS, () => {
      this.#pause = null;
      this.maintain();
    });
  }

  /** Resolves true when a message may be there, false after `timeoutMs` of real time. */
  async waitForMessage(timeoutMs: number): Promise<boolean> {
    const { deps } = this.#parts;
    let settle: (isWoken: boolean) => void = () => {};
    const woken = new Promise<boolean>((resolve) => (settle = resolve));
    this.#idle.push(settle);
    const timer = deps.realClock.timer(timeoutMs, () => {
      const at = this.#idle.indexOf(settle);
      if (at >= 0) this.#idle.splice(at, 1);
      settle(false);
    });
    const isWoken = await woken;
    timer.cancel();
    if (isWoken) this.#wokenCount = Math.max(0, this.#wokenCount - 1);
    return isWoken;
  }

  /** Sessions that wait look again: the queue was suspended, one was aborted, or everything stops. */
  wakeAll(): void {
    while (this.#idle.length > 0) this.#wakeOne();
  }

  setState(state: ReadyState, context: string): void {
    if (this.#states.get(state)?.context === context) return;
    this.#states.set(state, { context, since: this.#parts.deps.clock.now() });
    this.#parts.activity.changed();
  }

  clearState(state: ReadyState): void {
    if (this.#states.delete(state)) this.#parts.activity.changed();
  }

  noteReply(reply: SmtpReply): void {
    this.lastReply = singleLine(reply);
  }

  /** A refresh when the configuration is older than its refresh interval; null when it is not. */
  refreshWhenStale(): Promise<void> | null {
    const { refreshStrategy, refreshIntervalMs } = this.#path;
    const now = this.#parts.deps.clock.monotonic();
    if (refreshStrategy !== 'Ttl' || now < this.#configuredMs + refreshIntervalMs) return null;
    return this.refresh();
  }

  /** Asks for the path's configuration again; who comes meanwhile gets the same answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** What it had stays when it fails. */
  async #refresh(): Promise<void> {
    const { deps } = this.#parts;
    try {
      const { creator, source, site } = this.#identity;
      const domain = routingDomainOf(creator.parsed);
      this.#path =
        deps.overlay?.path?.(domain, site.name) ??
        (await deps.events.getEgressPathConfig(domain, source.name, site.name, null));
      this.maintain();
    } catch (error) {
      deps.diagnostic('error', `Ready queue ${this.name}: ${toError(error).message}`);
    } finally {
      this.#configuredMs = deps.clock.monotonic();
    }
  }

  /**
   * The policy changed: source and protocol too, as far as the name allows. Sessions of before end,
   * since a script's object lives in the old policy, and a connection was made with old settings.
   */
  async renew(): Promise<void> {
    this.#generation++;
    this.wakeAll();
    const { name, creator, source, site } = this.#identity;
    const { protocol } = creator.config;
    const renewed = await this.#parts.catalog.source(source.name, null).catch(() => source);
    const leadsHere =
      readyQueueName(source.name, site.name, protocol) === name && isSiteOf(site, protocol);
    this.#identity = {
      ...this.#identity,
      source: renewed,
      ...(leadsHere ? { protocol } : {}),
    };
    await this.refresh();
  }

  /** Nothing happened here for long, and nobody waits for its path. */
  isReapable(nowMs: MonotonicMs): boolean {
    if (this.count > 0 || this.#dispatchers.size > 0 || this.#refreshing !== null) return false;
    return nowMs >= this.#lastUsedMs + REAP_MS;
  }

  close(): void {
    this.#endPause();
  }

  #endPause(): void {
    this.#pause?.cancel();
    this.#pause = null;
  }

  #wakeOne(): void {
    const settle = this.#idle.shift();
    if (settle === undefined) return;
    this.#wokenCount++;
    settle(true);
  }
}
