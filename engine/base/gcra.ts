/**
 * Rate limits by the generic cell rate algorithm: the arithmetic of every throttle there is.
 * `kumo.make_throttle` (policy bindings), queue and egress path rates (`queue/throttle.ts`) and
 * source selection rates all count here, in one `GcraStore` per engine, so that equal keys share
 * their budget. The store keeps one number per key: the theoretical arrival time of the next cell.
 *
 * A limit of N per period lets a burst of N through and then one every period/N. `maxBurst` makes
 * the burst smaller; KumoMTA's burst is `min(maxBurst or N, N - 1) + 1`.
 *
 * Source: ITU-T I.371 (GCRA); KumoMTA `crates/throttle`; reference `lua-api.md` §3.6.
 */
import type { EpochMs } from './clock.ts';

export interface GcraLimit {
  /** Cells per period, at least 1. */
  readonly limit: number;
  readonly periodMs: number;
  readonly maxBurst: number | null;
}

export interface GcraResult {
  readonly isThrottled: boolean;
  /** Size of the burst. */
  readonly limit: number;
  /** Cells that could still go now. */
  readonly remaining: number;
  /** Until the whole burst is available again, in whole seconds, rounded up. */
  readonly resetAfterSeconds: number;
  /** Until one cell may go, in whole seconds, rounded up; null when this one went. */
  readonly retryAfterSeconds: number | null;
}

/** Cells that may go back to back. */
export function burstOf(limit: GcraLimit): number {
  return Math.min(limit.maxBurst ?? limit.limit, limit.limit - 1) + 1;
}

/** The key under which KumoMTA counts a limit: the same name with another limit is another budget. */
function gcraKey(name: string, limit: GcraLimit): string {
  const burst = limit.maxBurst ?? limit.limit;
  return `${name}:${limit.limit}:${burst}:${Math.round(limit.periodMs / 1000)}`;
}

/**
 * One step: may `count` cells go now?
 *
 * @param arrivalMs theoretical arrival time of the next cell; undefined for an unused key
 * @returns the answer, and the new arrival time (unchanged when it was throttled)
 */
export function gcraStep(
  limit: GcraLimit,
  arrivalMs: EpochMs | undefined,
  nowMs: EpochMs,
  count = 1,
): { readonly result: GcraResult; readonly arrivalMs: EpochMs } {
  const burst = burstOf(limit);
  const intervalMs = limit.periodMs / limit.limit;
  const toleranceMs = intervalMs * burst;
  const base = Math.max(arrivalMs ?? nowMs, nowMs);
  const next = base + intervalMs * count;
  const allowedAt = next - toleranceMs;
  const isThrottled = allowedAt - nowMs > ROUNDING_MS;
  const arrival = isThrottled ? base : next;
  return {
    arrivalMs: arrival,
    result: {
      isThrottled,
      limit: burst,
      remaining: Math.floor((toleranceMs - (arrival - nowMs) + ROUNDING_MS) / intervalMs),
      resetAfterSeconds: wholeSeconds(arrival - nowMs),
      retryAfterSeconds: isThrottled ? wholeSeconds(allowedAt - nowMs) : null,
    },
  };
}

/** Epoch milliseconds with fractions are exact to about 0.0002 ms; sums of them to somewhat less. */
const ROUNDING_MS = 0.01;

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.ceil((ms - ROUNDING_MS) / 1000));
}

/** Above this many keys the ones that are idle again are forgotten. */
const KEY_COUNT_MAX = 100_000;

/** The counters of one engine. Nothing is stored: a restart starts with full bursts, as KumoMTA. */
export class GcraStore {
  readonly #arrivals = new Map<string, EpochMs>();

  /** Takes `count` cells of the named budget, or says how long to wait. */
  take(name: string, limit: GcraLimit, nowMs: EpochMs, count = 1): GcraResult {
    const key = gcraKey(name, limit);
    const { result, arrivalMs } = gcraStep(limit, this.#arrivals.get(key), nowMs, count);
    if (this.#arrivals.size >= KEY_COUNT_MAX) this.#forgetIdle(nowMs);
    this.#arrivals.set(key, arrivalMs);
    return result;
  }

  /** The budgets of another store as they are now. */
  copyFrom(other: GcraStore): void {
    for (const [key, arrivalMs] of other.#arrivals) this.#arrivals.set(key, arrivalMs);
  }

  #forgetIdle(nowMs: EpochMs): void {
    for (const [key, arrivalMs] of this.#arrivals) {
      if (arrivalMs <= nowMs) this.#arrivals.delete(key);
    }
  }
}
