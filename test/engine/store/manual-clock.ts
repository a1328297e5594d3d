/** A clock that a test moves, for retention. */
import { sleepOn } from '../../../engine/base/clock.ts';
import type { Clock, Timer } from '../../../engine/base/clock.ts';
import type { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import { NOON_MS } from '../../support/store-fixtures.ts';

/** Runs due timers when it is moved on. */
export class ManualClock implements Clock {
  #nowMs = NOON_MS;
  #timers: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number): Promise<void> {
    return sleepOn(this, delayMs);
  }

  timer(delayMs: number, run: () => void): Timer {
    const entry = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(entry);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== entry)) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const { run } of due) run();
  }
}

/** Lets retention work until it rests: moves the clock and waits for the writer's answers. */
export async function settle(store: SqliteStore, clock: ManualClock): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    const before = store.totals.expiredTransactions;
    clock.advance(60_000);
    for (let i = 0; i < 4; i++) {
      store.setSetting('tick', '');
      await store.flush();
    }
    quiet = store.totals.expiredTransactions === before ? quiet + 1 : 0;
  }
}
