/**
 * Time as a parameter. Nothing in `engine/` reads the clock or sets a timer except through a
 * `Clock` it was given: the mail clock (virtual: due times, ages, records, throttles) or the real
 * one (sockets, budgets, retention). Both have this shape, so a week of retries can be simulated.
 */

/** Milliseconds since the Unix epoch, with fractions. It can be stored and read, and it can jump. */
export type EpochMs = number;

/** Milliseconds on a clock that never jumps. Only differences mean anything; never store one. */
export type MonotonicMs = number;

/** A pending callback; `cancel` is idempotent and safe after it ran. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  now(): EpochMs;
  monotonic(): MonotonicMs;
  /** Resolves after `delayMs`; rejects with `signal.reason` if aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Runs `callback` once after `delayMs` of this clock's time. */
  timer(delayMs: number, callback: () => void): Timer;
}

/** Node's timers overflow above this many milliseconds (about 24.8 days); longer waits are split. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const ORIGIN_MS: EpochMs = performance.timeOrigin;

/** The machine's own clock. Its timers do not keep the process alive unless `keepAlive` is set. */
export class SystemClock implements Clock {
  readonly #keepAlive: boolean;

  constructor(options: { keepAlive: boolean } = { keepAlive: true }) {
    this.#keepAlive = options.keepAlive;
  }

  now(): EpochMs {
    return ORIGIN_MS + performance.now();
  }

  monotonic(): MonotonicMs {
    return performance.now();
  }

  timer(delayMs: number, callback: () => void): Timer {
    if (delayMs <= TIMER_MS_MAX) return this.#shortTimer(delayMs, callback);
    const end = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const left = end - performance.now();
      handle = setTimeout(
        left > TIMER_MS_MAX ? arm : callback,
        Math.min(Math.max(left, 0), TIMER_MS_MAX),
      );
      if (!this.#keepAlive) handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  #shortTimer(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, Math.max(delayMs, 0));
    if (!this.#keepAlive) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }
}

/** `Clock.sleep` in terms of `Clock.timer`. */
export function sleepOn(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.timer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
