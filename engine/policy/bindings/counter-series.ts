/**
 * A counter over the recent past: a ring of buckets, each for one span of the mail clock.
 *
 * Source: reference `lua-api.md` §3.7.
 */
import type { Clock } from '../../base/clock.ts';

export interface CounterSeriesSettings {
  readonly bucketCount: number;
  readonly bucketMs: number;
}

export class CounterSeries {
  readonly settings: CounterSeriesSettings;
  readonly #clock: Clock;
  /** The newest bucket first. */
  readonly #buckets: number[];
  #newest: number;

  constructor(settings: CounterSeriesSettings, initialValue: number, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    this.#buckets = new Array<number>(settings.bucketCount).fill(0);
    this.#buckets[0] = initialValue;
    this.#newest = this.#slot();
  }

  copy(clock: Clock): CounterSeries {
    const copy = new CounterSeries(this.settings, 0, clock);
    copy.#buckets.splice(0, copy.#buckets.length, ...this.#buckets);
    copy.#newest = this.#newest;
    return copy;
  }

  /** Adds to the present bucket; it never goes below zero. */
  add(delta: number): void {
    this.#advance();
    this.#buckets[0] = Math.max(0, (this.#buckets[0] ?? 0) + delta);
  }

  /** Sets the present bucket. */
  observe(value: number): void {
    this.#advance();
    this.#buckets[0] = value;
  }

  sum(): number {
    this.#advance();
    return this.#buckets.reduce((total, count) => total + count, 0);
  }

  /** The buckets that cover the last `durationMs`. */
  sumOver(durationMs: number): number {
    this.#advance();
    const count = Math.ceil(durationMs / this.settings.bucketMs);
    return this.#buckets.slice(0, count).reduce((total, value) => total + value, 0);
  }

  #slot(): number {
    return Math.floor(this.#clock.now() / this.settings.bucketMs);
  }

  #advance(): void {
    const slot = this.#slot();
    const steps = Math.min(Math.max(slot - this.#newest, 0), this.#buckets.length);
    for (let i = 0; i < steps; i++) {
      this.#buckets.pop();
      this.#buckets.unshift(0);
    }
    this.#newest = Math.max(slot, this.#newest);
  }
}
