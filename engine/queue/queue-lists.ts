/**
 * The queues for people: what there is, how much waits, since when, and why. Snapshots; reading
 * them changes nothing.
 */
import type { EpochMs } from '../base/clock.ts';
import { createdMsOf } from '../base/ids.ts';
import type { SpoolId } from '../base/ids.ts';
import { chronoDebugUtc } from '../base/chrono-text.ts';
import { protocolSuffix } from '../delivery/ready-queue-name.ts';
import type { QueueGauges } from '../log/queue-metrics.ts';
import type { JsonObject } from '../mail/json.ts';
import type { QueueConfig } from '../policy/settings.ts';
import { messageJson, readyQueueJson, readyStatesJson } from './admin-json.ts';
import type { ConfigSource } from './config-source.ts';
import { expiryMs, predictAttempts } from './predict.ts';
import type { PredictedAttempt } from './predict.ts';
import type { QueueParts } from './queue-deps.ts';
import { queueGauges } from './queue-gauges.ts';
import type { Dispatcher } from './dispatcher.ts';
import { factsOf } from './ready-messages.ts';
import type { ReadyFacts } from './ready-messages.ts';
import type { ReadyQueue } from './ready-queue.ts';
import { readyReason, sessionReason } from './ready-reason.ts';
import { describeDelay } from './retry-schedule.ts';
import { explainWaiting, isScheduleWait } from './why-waiting.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import type { WaitingEntry } from './waiting-table.ts';
import { isOnSingleWheel } from './wheel.ts';

export interface RuleSummary {
  readonly id: string;
  readonly reason: string;
  readonly untilMs: EpochMs;
}

export interface ScheduledQueueSummary {
  readonly name: string;
  /** Messages that wait, in ready queues and in attempts included. */
  readonly depth: number;
  readonly nextDueMs: EpochMs | null;
  readonly oldestMs: EpochMs | null;
  readonly lastError: string | null;
  readonly protocol: string;
  readonly suspended: RuleSummary | null;
  readonly bouncing: RuleSummary | null;
  readonly configError: string | null;
}

export interface ReadyQueueSummary {
  readonly name: string;
  readonly depth: number;
  readonly connections: number;
  readonly connectionLimit: number;
  readonly states: readonly string[];
  readonly lastReply: string | null;
  readonly suspended: RuleSummary | null;
}

export interface WaitingSummary {
  readonly messageId: SpoolId;
  /** Of its first recipient. */
  readonly rowSeq: number;
  readonly place: 'scheduled' | 'ready' | 'attempt';
  readonly createdMs: EpochMs;
  readonly dueMs: EpochMs | null;
  readonly numAttempts: number;
  readonly expiresMs: EpochMs;
  /** Without the message's own scheduling, which only the store knows. */
  readonly predicted: readonly PredictedAttempt[];
  readonly why: string;
}

export interface ScheduledQueueDetail {
  readonly queue: ScheduledQueueSummary;
  readonly config: QueueConfig;
  readonly configSource: ConfigSource;
  readonly messages: readonly WaitingSummary[];
  /** Waiting ones that are not listed. */
  readonly more: number;
  readonly nowMs: EpochMs;
}

/** A message that has left its scheduled queue and is not done yet. */
interface OnTheWay {
  readonly queue: ScheduledQueue;
  readonly ready: ReadyQueue;
  /** In whose hands it is; null while it is in the ready queue. */
  readonly session: Dispatcher | null;
  readonly facts: ReadyFacts;
}

/** Looking for the oldest of many messages takes a millisecond; once a second is enough. */
const OLDEST_KEPT_MS = 1000;
const MANY_MESSAGES = 500;

export class QueueLists {
  readonly #parts: QueueParts;
  readonly #oldest = new WeakMap<
    ScheduledQueue,
    { readonly atMs: number; oldestMs: EpochMs | null }
  >();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Messages that wait, all queues together. */
  get waitingCount(): number {
    let count = 0;
    for (const queue of this.#parts.registry.all()) count += queue.depth + queue.outsideCount;
    return count;
  }

  get nextDueMs(): EpochMs | null {
    let next = Infinity;
    for (const queue of this.#parts.registry.all()) {
      next = Math.min(next, queue.nextDueMs ?? Infinity);
    }
    return next === Infinity ? null : next;
  }

  /** When a scheduled queue looks for due messages next: at or a tick after `nextDueMs`. */
  get nextWakeMs(): EpochMs | null {
    let next = Infinity;
    for (const queue of this.#parts.registry.all()) {
      next = Math.min(next, queue.nextWakeMs ?? Infinity);
    }
    return next === Infinity ? null : next;
  }

  scheduled(): ScheduledQueueSummary[] {
    return [...this.#parts.registry.all()].map((queue) => this.#summary(queue));
  }

  /** One queue without its messages; null when there is no such queue. */
  summary(name: string): ScheduledQueueSummary | null {
    const queue = this.#parts.registry.get(name);
    return queue === null ? null : this.#summary(queue);
  }

  /** The configuration of a queue, and who gave it; null when there is no such queue. */
  configOf(name: string): { readonly config: QueueConfig; readonly source: ConfigSource } | null {
    const queue = this.#parts.registry.get(name);
    return queue?.isResolved === true ? { config: queue.config, source: queue.configSource } : null;
  }

  ready(): ReadyQueueSummary[] {
    return [...this.#parts.readyQueues.all()].map((queue) => this.#readySummary(queue));
  }

  /** One queue with its messages by due time; those on their way come first. */
  detail(name: string, limit: number): ScheduledQueueDetail | null {
    const queue = this.#parts.registry.get(name);
    if (queue === null) return null;
    const outside: WaitingSummary[] = [];
    for (const each of this.#outside(queue)) {
      if (outside.length === limit) break;
      outside.push(this.#onTheWay(each));
    }
    const waiting = queue
      .earliest(limit - outside.length)
      .map((entry) => this.#waiting(queue, entry));
    return {
      queue: this.#summary(queue),
      config: queue.config,
      configSource: queue.configSource,
      messages: [...outside, ...waiting],
      more: Math.max(0, queue.depth + queue.outsideCount - waiting.length - outside.length),
      nowMs: this.#parts.deps.clock.now(),
    };
  }

  /** Where a message waits and why; null when it is in no queue. */
  find(id: SpoolId, queueName?: string): WaitingSummary | null {
    const { registry } = this.#parts;
    const named = queueName === undefined ? null : registry.get(queueName);
    for (const queue of named === null ? registry.all() : [named]) {
      const entry = queue.peek(id);
      if (entry !== null) return this.#waiting(queue, entry);
      for (const outside of this.#outside(queue)) {
        if (outside.facts.id === id) return this.#onTheWay(outside);
      }
    }
    return null;
  }

  /** `inspect-sched-q`; null when there is no such queue. */
  async inspectScheduled(
    name: string,
    options: { readonly limit: number | null; readonly wantBody: boolean },
  ): Promise<JsonObject | null> {
    const { registry, waiting, deps } = this.#parts;
    const queue = registry.get(name);
    if (queue === null) return null;
    const isListable = isOnSingleWheel(queue.config);
    const entries = isListable ? queue.earliest(options.limit ?? Infinity) : [];
    const messages: JsonObject[] = [];
    for (const entry of entries) {
      const message = await waiting.peek(entry);
      if (message === null) continue;
      const { wantBody } = options;
      messages.push({ id: entry.id, message: messageJson(message, { wantBody, queued: true }) });
    }
    return {
      queue_name: name,
      messages,
      num_scheduled: queue.depth,
      queue_config: queue.config.json,
      delayed_metric: queue.depth,
      now: chronoDebugUtc(deps.clock.now()),
      last_changed: chronoDebugUtc(queue.lastChangeMs),
    };
  }

  /** `inspect-ready-q`; null when there is no such queue. */
  inspectReady(name: string, includeScheduledQueues: boolean): JsonObject | null {
    const { readyQueues, rules, deps } = this.#parts;
    const queue = readyQueues.get(name);
    if (queue === null) return null;
    return readyQueueJson(queue, {
      nowMs: deps.clock.now(),
      suspension: rules.readySuspension(name),
      includeScheduledQueues,
    });
  }

  /** For `/metrics`. */
  gauges(): QueueGauges {
    return queueGauges(this.#parts);
  }

  /** `ready-q-states` */
  readyStates(): JsonObject {
    return readyStatesJson(this.#parts.readyQueues.all());
  }

  #summary(queue: ScheduledQueue): ScheduledQueueSummary {
    const { rules } = this.#parts;
    const suspension = rules.suspensionFor(queue.name, queue.parsed);
    const bounce = rules.bounceFor(queue.name, queue.parsed);
    return {
      name: queue.name,
      depth: queue.depth + queue.outsideCount,
      nextDueMs: queue.nextDueMs,
      oldestMs: this.#oldestOf(queue),
      lastError: queue.lastError?.text ?? null,
      protocol: protocolSuffix(queue.config.protocol),
      suspended: suspension === null ? null : summaryOf(suspension),
      bouncing: bounce === null ? null : summaryOf(bounce),
      configError: queue.configError,
    };
  }

  #readySummary(queue: ReadyQueue): ReadyQueueSummary {
    const suspension = this.#parts.rules.readySuspension(queue.name);
    const trouble = queue.planTrouble === null ? [] : [queue.planTrouble];
    return {
      name: queue.name,
      depth: queue.count,
      connections: queue.dispatchers.size,
      connectionLimit: queue.path.connectionLimit,
      states: [...queue.states.keys(), ...trouble],
      lastReply: queue.lastReply,
      suspended: suspension === null ? null : summaryOf(suspension),
    };
  }

  #waiting(queue: ScheduledQueue, entry: WaitingEntry): WaitingSummary {
    const { deps, rules } = this.#parts;
    const nowMs = deps.clock.now();
    const createdMs = createdMsOf(entry.id);
    const { dueMs, numAttempts } = entry;
    const state = { createdMs, dueMs, numAttempts, scheduling: null };
    return {
      messageId: entry.id,
      rowSeq: entry.rowSeq,
      place: 'scheduled',
      createdMs,
      dueMs,
      numAttempts,
      expiresMs: expiryMs(state, queue.config),
      predicted: predictAttempts(state, queue.config, nowMs),
      why: explainWaiting({
        place: 'scheduled',
        dueMs,
        nowMs,
        numAttempts,
        reason: entry.reason,
        arithmetic:
          numAttempts > 0 && isScheduleWait(entry.reason)
            ? describeDelay(numAttempts - 1, queue.config, 0)
            : null,
        lastError: numAttempts > 0 ? (queue.lastError?.text ?? null) : null,
        suspendedBecause: rules.suspensionFor(queue.name, queue.parsed)?.reason ?? null,
        configError: queue.isResolved ? null : queue.configError,
        readyQueue: null,
        readyState: null,
      }),
    };
  }

  /** Its messages in sessions' hands and in ready queues. */
  *#outside(queue: ScheduledQueue): Generator<OnTheWay> {
    if (queue.outsideCount === 0) return;
    for (const ready of this.#parts.readyQueues.all()) {
      for (const session of ready.dispatchers) {
        for (const { queue: from, message } of session.entries) {
          if (from === queue) yield { queue, ready, session, facts: factsOf(message) };
        }
      }
      for (const facts of ready.messages.of(queue)) yield { queue, ready, session: null, facts };
    }
  }

  #onTheWay({ queue, ready, session, facts }: OnTheWay): WaitingSummary {
    const { deps, rules } = this.#parts;
    const nowMs = deps.clock.now();
    const place = session === null ? 'ready' : 'attempt';
    const { id, rowSeq, dueMs: due, numAttempts } = facts;
    const createdMs = createdMsOf(id);
    const state = { createdMs, dueMs: due, numAttempts, scheduling: null };
    return {
      messageId: id,
      rowSeq,
      place,
      createdMs,
      dueMs: due,
      numAttempts,
      expiresMs: expiryMs(state, queue.config),
      predicted: predictAttempts(state, queue.config, nowMs),
      why: explainWaiting({
        place,
        dueMs: due,
        nowMs,
        numAttempts,
        reason: null,
        arithmetic: null,
        lastError: null,
        suspendedBecause: null,
        configError: null,
        readyQueue: ready.name,
        readyState:
          session === null
            ? readyReason(ready, rules.readySuspension(ready.name)?.reason ?? null)
            : sessionReason(session),
      }),
    };
  }

  #oldestOf(queue: ScheduledQueue): EpochMs | null {
    const now = this.#parts.deps.realClock.monotonic();
    const known = this.#oldest.get(queue);
    if (queue.depth > MANY_MESSAGES && known !== undefined && now - known.atMs < OLDEST_KEPT_MS) {
      return known.oldestMs;
    }
    const oldestMs = queue.oldestMs();
    this.#oldest.set(queue, { atMs: now, oldestMs });
    return oldestMs;
  }
}

function summaryOf(rule: {
  readonly id: string;
  readonly reason: string;
  readonly expiresMs: EpochMs;
}): RuleSummary {
  return { id: rule.id, reason: rule.reason, untilMs: rule.expiresMs };
}
