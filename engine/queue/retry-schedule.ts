/**
 * The arithmetic of retries: how long to wait after a failed attempt, when a message is too old,
 * and what a restart infers from a message's age. Pure; the clock and the dice are arguments.
 *
 * Source: RFC 5321 §4.5.4.1; KumoMTA `queue/config.rs`; reference `queues-delivery.md` §3.1, §3.2, §9.
 */
import { formatDuration } from '../base/duration.ts';
import type { Random } from '../base/random.ts';
import type { QueueConfig } from '../policy/settings.ts';

export type RetrySettings = Pick<QueueConfig, 'retryIntervalMs' | 'maxRetryIntervalMs'>;

/** KumoMTA's attempt counter has 16 bits. */
export const ATTEMPT_COUNT_MAX = 65_535;
/** Longer waits than this are beyond every `max_age`; the bound keeps sums exact. */
const DELAY_SECONDS_MAX = 2 ** 40;
/** Jitter never spans more than a minute. */
const JITTER_SECONDS_MAX = 60;

/**
 * The wait after a failed attempt, without jitter.
 *
 * Doubles from `retry_interval` with every attempt made before and stops growing at
 * `max_retry_interval`. Fractions of a second in either setting are dropped, so an interval below
 * one second means no wait at all.
 *
 * @param attemptCount attempts made before this failure; 0 after the first one
 * @returns milliseconds, a whole number of seconds, 0 or more
 */
export function retryDelayMs(attemptCount: number, settings: RetrySettings): number {
  const base = Math.floor(settings.retryIntervalMs / 1000);
  const grown = Math.min(base * 2 ** Math.min(attemptCount, 64), DELAY_SECONDS_MAX);
  const cap =
    settings.maxRetryIntervalMs === null
      ? Infinity
      : Math.floor(settings.maxRetryIntervalMs / 1000);
  return Math.min(grown, cap) * 1000;
}

/**
 * What is added to a wait, so that messages deferred together do not come back together: whole
 * seconds within a twentieth of `retry_interval` (at most 60 s), half of it each way. It depends
 * on `retry_interval` alone, and an interval up to 40 s has none.
 *
 * @returns milliseconds, a whole number of seconds, positive or negative
 */
export function retryJitterMs(settings: RetrySettings, random: Random): number {
  const span = Math.min(Math.fround(settings.retryIntervalMs / 1000) / 20, JITTER_SECONDS_MAX);
  const seconds = Math.trunc(random.next() * span - span / 2);
  return seconds === 0 ? 0 : seconds * 1000;
}

/** The wait of a requeue that was given none: up to a minute, whole seconds. */
export function unspecifiedDelayMs(random: Random): number {
  return Math.trunc(random.next() * 60) * 1000;
}

/** Attempts that a message of this age must have had, had every wait been exact. */
export function inferAttempts(ageMs: number, settings: RetrySettings): number {
  let count = 0;
  let elapsedMs = 0;
  while (count < ATTEMPT_COUNT_MAX) {
    const delayMs = retryDelayMs(count, settings);
    // A wait of 0 would never get any older.
    if (delayMs === 0 || elapsedMs + delayMs > ageMs) break;
    elapsedMs += delayMs;
    count++;
  }
  return count;
}

/** The wait in words: `20 m × 2² + 12 s jitter`, `at most 8 s`. */
export function describeDelay(
  attemptCount: number,
  settings: RetrySettings,
  jitterMs: number,
): string {
  const base = Math.floor(settings.retryIntervalMs / 1000) * 1000;
  const delayMs = retryDelayMs(attemptCount, settings);
  const isCapped = delayMs < base * 2 ** attemptCount;
  const words = isCapped
    ? `${spanText(delayMs)} (max_retry_interval)`
    : `${spanText(base)} × 2${superscript(attemptCount)}`;
  if (jitterMs === 0) return words;
  return `${words} ${jitterMs < 0 ? '−' : '+'} ${spanText(Math.abs(jitterMs))} jitter`;
}

/** `20 m`, `1 h 30 m`: numbers and units apart, as people read them. */
export function spanText(spanMs: number): string {
  return formatDuration(spanMs).replace(/(\d)([a-z])/g, '$1 $2');
}

function superscript(count: number): string {
  return [...count.toString()].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
}
