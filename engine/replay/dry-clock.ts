/**
 * The mail clock of a dry run: begins where the real one stands and passes only when a script
 * sleeps, which takes no time. After the end of the run every sleep fails, so that a script that
 * was given up does not go on for ever.
 */
import type { Clock, EpochMs, MonotonicMs, Timer } from '../base/clock.ts';

export class DryClock implements Clock {
  readonly #startMs: EpochMs;
  readonly #startMonotonicMs: MonotonicMs;
  readonly #real: Clock;
  #passedMs = 0;
  #hasEnded = false;

  /** @param real for giving others a turn */
  constructor(mailClock: Clock, real: Clock) {
    this.#startMs = mailClock.now();
    this.#startMonotonicMs = mailClock.monotonic();
    this.#real = real;
  }

  now(): EpochMs {
    return this.#startMs + this.#passedMs;
  }

  monotonic(): MonotonicMs {
    return this.#startMonotonicMs + this.#passedMs;
  }

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    await this.#real.sleep(0, signal);
    if (this.#hasEnded) throw new Error('the dry run has ended');
    this.#passedMs += Math.max(0, delayMs);
  }

  /** Nothing waits for its time in a dry run: timers are deadlines, and never strike. */
  timer(): Timer {
    return { cancel: () => undefined };
  }

  end(): void {
    this.#hasEnded = true;
  }
}
