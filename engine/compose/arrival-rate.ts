/** How many rows arrived within the last minute, counted in seconds. */
import type { Clock } from '../base/clock.ts';

const SECONDS = 60;

export class ArrivalRate {
  readonly #clock: Clock;
  readonly #counts = new Array<number>(SECONDS).fill(0);
  #second = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(count: number): void {
    this.#advance();
    const slot = this.#second % SECONDS;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  perMinute(): number {
    this.#advance();
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  #advance(): void {
    const now = Math.floor(this.#clock.monotonic() / 1_000);
    for (let second = Math.max(this.#second + 1, now - SECONDS + 1); second <= now; second++)
      this.#counts[second % SECONDS] = 0;
    this.#second = now;
  }
}
