/**
 * A scheduled queue: the messages of one queue name that wait until they are due. It keeps them
 * in due order and says when the next one is to go; what happens then is decided elsewhere
 * (`promotion.ts`).
 *
 * States: *unresolved* (its configuration was not asked for yet, or failed: the built-in defaults
 * apply and its messages wait), *resolved*. Invariant: every slot of the heap belongs to this
 * queue alone, and the timer is set for the first of them.
 */
import type { Clock, EpochMs, MonotonicMs, Timer } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { protocolRoute } from '../delivery/ready-queue-name.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import type { QueueName } from '../mail/queue-name.ts';
import { singleLine } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { QueueConfig } from '../policy/settings.ts';
import type { ConfigSource } from './config-source.ts';
import { DEFAULT_QUEUE_CONFIG } from './built-in-queues.ts';
import { DueHeap } from './due-heap.ts';
import { EgressSelection } from './egress-selection.ts';
import { idWords } from './waiting-table.ts';
import type { IdSet, Slot, WaitingEntry, WaitingTable } from './waiting-table.ts';
import { wakeMs } from './wheel.ts';

export class ScheduledQueue {
  readonly name: string;
  readonly parsed: QueueName;
  /** Sources take turns by this; replaced when the pool changes. */
  selection = new EgressSelection('', []);
  /** What its own messages could not be sent for, last. */
  lastError: { readonly text: string; readonly atMs: EpochMs } | null = null;
  /** When something entered or left it last. */
  lastChangeMs: EpochMs;
  /** Messages of it that are on their way out, in a ready queue or in an attempt. */
  outsideCount = 0;
  /** Due messages are being taken right now: no timer is needed meanwhile. */
  isPromoting = false;
  /** Nothing that waits here wakes up any more (`stall`). */
  isStalled = false;
  readonly #clock: Clock;
  readonly #table: WaitingTable;
  readonly #heap: DueHeap;
  readonly #originMs: { readonly singleton: EpochMs; readonly own: EpochMs };
  readonly #onWake: (queue: ScheduledQueue) => void;
  #config: QueueConfig = DEFAULT_QUEUE_CONFIG;
  #route: string | null = null;
  #configError: string | null = null;
  #configSource: ConfigSource = { kind: 'defaults' };
  #configuredMs: MonotonicMs | null = null;
  /** Null when it has to be looked for. */
  #oldestMs: EpochMs | null = null;
  #timer: Timer | null = null;
  #timerMs = Infinity;

  constructor(
    name: string,
    parts: {
      readonly clock: Clock;
      readonly table: WaitingTable;
      /** When the shared wheel began to turn. */
      readonly wheelOriginMs: EpochMs;
      readonly onWake: (queue: ScheduledQueue) => void;
    },
  ) {
    this.name = name;
    this.parsed = parseQueueName(name);
    this.#clock = parts.clock;
    this.#table = parts.table;
    this.#heap = new DueHeap(parts.table);
    this.#originMs = { singleton: parts.wheelOriginMs, own: parts.clock.now() };
    this.#onWake = parts.onWake;
    this.lastChangeMs = parts.clock.now();
  }

  get config(): QueueConfig {
    return this.#config;
  }

  /** What a recipient row shows as its route. */
  get route(): string {
    return this.#route ?? protocolRoute(this.#config.protocol);
  }

  get isResolved(): boolean {
    return this.#configuredMs !== null;
  }

  /** When the configuration was asked for last. */
  get configuredMs(): MonotonicMs | null {
    return this.#configuredMs;
  }

  /** Why it is unresolved, or why its last refresh failed. */
  get configError(): string | null {
    return this.#configError;
  }

  /** Who gave the configuration; the defaults while it is unresolved. */
  get configSource(): ConfigSource {
    return this.#configSource;
  }

  configure(config: QueueConfig, route: string | null, source: ConfigSource): void {
    this.#config = config;
    this.#route = route;
    this.#configSource = source;
    this.#configError = null;
    this.#configuredMs = this.#clock.monotonic();
    this.arm();
  }

  /** A refresh that failed: what was known stays, and is asked for again an interval later. */
  refreshFailed(error: string): void {
    this.#configError = error;
    if (this.#configuredMs !== null) this.#configuredMs = this.#clock.monotonic();
  }

  get depth(): number {
    return this.#heap.size;
  }

  get nextDueMs(): EpochMs | null {
    return this.#heap.nextDueMs;
  }

  /** When it looks for due messages next: at the first tick after the first due time. */
  get nextWakeMs(): EpochMs | null {
    return this.#timerMs === Infinity ? null : this.#timerMs;
  }

  add(entry: WaitingEntry): void {
    const slot = this.#table.add(entry);
    this.#heap.add(slot);
    if (this.#oldestMs !== null) {
      this.#oldestMs = Math.min(this.#oldestMs, this.#table.createdMs(slot));
    }
    this.#touch();
  }

  /** Takes the next message that is due; null when none is. */
  takeDue(nowMs: EpochMs): WaitingEntry | null {
    const slot = this.#heap.takeDue(nowMs);
    return slot === null ? null : this.#release(slot);
  }

  /** Takes one message, due or not. */
  take(id: SpoolId): WaitingEntry | null {
    const slot = this.#heap.find(idWords(id));
    if (slot === null) return null;
    this.#heap.remove(slot);
    return this.#release(slot);
  }

  /** Takes those of the ids that wait here, in no particular order. */
  takeAll(ids: IdSet): WaitingEntry[] {
    return this.#heap.findAll(ids).map((slot) => {
      this.#heap.remove(slot);
      return this.#release(slot);
    });
  }

  /** Takes the earliest one, due or not. */
  takeFirst(): WaitingEntry | null {
    return this.takeDue(Infinity);
  }

  has(id: SpoolId): boolean {
    return this.#heap.find(idWords(id)) !== null;
  }

  peek(id: SpoolId): WaitingEntry | null {
    const slot = this.#heap.find(idWords(id));
    return slot === null ? null : this.#table.entry(slot);
  }

  /** Changes a due time in place. False when the message does not wait here. */
  setDue(id: SpoolId, dueMs: EpochMs): boolean {
    const slot = this.#heap.find(idWords(id));
    if (slot === null) return false;
    this.#table.setDue(slot, dueMs);
    this.#heap.moved(slot);
    this.#touch();
    return true;
  }

  /** Everything that waits is due now, in the order it had. */
  makeAllDue(nowMs: EpochMs): void {
    this.#heap.pullDue(nowMs);
    this.#touch();
  }

  /** Everything that waits is due at the same moment. */
  setAllDue(dueMs: EpochMs): void {
    this.#heap.level(dueMs);
    this.#touch();
  }

  /** The clock was moved: every due time moves with it. */
  shiftDue(byMs: number): void {
    this.#heap.shift(byMs);
    this.arm();
  }

  /** The earliest `countMax` messages. */
  earliest(countMax: number): WaitingEntry[] {
    return this.#heap.earliest(countMax).map((slot) => this.#table.entry(slot));
  }

  /** When its oldest message was made. Looks at all of them only after the oldest one left. */
  oldestMs(): EpochMs | null {
    if (this.depth === 0) return null;
    if (this.#oldestMs === null) {
      let oldest = Infinity;
      for (const slot of this.#heap.slots()) oldest = Math.min(oldest, this.#table.createdMs(slot));
      this.#oldestMs = oldest;
    }
    return this.#oldestMs;
  }

  noteFailure(reply: SmtpReply): void {
    this.lastError = { text: singleLine(reply), atMs: this.#clock.now() };
  }

  /** Sets the timer for the first message; called whenever that may have changed. */
  arm(): void {
    if (this.isPromoting || this.isStalled) return;
    const due = this.#heap.nextDueMs;
    const originMs =
      this.#config.strategy === 'TimerWheel' ? this.#originMs.own : this.#originMs.singleton;
    const at = due === null ? Infinity : wakeMs(due, originMs, this.#config);
    if (at === this.#timerMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerMs = at;
    if (at === Infinity) return;
    this.#timer = this.#clock.timer(at - this.#clock.now(), () => {
      this.#timer = null;
      this.#timerMs = Infinity;
      this.#onWake(this);
    });
  }

  /** What waits stays until a restart, or until somebody takes it out; what comes may still go. */
  stall(): void {
    this.isStalled = true;
    this.close();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerMs = Infinity;
  }

  #release(slot: Slot): WaitingEntry {
    const entry = this.#table.entry(slot);
    if (this.#oldestMs !== null && this.#table.createdMs(slot) <= this.#oldestMs) {
      this.#oldestMs = null;
    }
    this.#table.remove(slot);
    this.#touch();
    return entry;
  }

  #touch(): void {
    this.lastChangeMs = this.#clock.now();
    this.arm();
  }
}
