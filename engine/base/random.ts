/** Randomness as a parameter, so that a simulation with the same seed runs the same way. */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1): the contract of `Math.random`. */
  next(): number;
  bytes(count: number): Uint8Array;
}

/** Filled at once: a call to the system costs as much for 16 bytes as for thousands. */
const POOL_BYTES = 8_192;

export class SystemRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  next(): number {
    return Math.random();
  }

  bytes(count: number): Uint8Array {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (this.#used + count > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const bytes = this.#pool.slice(this.#used, this.#used + count);
    // Nothing that was given out stays behind.
    this.#pool.fill(0, this.#used, (this.#used += count));
    return bytes;
  }
}

/** A seeded generator (mulberry32): good enough for jitter and shuffles, not for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.next() * 256));
  }
}
