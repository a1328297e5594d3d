/**
 * One session of a ready queue (KumoMTA's dispatcher): it plans, takes messages, connects,
 * delivers, waits for more, and ends when it is idle, used up, or of no use.
 *
 * | phase | entered | left |
 * | --- | --- | --- |
 * | Starting | made | a plan, or its failure |
 * | Idle | no message in hand | a message, or the idle timeout |
 * | AttemptingConnection | messages in hand | connected, or no host left |
 * | MessageRateThrottled, ConnectionRateThrottled | a rate is used up | mail time passed |
 * | DeliveringMessage | connected | outcomes are known |
 * | Closing | any | for good |
 *
 * Invariant: a message in hand is delivered, requeued, or given back before the session ends.
 *
 * Source: reference `queues-delivery.md` §4.7, §5.2, §5.4, §5.6, §7.2; golden `smtp-max-deliveries`,
 * `smtp-message-rate`, `lua-session-reuse`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs, MonotonicMs } from '../base/clock.ts';
import { newSessionId } from '../base/ids.ts';
import { Attempt } from '../delivery/attempt.ts';
import { ConnectFailure, PlanFailure, ReturnMessage } from '../delivery/deliverer.ts';
import type { AttemptReport, DeliverySession } from '../delivery/deliverer.ts';
import { deliveryProtocolName } from '../delivery/ready-queue-name.ts';
import { reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import {
  connectFailed,
  deliverFailed,
  READY_QUEUE_THROTTLED,
  RETURNED,
  TOO_MANY_CONNECTION_FAILURES,
  watchdogAborted,
} from './internal-replies.ts';
import { openSession } from './open-session.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ReadyEntry } from './ready-messages.ts';
import type { ReadyQueue } from './ready-queue.ts';
import { retryDelayMs } from './retry-schedule.ts';
import { SessionRates } from './session-rates.ts';
import { hold, SessionRecords } from './session-records.ts';
import type { Held } from './session-records.ts';
import { shutdownLimitMs, STOP_GRACE_MS, watchdogLimitMs, watched } from './watchdog.ts';

/** How a part of the session's loop ended: go on, or end the session this way. */
type Step = 'goes on' | 'ends' | 'failed';

export class Dispatcher {
  readonly id: string;
  readonly startedMs: EpochMs;
  deliveredCount = 0;
  transFailedCount = 0;
  failedCount = 0;
  readonly #parts: QueueParts;
  readonly #ready: ReadyQueue;
  readonly #session: DeliverySession;
  readonly #records: SessionRecords;
  readonly #stop = new AbortController();
  readonly #rates: SessionRates;
  #held: Held[] = [];
  #deliveredThisConnection = 0;
  /** Of the policy that it was opened with. */
  readonly #generation: number;
  #phase = 'Starting';
  #phaseSinceMs: EpochMs;

  constructor(parts: QueueParts, ready: ReadyQueue) {
    this.#parts = parts;
    this.#ready = ready;
    this.id = newSessionId(parts.deps.random);
    this.startedMs = parts.deps.clock.now();
    this.#phaseSinceMs = this.startedMs;
    this.#generation = ready.generation;
    this.#session = openSession(parts, ready, this.id);
    this.#records = new SessionRecords(parts, ready, this.id);
    this.#rates = new SessionRates(parts, ready, {
      enter: (phase) => this.#enter(phase),
      signal: this.#stop.signal,
    });
  }

  get phase(): string {
    return this.#phase;
  }

  get phaseSinceMs(): EpochMs {
    return this.#phaseSinceMs;
  }

  get peer(): string | null {
    return this.#session.peer;
  }

  /** Something will happen without mail time passing. */
  get isBusy(): boolean {
    return !this.isAsleep && this.#phase !== 'Idle' && this.#phase !== 'AccumulatingBatch';
  }

  /** It waits for mail time to pass. */
  get isAsleep(): boolean {
    return this.#phase === 'MessageRateThrottled' || this.#phase === 'ConnectionRateThrottled';
  }

  /** How long it may go on after a stop was asked for; KumoMTA leaves that to the path. */
  get stopGraceMs(): number {
    const isOurs = this.#parts.deps.mode === 'ordinary' || this.isAsleep;
    return isOurs ? STOP_GRACE_MS : shutdownLimitMs(this.#ready.path);
  }

  /** The messages in hand. */
  get entries(): ReadyEntry[] {
    return this.#held.map(({ entry }) => entry);
  }

  async run(): Promise<void> {
    let step: Step = 'failed';
    try {
      step = await this.#loop();
    } catch (error) {
      const { deps } = this.#parts;
      deps.diagnostic('error', `Session of ${this.#ready.name}: ${toError(error).message}`);
    }
    await this.#finish(step);
  }

  /** Ends whatever it is doing; the messages in hand go back. */
  abort(): void {
    this.#stop.abort();
    this.#session.abort();
    this.#ready.wakeAll();
  }

  async #loop(): Promise<Step> {
    // The other messages of a transaction come first: their number decides how many sessions
    // there will be, as it does in KumoMTA, whose sessions are tasks of their own.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const planned = await this.#plan();
    if (planned !== 'goes on') return planned;
    if (!this.#ready.path.aggressiveConnectionOpening) {
      await this.#fill();
      if (this.#held.length === 0) return 'ends';
    }
    const { store } = this.#parts.deps;
    while (!this.#session.isExhausted) {
      if (store.isBehind) await store.caughtUp();
      if (!(await this.#waitForMessages())) return 'ends';
      const step = await this.#deliverHeld();
      if (step !== 'goes on') return step;
    }
    return 'ends';
  }

  async #plan(): Promise<Step> {
    try {
      await this.#session.plan();
      this.#ready.planTrouble = null;
      return 'goes on';
    } catch (error) {
      if (error instanceof PlanFailure) {
        this.#ready.planTrouble = null;
        await this.#failAll(error.kind, error.reply, error.reason);
      } else if (this.#parts.deps.mode === 'ordinary') {
        const refusal = reply(451, `4.4.4 cannot plan the delivery: ${toError(error).message}`);
        await this.#failAll('deferred', refusal, 'MxResolvedToZeroHosts');
      } else {
        // KumoMTA keeps the messages, says nothing and tries for ever.
        this.#ready.planTrouble = toError(error).message;
        this.#parts.activity.changed();
      }
      return 'failed';
    }
  }

  /** False when the session is to end, with or without messages in hand. */
  async #waitForMessages(): Promise<boolean> {
    const { deps, activity } = this.#parts;
    const { path } = this.#ready;
    const { minBatchSize, maxLatencyMs } = this.#records.batch;
    const idleAt = deps.realClock.monotonic() + path.timeouts.idleMs;
    let batchAt = this.#held.length > 0 ? deps.realClock.monotonic() + maxLatencyMs : Infinity;
    for (;;) {
      const isUsedUp = this.#deliveredThisConnection >= path.maxDeliveriesPerConnection;
      if (activity.isStopping || this.#stop.signal.aborted || isUsedUp) return false;
      if (this.#ready.isSuspended) {
        await this.#giveBack('ReadyQueueWasSuspended');
        return false;
      }
      if (this.#held.length === 0 && this.#generation !== this.#ready.generation) return false;
      const before = this.#held.length;
      await this.#fill();
      if (this.#held.length >= minBatchSize) return true;
      const now = deps.realClock.monotonic();
      if (before === 0 && this.#held.length > 0) batchAt = now + maxLatencyMs;
      const waitMs = Math.min(idleAt, batchAt) - now;
      this.#enter(this.#held.length > 0 ? 'AccumulatingBatch' : 'Idle');
      if (waitMs <= 0 || !(await this.#ready.waitForMessage(waitMs))) {
        return this.#held.length > 0;
      }
    }
  }

  /** Takes messages up to a batch; those of bounced or suspended queues are dealt with here. */
  async #fill(): Promise<void> {
    const { rules, insertion } = this.#parts;
    while (this.#held.length < this.#records.batch.batchSize) {
      const taken = this.#ready.take();
      const entry = taken instanceof Promise ? await taken : taken;
      if (entry === null) return;
      const { queue, message } = entry;
      const bounce = rules.bounceFor(queue.name, queue.parsed);
      const suspension = rules.suspensionFor(queue.name, queue.parsed);
      if (bounce !== null) {
        await insertion.adminBounce(queue, message, bounce);
        queue.outsideCount--;
      } else if (suspension !== null) {
        const session = { id: this.id, readyQueue: this.#ready.name };
        await insertion.suspended(queue, message, suspension, session);
        queue.outsideCount--;
      } else {
        this.#held.push(hold(entry));
      }
    }
  }

  async #deliverHeld(): Promise<Step> {
    const wasConnected = this.#session.peer !== null;
    if (!wasConnected) await this.#rates.passConnectionRate();
    if (wasConnected && !(await this.#passMessageRate())) return 'goes on';
    if (this.#parts.activity.isStopping) return 'ends';
    for (const held of this.#held) held.attempt ??= this.#begin(held.entry);
    const connected = await this.#connect();
    if (connected !== 'goes on') return connected;
    if (!wasConnected && !(await this.#passMessageRate())) return 'goes on';
    return this.#deliver();
  }

  async #passMessageRate(): Promise<boolean> {
    const answer = await this.#rates.passMessageRate(this.#held.length);
    if (typeof answer === 'object') await this.#throttleAll(answer.waitMs);
    return answer === 'goes';
  }

  #begin({ queue, message, route }: ReadyEntry): Attempt {
    const { deps } = this.#parts;
    const { identity } = this.#ready;
    return Attempt.begin(deps, message, {
      protocol: deliveryProtocolName(identity.protocol),
      site: identity.name,
      pool: identity.pool,
      source: identity.source.name,
      route: message.routeName ?? route,
      nextDueMs: deps.clock.now() + retryDelayMs(message.numAttempts, queue.config),
    });
  }

  async #connect(): Promise<Step> {
    this.#enter('AttemptingConnection');
    try {
      await this.#session.connect(this.#held.map(({ entry }) => entry.message));
      this.#ready.consecutiveFailures = 0;
      return 'goes on';
    } catch (error) {
      if (this.#stop.signal.aborted) return 'failed';
      if (error instanceof ReturnMessage) {
        if (error.reason === 'PeerClosedConnection') await this.#giveBack(error.reason);
        return 'ends';
      }
      const failure =
        error instanceof ConnectFailure ? error : new ConnectFailure(toError(error).message);
      for (const { attempt } of this.#held) attempt?.add(failure);
      await this.#failHeld(failure.reply ?? connectFailed(failure.message));
      const { consecutiveConnectionFailuresBeforeDelay: limit } = this.#ready.path;
      if (this.#ready.consecutiveFailures++ > limit) {
        await this.#failAll('deferred', TOO_MANY_CONNECTION_FAILURES, 'TooManyConnectionFailures');
      }
      return 'failed';
    }
  }

  async #deliver(): Promise<Step> {
    const { deps } = this.#parts;
    for (;;) {
      this.#enter('DeliveringMessage');
      const messages = this.#held.map(({ entry }) => entry.message);
      let report: AttemptReport;
      try {
        for (const message of messages) {
          if (!message.isLoaded) await deps.store.loadBody(message);
          message.wake();
        }
        const recorded = deps.store.durable();
        // A delivery that is refused early does not wait for it.
        recorded.catch(() => undefined);
        const startedAt = deps.realClock.monotonic();
        const finished = await watched(this.#session.deliver(messages, recorded), {
          realClock: deps.realClock,
          limitMs: watchdogLimitMs(this.#ready.path, this.#ready.identity.protocol),
          signal: this.#stop.signal,
        });
        const seconds = (deps.realClock.monotonic() - startedAt) / 1000;
        deps.observer?.delivered(this.#ready.name, seconds);
        if (typeof finished === 'string') {
          this.#session.abort();
          if (finished === 'too late') await this.#giveUp(startedAt);
          return 'failed';
        }
        report = finished.done;
      } catch (error) {
        if (this.#stop.signal.aborted) return 'failed';
        await this.#failHeld(deliverFailed(toError(error).message));
        return 'goes on';
      }
      this.#deliveredThisConnection += messages.length;
      if (report.connectionBroken) this.#deliveredThisConnection = 0;
      for (const held of this.#held) await this.#records.record(held, report);
      this.#count(report);
      if (report.unfinished !== true) break;
      this.#held = this.#held.filter(({ entry }) => entry.message.recipients.length > 0);
      const connected = await this.#connect();
      if (connected !== 'goes on') return connected;
    }
    await this.#letGo((held) => this.#records.conclude(held));
    return 'goes on';
  }

  /** One reply for all messages in hand, which are tried again later. */
  async #failHeld(reply: SmtpReply): Promise<void> {
    this.transFailedCount += this.#held.length;
    await this.#letGo((held) => this.#records.defer(held, reply));
  }

  /** One reply for everything in the ready queue (and nothing in hand). */
  async #failAll(
    kind: 'deferred' | 'bounced',
    reply: SmtpReply,
    reason: PlanFailure['reason'] | 'TooManyConnectionFailures',
  ): Promise<void> {
    for await (const entry of this.#ready.messages.drain()) {
      const held: Held = { ...hold(entry), attempt: this.#begin(entry) };
      try {
        await this.#records.failInBulk(held, { kind, reply, reason });
      } finally {
        entry.queue.outsideCount--;
      }
    }
  }

  /** Straight back into the scheduled queues: the session is of no use to what is in hand. */
  async #giveBack(reason: 'PeerClosedConnection' | 'ReadyQueueWasSuspended'): Promise<void> {
    const { insertion } = this.#parts;
    await this.#letGo(async ({ entry, attempt }) => {
      attempt?.end({ outcome: 'cancelled', reply: null });
      await insertion.insert(entry.queue, entry.message, [reason], null);
    });
  }

  async #letGo(what: (held: Held) => Promise<void>): Promise<void> {
    for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) {
      try {
        await what(held);
      } finally {
        held.entry.queue.outsideCount--;
      }
    }
  }

  /** The wait is too long to sit through: everything goes back, without an attempt. */
  async #throttleAll(delayMs: number): Promise<void> {
    const { requeue } = this.#parts;
    const putOff = async ({ entry, attempt }: Held): Promise<void> => {
      await requeue.requeue({
        ...entry,
        increment: 'keep-count',
        delayMs,
        response: READY_QUEUE_THROTTLED,
        context: ['MessageRateThrottle'],
        trace: null,
        onDecided: ({ nextDueMs }) =>
          attempt?.end({ outcome: 'cancelled', reply: null, nextDueMs }),
      });
    };
    await this.#letGo(putOff);
    for await (const entry of this.#ready.messages.drain()) {
      this.#held.push(hold(entry));
      await this.#letGo(putOff);
    }
  }

  /** The watchdog barked: what it saw is logged, and the messages go back when the session ends. */
  async #giveUp(startedAt: MonotonicMs): Promise<void> {
    const { clock, realClock, observer } = this.#parts.deps;
    observer?.watchdogAborted(this.#ready.name);
    const reply = watchdogAborted({
      phase: this.#phase,
      detail: null,
      id: this.id,
      ageMs: clock.now() - this.startedMs,
      phaseMs: realClock.monotonic() - startedAt,
    });
    for (const held of this.#held) await this.#records.logDelayed(held, reply);
  }

  /** Messages in hand go back uncounted, unless some of their recipients have outcomes already. */
  async #finish(step: Step): Promise<void> {
    const { deps, activity, requeue, waiting } = this.#parts;
    this.#enter('Closing');
    const hadMessages = this.#held.length > 0;
    await this.#letGo(async (held) => {
      const { entry, attempt } = held;
      if (held.outcomes.length > 0) return this.#records.conclude(held);
      if (activity.isStopping) {
        attempt?.end({ outcome: 'cancelled', reply: null, nextDueMs: deps.clock.now() });
        return waiting.keep(entry.queue, entry.message);
      }
      await requeue.requeue({
        ...entry,
        increment: 'keep-count',
        delayMs: null,
        response: RETURNED,
        context: ['DispatcherDrop'],
        trace: null,
        onDecided: ({ nextDueMs }) =>
          attempt?.end({ outcome: 'cancelled', reply: null, nextDueMs }),
      });
    });
    await this.#session.close().catch((error: unknown) => {
      deps.diagnostic('error', `Session of ${this.#ready.name}: ${toError(error).message}`);
    });
    const isPaused = step === 'failed' || deps.mode === 'strict';
    this.#ready.ended(this, isPaused && !hadMessages ? 'paused' : 'at-once');
  }

  #count(report: AttemptReport): void {
    for (const { kind } of report.outcomes) {
      if (kind === 'deferred') this.transFailedCount++;
      else if (kind === 'bounced') this.failedCount++;
      else this.deliveredCount++;
    }
  }

  #enter(phase: string): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#phaseSinceMs = this.#parts.deps.clock.now();
    this.#parts.activity.changed();
  }
}
