/**
 * What lies ahead of a waiting message, for people: the attempts that the schedule will make if
 * all of them fail, and when it expires. Pure.
 *
 * Predictions leave the jitter out and know the weekly window and `expires`.
 */
import type { EpochMs } from '../base/clock.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import { adjustDue } from '../mail/scheduling.ts';
import type { QueueConfig } from '../policy/settings.ts';
import { describeDelay, retryDelayMs, spanText } from './retry-schedule.ts';

export interface PredictedAttempt {
  readonly atMs: EpochMs;
  /** Not an attempt: the failure before it ends the message, since this would be too late. */
  readonly expires: boolean;
  readonly arithmetic: string;
}

export interface WaitingState {
  readonly createdMs: EpochMs;
  readonly dueMs: EpochMs | null;
  readonly numAttempts: number;
  readonly scheduling: Scheduling | null;
}

type PredictSettings = Pick<QueueConfig, 'retryIntervalMs' | 'maxRetryIntervalMs' | 'maxAgeMs'>;

/**
 * The next attempts, at most `countMax`; the last entry is the expiry when that comes within.
 *
 * @param nowMs when a message without a due time would go
 */
export function predictAttempts(
  message: WaitingState,
  settings: PredictSettings,
  nowMs: EpochMs,
  countMax = 20,
): PredictedAttempt[] {
  const { createdMs, scheduling } = message;
  const predicted: PredictedAttempt[] = [];
  let atMs = Math.max(message.dueMs ?? nowMs, nowMs);
  let attemptCount = message.numAttempts;
  let arithmetic = message.dueMs === null || message.dueMs <= nowMs ? 'due now' : 'next due';
  while (predicted.length < countMax) {
    predicted.push({ atMs, expires: false, arithmetic });
    const delayMs = retryDelayMs(attemptCount, settings);
    const nextMs = adjustDue(scheduling, atMs + delayMs);
    arithmetic = describeDelay(attemptCount, settings, 0);
    attemptCount++;
    const isTooLate =
      scheduling?.expiresMs != null
        ? nextMs >= scheduling.expiresMs
        : atMs + delayMs - createdMs > settings.maxAgeMs;
    if (isTooLate) {
      predicted.push({
        atMs: nextMs,
        expires: true,
        arithmetic: tooLateText(arithmetic, message, settings),
      });
      break;
    }
    // A wait of 0 repeats for ever at one moment; one entry says so.
    if (delayMs === 0) break;
    atMs = nextMs;
  }
  return predicted;
}

/** When the message ends if nothing ever succeeds: its oldest permitted age. */
export function expiryMs(message: WaitingState, settings: PredictSettings): EpochMs {
  return message.scheduling?.expiresMs ?? message.createdMs + settings.maxAgeMs;
}

function tooLateText(arithmetic: string, message: WaitingState, settings: PredictSettings): string {
  return message.scheduling?.expiresMs != null
    ? `${arithmetic}, not before expires`
    : `${arithmetic}, beyond max_age ${spanText(settings.maxAgeMs)}`;
}
