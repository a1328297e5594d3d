/**
 * The rates of an egress path, as a session meets them: how fast connections may be opened and
 * messages may go. They count mail time.
 *
 * Source: reference `queues-delivery.md` §4.7; golden `smtp-message-rate`.
 */
import type { QueueParts } from './queue-deps.ts';
import type { ReadyQueue } from './ready-queue.ts';

/** It may go; it may not for this long; or everything stops. */
export type RateAnswer = 'goes' | 'stopped' | { readonly waitMs: number };

export interface RatePhases {
  readonly enter: (phase: 'ConnectionRateThrottled' | 'MessageRateThrottled') => void;
  readonly signal: AbortSignal;
}

export class SessionRates {
  readonly #parts: QueueParts;
  readonly #ready: ReadyQueue;
  readonly #phases: RatePhases;

  constructor(parts: QueueParts, ready: ReadyQueue, phases: RatePhases) {
    this.#parts = parts;
    this.#ready = ready;
    this.#phases = phases;
  }

  /** Waits while connections may not be opened; the message stays in hand, nothing is logged. */
  async passConnectionRate(): Promise<void> {
    const { deps } = this.#parts;
    const rate = this.#ready.path.maxConnectionRate;
    if (rate === null) return;
    const key = `${this.#ready.name}-connection-rate`;
    for (;;) {
      const { retryAfterSeconds } = deps.throttles.take(key, rate, deps.clock.monotonic());
      if (retryAfterSeconds === null || this.#phases.signal.aborted) break;
      this.#phases.enter('ConnectionRateThrottled');
      this.#ready.setState('connection_rate_throttled', key);
      await this.#sleep(retryAfterSeconds * 1000);
    }
    this.#ready.clearState('connection_rate_throttled');
  }

  /** Sleeps through waits shorter than a session idles; a longer one is the caller's to handle. */
  async passMessageRate(messageCount: number): Promise<RateAnswer> {
    const { deps } = this.#parts;
    const { path, name } = this.#ready;
    const rates = Object.entries(path.additionalMessageRateThrottles);
    if (path.maxMessageRate !== null) {
      rates.unshift([`kumomta.max_message_rate.${name}`, path.maxMessageRate]);
    }
    for (const [key, rate] of rates) {
      for (;;) {
        const now = deps.clock.monotonic();
        const { retryAfterSeconds } = deps.throttles.take(key, rate, now, messageCount);
        if (retryAfterSeconds === null) break;
        if (this.#phases.signal.aborted) return 'stopped';
        const waitMs = retryAfterSeconds * 1000;
        if (waitMs >= path.timeouts.idleMs) return { waitMs };
        this.#phases.enter('MessageRateThrottled');
        await this.#sleep(waitMs);
      }
    }
    return 'goes';
  }

  /** Mail time; ends early when everything stops. */
  async #sleep(delayMs: number): Promise<void> {
    await this.#parts.deps.clock.sleep(delayMs, this.#phases.signal).catch(() => {});
  }
}
