/**
 * What a far end remembers between commands: whom it has seen, how often, and when. Keys are made
 * of a rule and of whom it counts for, so that a rule that was edited starts afresh and the others
 * go on. Times are on the mail clock. Each table is bounded; the oldest key is forgotten first.
 */
import type { EpochMs } from '../base/clock.ts';
import { FAR_END_KEYS_MAX } from '../base/limits.ts';

export class FarEndMemory {
  readonly #counts = new Map<string, number>();
  readonly #firstSeen = new Map<string, EpochMs>();
  readonly #windows = new Map<string, EpochMs[]>();

  /** How many keys are known: what `reset` would forget. */
  get size(): number {
    return this.#counts.size + this.#firstSeen.size + this.#windows.size;
  }

  /** Counts once more; @returns how often it was counted before. */
  countBefore(key: string): number {
    const before = this.#counts.get(key) ?? 0;
    put(this.#counts, key, before + 1);
    return before;
  }

  /** Since when this key is known; the first time it is noted as now. */
  knownSince(key: string, now: EpochMs, rememberMs: number): EpochMs {
    const since = this.#firstSeen.get(key);
    if (since !== undefined && now - since < rememberMs) return since;
    put(this.#firstSeen, key, now);
    return now;
  }

  /** Whether one more fits into the last `windowMs`; if so it is counted. */
  fits(key: string, max: number, now: EpochMs, windowMs: number): boolean {
    const recent = (this.#windows.get(key) ?? []).filter((at) => now - at < windowMs);
    const isFitting = recent.length < max;
    if (isFitting) recent.push(now);
    put(this.#windows, key, recent);
    return isFitting;
  }

  clear(): void {
    this.#counts.clear();
    this.#firstSeen.clear();
    this.#windows.clear();
  }
}

function put<T>(table: Map<string, T>, key: string, value: T): void {
  if (!table.has(key) && table.size >= FAR_END_KEYS_MAX) {
    const oldest = table.keys().next();
    if (!oldest.done) table.delete(oldest.value);
  }
  table.set(key, value);
}
