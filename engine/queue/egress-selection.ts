/**
 * Which source of a pool the next message takes: weighted round robin, one selector per scheduled
 * queue. The first pick of a fresh selector is the second entry; a pool {one: 2, two: 1} gives
 * two, one, one, two, one, one, …
 *
 * Entries that may not be picked now (suspended, full, throttled) are left out of the list for
 * that pick, and share the state, so that positions shift as they do in KumoMTA.
 *
 * Source: reference `queues-delivery.md` §4.5, §12.4; golden `queue-pool-selection`.
 */
export interface WeightedEntry {
  readonly name: string;
  readonly weight: number;
}

export class EgressSelection {
  readonly pool: string;
  /** Entries of weight 0 are never picked. */
  readonly entries: readonly WeightedEntry[];
  #index = 0;
  #weight = 0;

  constructor(pool: string, entries: readonly WeightedEntry[]) {
    this.pool = pool;
    this.entries = entries.filter((entry) => entry.weight > 0);
  }

  /** Whether a refreshed pool still is this one, so that its position may stay. */
  isFor(pool: string, entries: readonly WeightedEntry[]): boolean {
    const usable = entries.filter((entry) => entry.weight > 0);
    return (
      pool === this.pool &&
      usable.length === this.entries.length &&
      usable.every(({ name, weight }, i) => {
        const own = this.entries[i];
        return own?.name === name && own.weight === weight;
      })
    );
  }

  /** The next one of `eligible`, which are some of `entries` in their order. */
  pick(eligible: readonly WeightedEntry[]): WeightedEntry | null {
    if (eligible.length <= 1) return eligible[0] ?? null;
    const step = eligible.map((entry) => entry.weight).reduce(greatestCommonDivisor);
    const highest = Math.max(...eligible.map((entry) => entry.weight));
    for (;;) {
      this.#index = (this.#index + 1) % eligible.length;
      if (this.#index === 0) {
        this.#weight = Math.max(0, this.#weight - step);
        if (this.#weight === 0) this.#weight = highest;
      }
      const entry = eligible[this.#index];
      if (entry !== undefined && entry.weight >= this.#weight) return entry;
    }
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
