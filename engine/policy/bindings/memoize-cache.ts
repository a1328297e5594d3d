/**
 * One memoize cache: the most recently used results by key, each with its lifetime on the mail
 * clock, and who is computing which key right now. Shared by all contexts of the engine.
 *
 * A key is computed once at a time; others wait for it, up to the populate timeout.
 *
 * Source: reference `lua-api.md` §3.3.
 */
import type { Clock, MonotonicMs } from '../../base/clock.ts';
import { debugDuration } from '../../base/rust-duration.ts';
import type { JsonValue } from '../../mail/json.ts';
import type { Frozen } from './memoized-table.ts';

export interface MemoizeSettings {
  readonly name: string;
  readonly ttlMs: number;
  readonly capacity: number;
  readonly invalidateWithEpoch: boolean;
  readonly retryOnPopulateTimeout: boolean;
  readonly populateTimeoutMs: number;
  readonly allowStaleReads: boolean;
}

/** Tries at waiting for somebody else's result. */
const RETRY_COUNT_MAX = 3;

/** One result; several results of a call are kept as a JSON list. */
export type Memoized =
  | { readonly kind: 'one'; readonly value: Frozen }
  | { readonly kind: 'list'; readonly list: JsonValue[] };

interface Entry {
  readonly value: Memoized;
  readonly expiresMs: MonotonicMs;
}

export class MemoizeCache {
  readonly settings: MemoizeSettings;
  readonly #mailClock: Clock;
  readonly #clock: Clock;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #populating = new Map<string, Promise<void>>();

  constructor(settings: MemoizeSettings, clocks: { mailClock: Clock; clock: Clock }) {
    this.settings = settings;
    this.#mailClock = clocks.mailClock;
    this.#clock = clocks.clock;
  }

  /** Another cache with the same entries, on other clocks that show the same time. */
  copy(clocks: { mailClock: Clock; clock: Clock }): MemoizeCache {
    const copy = new MemoizeCache(this.settings, clocks);
    for (const [key, entry] of this.#entries) copy.#entries.set(key, entry);
    return copy;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The live entry of a key; what is stale counts as absent. */
  find(key: string): Memoized | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.expiresMs <= this.#mailClock.monotonic()) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The last value of a key, however old. */
  findStale(key: string): Memoized | undefined {
    return this.#entries.get(key)?.value;
  }

  store(key: string, value: Memoized): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresMs: this.#mailClock.monotonic() + this.settings.ttlMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.settings.capacity) break;
      this.#entries.delete(oldest);
    }
  }

  isPopulating(key: string): boolean {
    return this.#populating.has(key);
  }

  /** Marks `key` as being computed until `work` settles. */
  populate(key: string, work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#populating.set(key, settled);
    void settled.then(() => this.#populating.delete(key));
  }

  /**
   * Waits until nobody computes `key`.
   * @throws {Error} it took longer than the populate timeout
   */
  async waitFor(key: string): Promise<void> {
    const tries = this.settings.retryOnPopulateTimeout ? RETRY_COUNT_MAX : 1;
    const timeoutMs = this.settings.populateTimeoutMs;
    for (let i = 0; i < tries; i++) {
      const work = this.#populating.get(key);
      if (!work) return;
      const abort = new AbortController();
      const timeout = this.#clock.sleep(timeoutMs, abort.signal).then(
        () => 'timeout' as const,
        () => 'cancelled' as const,
      );
      const outcome = await Promise.race([work, timeout]);
      abort.abort();
      if (outcome !== 'timeout') return;
    }
    throw new Error(
      `timed out after ${debugDuration(timeoutMs)} on semaphore acquire while waiting for cache to populate`,
    );
  }
}
