/**
 * When retention works: every minute, and at once while the store is above its bound, one short
 * step after the other with the writer's other work between them.
 */
import type { Clock, EpochMs, Timer } from '../base/clock.ts';
import type { RetentionLimits, RetentionStep } from './retention.ts';

const ROUND_INTERVAL_MS = 60_000;
/** Rounds between two that look at everything again, messages that waited before included. */
const FRESH_EVERY_ROUNDS = 10;
/** Pause between two steps. */
const STEP_PAUSE_MS = 5;

export interface RetainRequest {
  readonly maxBytes: number;
  readonly oldestMs: EpochMs;
  readonly isFresh: boolean;
}

export class RetentionSchedule {
  readonly #clock: Clock;
  #limits: RetentionLimits;
  readonly #ask: (request: RetainRequest) => void;
  #round = 0;
  #isWorking = false;
  #timer: Timer | null = null;
  #isStopped = false;
  /** Everything that could go has gone, though the store is above its bound: the queue needs it. */
  #isExhausted = false;

  constructor(clock: Clock, limits: RetentionLimits, ask: (request: RetainRequest) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#ask = ask;
  }

  start(usedBytes: number): void {
    this.#arm(ROUND_INTERVAL_MS, () => this.#newRound());
    this.grew(usedBytes);
  }

  /** Other bounds from now on; the next round keeps them. */
  limit(limits: RetentionLimits): void {
    this.#limits = limits;
    this.#isExhausted = false;
    this.#step(true);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** A commit made the store this large. */
  grew(usedBytes: number): void {
    if (usedBytes <= this.#limits.maxBytes || this.#isExhausted) return;
    this.#step(false);
  }

  done(step: RetentionStep, usedBytes: number): void {
    this.#isWorking = false;
    if (this.#isStopped) return;
    if (step.isMore) return this.#arm(STEP_PAUSE_MS, () => this.#step(false));
    this.#isExhausted = usedBytes > this.#limits.maxBytes && step.transactions === 0;
    this.#arm(ROUND_INTERVAL_MS, () => this.#newRound());
  }

  #newRound(): void {
    this.#round++;
    this.#isExhausted = false;
    this.#step(this.#round % FRESH_EVERY_ROUNDS === 0);
  }

  #step(isFresh: boolean): void {
    if (this.#isWorking || this.#isStopped) return;
    this.#isWorking = true;
    this.#timer?.cancel();
    const { maxBytes, maxAgeMs } = this.#limits;
    this.#ask({ maxBytes, oldestMs: this.#clock.now() - maxAgeMs, isFresh });
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(delayMs, run);
  }
}
