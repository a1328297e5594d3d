/**
 * What lies ahead of a waiting message, for people: the attempts that the schedule will make if
 * all of them fail, and a sentence about why it waits. Pure.
 *
 * Predictions leave the jitter out and know the weekly window and `expires`.
 */
import type { EpochMs } from '../base/clock.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import { adjustDue } from '../mail/scheduling.ts';
import type { QueueConfig } from '../policy/settings.ts';
import type { InsertReason } from './insert-reason.ts';
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

export interface WhyWaiting {
  readonly place: 'scheduled' | 'ready' | 'attempt';
  readonly dueMs: EpochMs | null;
  readonly nowMs: EpochMs;
  readonly numAttempts: number;
  readonly reason: InsertReason | null;
  /** The arithmetic of the last requeue, when it is known. */
  readonly arithmetic: string | null;
  readonly lastError: string | null;
  /** A rule that holds its queue: the words of whoever made it. */
  readonly suspendedBecause: string | null;
  /** The ready queue it is in, and what that one waits for. */
  readonly readyQueue: string | null;
  readonly readyState: string | null;
}

const REASON_WORDS: Partial<Record<InsertReason, string>> = {
  ScheduledForLater: 'its schedule allows no earlier attempt',
  MessageRateThrottle: 'the message rate is used up',
  ThrottledByThrottleInsertReadyQueue: 'throttle_insert_ready_queue put it off',
  ReadyQueueWasFull: 'the ready queue was full',
  FailedToInsertIntoReadyQueue: 'it could not enter a ready queue',
  AdminRebind: 'it was bound to this queue',
  DispatcherDrop: 'the connection it was meant for had ended',
  ConnectionRateThrottle: 'the connection rate is used up',
  ReadyQueueWasSuspended: 'the ready queue is suspended',
  SpoolUnhealthy: 'the store takes no writes',
};

/** One sentence without a final period. */
export function explainWaiting(why: WhyWaiting): string {
  if (why.place === 'attempt') {
    return `Attempt ${why.numAttempts + 1} is under way${why.readyQueue === null ? '' : ` in ${why.readyQueue}`}`;
  }
  if (why.place === 'ready') {
    const state = why.readyState === null ? 'a free connection' : why.readyState;
    return `Waits in ${why.readyQueue ?? 'a ready queue'} for ${state}`;
  }
  const hold =
    why.suspendedBecause === null ? '' : `; its queue is suspended: ${why.suspendedBecause}`;
  if (why.dueMs === null || why.dueMs <= why.nowMs) return `Due now, at the next tick${hold}`;
  const wait = `Waits ${spanText(Math.round((why.dueMs - why.nowMs) / 1000) * 1000)} more`;
  const arithmetic = why.arithmetic === null ? '' : ` (${why.arithmetic})`;
  const words = why.reason === null ? undefined : REASON_WORDS[why.reason];
  const because =
    words !== undefined
      ? `: ${words}`
      : why.lastError !== null
        ? ` after attempt ${why.numAttempts}: ${why.lastError}`
        : '';
  return `${wait}${arithmetic}${because}${hold}`;
}

function tooLateText(arithmetic: string, message: WaitingState, settings: PredictSettings): string {
  return message.scheduling?.expiresMs != null
    ? `${arithmetic}, not before expires`
    : `${arithmetic}, beyond max_age ${spanText(settings.maxAgeMs)}`;
}
