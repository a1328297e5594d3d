/**
 * How long Lua has been at work for one event, on the real clock. Waiting does not count: time runs
 * from the outermost entry into Lua to its end.
 */
import type { Clock, MonotonicMs } from '../../base/clock.ts';

export interface LuaTimeOptions {
  readonly clock: Clock;
  /** Absent: unlimited. */
  readonly budgetMs?: number;
  /** Told when Lua begins and stops to occupy the thread. */
  readonly heartbeat?: { enter(sinceMs: MonotonicMs): void; leave(): void };
}

export class LuaTime {
  readonly #options: LuaTimeOptions;
  #usedMs = 0;
  #enteredMs: MonotonicMs = 0;

  constructor(options: LuaTimeOptions) {
    this.#options = options;
  }

  get budgetMs(): number | undefined {
    return this.#options.budgetMs;
  }

  /** The next event begins. */
  reset(): void {
    this.#usedMs = 0;
  }

  enter(): void {
    this.#enteredMs = this.#options.clock.monotonic();
    this.#options.heartbeat?.enter(this.#enteredMs);
  }

  leave(): void {
    this.#usedMs += this.#options.clock.monotonic() - this.#enteredMs;
    this.#options.heartbeat?.leave();
  }

  /** Asked while Lua is at work. */
  get isUsedUp(): boolean {
    const { budgetMs, clock } = this.#options;
    if (budgetMs === undefined) return false;
    return this.#usedMs + clock.monotonic() - this.#enteredMs > budgetMs;
  }
}
