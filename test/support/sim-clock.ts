/**
 * A clock that only moves when a test says so. `advance` runs the due timers in order and lets
 * promises settle between two of them, so that a simulated week takes milliseconds.
 */
import type { Clock, EpochMs, MonotonicMs, Timer } from '../../engine/base/clock.ts';
import { sleepOn } from '../../engine/base/clock.ts';
import { TimerHeap } from '../../engine/base/timer-heap.ts';

export class SimClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #startMs: EpochMs;
  #nowMs: EpochMs;

  constructor(startMs: EpochMs = Date.UTC(2026, 0, 5, 9, 0, 0)) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  now(): EpochMs {
    return this.#nowMs;
  }

  monotonic(): MonotonicMs {
    return this.#nowMs - this.#startMs;
  }

  timer(delayMs: number, callback: () => void): Timer {
    return this.#timers.add(this.#nowMs + Math.max(0, delayMs), callback);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Timers that are still to run: 0 when nothing was left behind. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  /** Time passes, event by event. */
  async advance(durationMs: number): Promise<void> {
    const targetMs = this.#nowMs + durationMs;
    await this.settle();
    for (;;) {
      const due = this.#timers.takeDue(targetMs);
      if (due === null) break;
      this.#nowMs = Math.max(this.#nowMs, due.at);
      due.callback();
      await this.settle();
    }
    this.#nowMs = targetMs;
  }

  async advanceTo(epochMs: EpochMs): Promise<void> {
    await this.advance(Math.max(0, epochMs - this.#nowMs));
  }

  /** Lets every promise that can settle without time passing do so. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}
