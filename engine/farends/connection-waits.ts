/**
 * What a connection of a far end waits for, in real time. When the connection is down every wait
 * ends at once, and nothing that was put off happens any more.
 *
 * States: up, down (`end`; final).
 */
import type { Clock, Timer } from '../base/clock.ts';

export class ConnectionWaits {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #gone = Promise.withResolvers<void>();
  #isDown = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Does it later, unless the connection is down by then. */
  after(waitMs: number, act: () => void): void {
    if (this.#isDown) return;
    const timer = this.#clock.timer(waitMs, () => {
      this.#timers.delete(timer);
      if (!this.#isDown) act();
    });
    this.#timers.add(timer);
  }

  async sleep(waitMs: number): Promise<void> {
    if (waitMs <= 0 || this.#isDown) return;
    await Promise.race([
      new Promise<void>((resolve) => this.after(waitMs, resolve)),
      this.untilDown(),
    ]);
  }

  untilDown(): Promise<void> {
    return this.#gone.promise;
  }

  end(): void {
    this.#isDown = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#gone.resolve();
  }
}
