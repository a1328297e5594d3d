/**
 * The mail clock of a workspace: resumes at the offset and speed it had, and its state is kept.
 *
 * While it runs fast, what is kept lies a moment ahead of it: an engine that was killed resumes
 * there, later than anything it wrote, so that time never goes back for a message. A forward keeps
 * every moment before what happens at it.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { MailClock } from '../base/mail-clock.ts';
import type { MailClockState } from '../base/mail-clock.ts';
import type { Store } from '../store/store.ts';

const SETTING = 'mailClock';
const KEEP_INTERVAL_MS = 1_000;
/** What is kept holds a little longer than until it is kept again. */
const AHEAD_MS = 2_000;

/** @param store already open: it has the state */
export function resumeMailClock(real: Clock, store: Store): MailClock {
  const stored = store.getSetting(SETTING);
  return new MailClock(real, stored === undefined ? null : (JSON.parse(stored) as MailClockState));
}

export class MailClockKeeper {
  readonly #clock: MailClock;
  readonly #real: Clock;
  readonly #store: Store;
  readonly #unfollow: () => void;
  #timer: Timer | null = null;

  constructor(clock: MailClock, real: Clock, store: Store) {
    this.#clock = clock;
    this.#real = real;
    this.#store = store;
    this.#unfollow = clock.onChange(() => this.#keep());
    this.#keepWhileFast();
  }

  /** Keeps the exact state and nothing after that; call it while the store is open. */
  close(): void {
    this.#unfollow();
    this.#timer?.cancel();
    this.#write(this.#clock.toJSON());
  }

  #keep(): void {
    this.#keepWhileFast();
    const state = this.#clock.toJSON();
    const aheadMs = this.#isFast ? (state.speed - 1) * AHEAD_MS : 0;
    this.#write({ ...state, offsetMs: state.offsetMs + aheadMs });
  }

  get #isFast(): boolean {
    return this.#clock.speed > 1 && !this.#clock.isForwarding;
  }

  #keepWhileFast(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.#isFast) return;
    this.#timer = this.#real.timer(KEEP_INTERVAL_MS, () => this.#keep());
  }

  #write(state: MailClockState): void {
    this.#store.setSetting(SETTING, JSON.stringify(state));
  }
}
