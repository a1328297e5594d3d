/** Values and failures that are believed for a while, on the clock given; bounded. */
import type { Clock, MonotonicMs } from '../base/clock.ts';

export class TtlCache<T extends object> {
  readonly #clock: Clock;
  readonly #sizeMax: number;
  readonly #entries = new Map<string, { readonly value: T | Error; readonly until: MonotonicMs }>();

  /** @param sizeMax the oldest entry makes room for a new one */
  constructor(clock: Clock, sizeMax: number) {
    this.#clock = clock;
    this.#sizeMax = sizeMax;
  }

  get(key: string): T | Error | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.until > this.#clock.monotonic()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T | Error, ttlMs: number): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#sizeMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, until: this.#clock.monotonic() + ttlMs });
  }
}
