/**
 * The virtual clock of the mail: due times, ages, throttles, records and Lua's time follow it.
 * It runs at ×1, ×60 or ×3600 of the real clock, stands still, jumps to a moment, or is taken
 * through a span of time event by event (`forward`), so that a week of retries takes seconds.
 *
 * States: *running* (speed above 0), *frozen* (speed 0), *forwarding* (time stands at the event
 * that is being handled; ends in the state it was entered from). Invariant: `now` never goes back
 * except in `reset`, and a timer never runs before its time.
 *
 * While the engine is stopped no time passes at ×N: a restart keeps the distance to the real
 * clock, or the moment at which it was frozen.
 */
import type { Clock, EpochMs, MonotonicMs, Timer } from './clock.ts';
import { sleepOn } from './clock.ts';
import { TimerHeap } from './timer-heap.ts';

/** What is kept in the workspace. */
export interface MailClockState {
  /** 1, 60, 3600; 0 when frozen. */
  readonly speed: number;
  /** Ahead of the real clock by this much. */
  readonly offsetMs: number;
  /** Where a frozen clock stands. */
  readonly frozenAtMs: EpochMs | null;
}

export interface ForwardOptions {
  /** Resolves when everything that the last event started has ended (no attempt in flight). */
  readonly settled?: (signal?: AbortSignal) => Promise<void>;
  /** Stops after the event that is being handled. */
  readonly signal?: AbortSignal;
}

export class MailClock implements Clock {
  readonly #real: Clock;
  readonly #timers = new TimerHeap();
  readonly #listeners = new Set<() => void>();
  #speed: number;
  #anchorMs: EpochMs;
  #anchorRealMs: EpochMs;
  /** Added to `now` for `monotonic`, which never goes back. */
  #monotonicShiftMs: number;
  /** Where a forward under way ends; null while there is none. */
  #forwardUntilMs: EpochMs | null = null;
  #armed: Timer | null = null;
  #armedForMs = Infinity;

  constructor(real: Clock, state: MailClockState | null = null) {
    this.#real = real;
    this.#speed = state?.speed ?? 1;
    this.#anchorRealMs = real.now();
    this.#anchorMs = state?.frozenAtMs ?? this.#anchorRealMs + (state?.offsetMs ?? 0);
    this.#monotonicShiftMs = -this.#anchorMs;
  }

  now(): EpochMs {
    if (this.#speed === 0 || this.isForwarding) return this.#anchorMs;
    return this.#anchorMs + (this.#real.now() - this.#anchorRealMs) * this.#speed;
  }

  monotonic(): MonotonicMs {
    return this.now() + this.#monotonicShiftMs;
  }

  timer(delayMs: number, callback: () => void): Timer {
    const timer = this.#timers.add(this.now() + Math.max(0, delayMs), callback);
    this.#arm();
    return timer;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  get speed(): number {
    return this.#speed;
  }

  /** How far it is ahead of the real clock now. */
  get offsetMs(): number {
    return this.now() - this.#real.now();
  }

  get isForwarding(): boolean {
    return this.#forwardUntilMs !== null;
  }

  get forwardUntilMs(): EpochMs | null {
    return this.#forwardUntilMs;
  }

  /** When the next timer is due; null when none is set. */
  get nextTimerMs(): EpochMs | null {
    return this.#timers.nextAt();
  }

  /**
   * Runs at `speed` times the real clock from now on; 0 freezes.
   * @throws {RangeError} if `speed` is negative or not finite
   */
  setSpeed(speed: number): void {
    if (!(speed >= 0) || !Number.isFinite(speed)) {
      throw new RangeError(`Cannot set the clock's speed: found ${speed}, expected 0 or more`);
    }
    this.#anchorAt(this.now());
    this.#speed = speed;
    this.#changed();
  }

  /**
   * Makes it `epochMs` at once; every timer up to then runs, and sees that moment as now.
   * @throws {RangeError} if that lies in the past of this clock
   */
  jumpTo(epochMs: EpochMs): void {
    const now = this.now();
    if (!(epochMs >= now)) {
      throw new RangeError(`Cannot jump the clock to ${epochMs}: it is already ${now}`);
    }
    this.#anchorAt(epochMs);
    this.#changed();
  }

  /**
   * Takes the clock through the next `durationMs` as discrete events: time moves to the next
   * timer, that timer runs, everything it started settles, and so on to the end of the span.
   * @throws {Error} if a forward is already under way
   */
  async forward(durationMs: number, options: ForwardOptions = {}): Promise<void> {
    if (this.isForwarding) {
      throw new Error('Cannot forward the clock: found a forward under way, expected none');
    }
    const target = this.now() + Math.max(0, durationMs);
    this.#anchorAt(this.now());
    this.#forwardUntilMs = target;
    this.#disarm();
    try {
      await this.#settle(options);
      while (!options.signal?.aborted) {
        const next = this.#timers.nextAt();
        if (next === null || next > target) {
          this.#anchorMs = target;
          break;
        }
        this.#anchorMs = Math.max(this.#anchorMs, next);
        this.#tell();
        this.#runDue();
        await this.#settle(options);
      }
    } finally {
      this.#forwardUntilMs = null;
      this.#anchorAt(this.#anchorMs);
      this.#changed();
    }
  }

  /**
   * Back to the real time at ×1. Pending timers keep their distance. The caller shifts what else
   * carries virtual times (due times, ages) by the returned amount, or does not call this.
   * @returns how far it was ahead, in milliseconds
   */
  reset(): number {
    const offset = this.offsetMs;
    this.#anchorAt(this.now() - offset);
    this.#monotonicShiftMs += offset;
    this.#timers.shift(-offset);
    this.#speed = 1;
    this.#changed();
    return offset;
  }

  /**
   * Called after speed, position or state changed by a command (not by time passing), and at every
   * event of a forward before it runs.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  toJSON(): MailClockState {
    return {
      speed: this.#speed,
      offsetMs: this.offsetMs,
      frozenAtMs: this.#speed === 0 ? this.now() : null,
    };
  }

  /** Ends the real timer behind this clock; nothing runs afterwards. */
  close(): void {
    this.#disarm();
    this.#speed = 0;
  }

  #anchorAt(epochMs: EpochMs): void {
    this.#anchorMs = epochMs;
    this.#anchorRealMs = this.#real.now();
  }

  #changed(): void {
    this.#disarm();
    this.#arm();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** One real timer waits for the earliest virtual one. */
  #arm(): void {
    if (this.isForwarding) return;
    const next = this.#timers.nextAt();
    if (next === null || next >= this.#armedForMs) return;
    const waitMs = next - this.now();
    if (this.#speed === 0 && waitMs > 0) return;
    this.#disarm();
    this.#armedForMs = next;
    // Node drops the fraction of a millisecond, which would wake us too early.
    const realMs = waitMs <= 0 ? 0 : Math.ceil(waitMs / this.#speed);
    this.#armed = this.#real.timer(realMs, () => {
      this.#armed = null;
      this.#armedForMs = Infinity;
      this.#runDue();
      this.#arm();
    });
  }

  #disarm(): void {
    this.#armed?.cancel();
    this.#armed = null;
    this.#armedForMs = Infinity;
  }

  #runDue(): void {
    const now = this.now();
    for (let due = this.#timers.takeDue(now); due !== null; due = this.#timers.takeDue(now)) {
      due.callback();
    }
  }

  async #settle(options: ForwardOptions): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await options.settled?.(options.signal);
  }
}
