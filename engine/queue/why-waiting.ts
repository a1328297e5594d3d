/**
 * Why a message waits, as one sentence for people: its schedule, a rule that holds its queue, a
 * rate, the ready queue it is in, the session that has it. Pure.
 */
import type { EpochMs } from '../base/clock.ts';
import type { InsertReason } from './insert-reason.ts';
import { spanText } from './retry-schedule.ts';

export interface WhyWaiting {
  readonly place: 'scheduled' | 'ready' | 'attempt';
  readonly dueMs: EpochMs | null;
  readonly nowMs: EpochMs;
  readonly numAttempts: number;
  readonly reason: InsertReason | null;
  /** The arithmetic of the wait since the last attempt, when the schedule made it. */
  readonly arithmetic: string | null;
  /** What its queue was told last, about whichever of its messages. */
  readonly lastError: string | null;
  /** A rule that holds its queue: the words of whoever made it. */
  readonly suspendedBecause: string | null;
  /** Its queue's configuration failed: nothing goes before that is mended. */
  readonly configError: string | null;
  /** The ready queue it is in, and what that one waits for, or what its session does. */
  readonly readyQueue: string | null;
  readonly readyState: string | null;
}

const REASON_WORDS: Partial<Record<InsertReason, string>> = {
  ScheduledForLater: 'its schedule allows no earlier attempt',
  MessageRateThrottle: 'the message rate is used up',
  ThrottledByThrottleInsertReadyQueue: 'throttle_insert_ready_queue put it off',
  ReadyQueueWasFull: 'the ready queue was full',
  FailedToInsertIntoReadyQueue: 'it could not enter a ready queue',
  MessageGetQueueNameFailed: 'its queue could not be named',
  AdminRebind: 'it was bound to this queue',
  DispatcherDrop: 'the connection it was meant for had ended',
  PeerClosedConnection: 'the peer had closed the connection',
  ConnectionRateThrottle: 'the connection rate is used up',
  ReadyQueueWasSuspended: 'the ready queue is suspended',
  ReadyQueueWasReaped: 'its ready queue was dropped',
  ProtocolChanged: 'the protocol of its queue changed',
  TooManyRecipients: 'the peer takes fewer recipients at once',
  SpoolUnhealthy: 'the store takes no writes',
};

/** One sentence without a final period. */
export function explainWaiting(why: WhyWaiting): string {
  const { readyQueue, readyState, dueMs, nowMs } = why;
  if (why.place === 'attempt') {
    const doing = readyState ?? 'under way';
    return `Attempt ${why.numAttempts + 1} is ${doing}${readyQueue === null ? '' : ` in ${readyQueue}`}`;
  }
  if (why.place === 'ready') {
    return `Waits in ${readyQueue ?? 'a ready queue'} for ${readyState ?? 'a free connection'}`;
  }
  const hold =
    why.suspendedBecause === null ? '' : `; its queue is suspended: ${why.suspendedBecause}`;
  if (why.configError !== null) {
    return `Waits for a configuration of its queue: ${why.configError}${hold}`;
  }
  if (dueMs === null || dueMs <= nowMs) return `Due now, at the next tick${hold}`;
  const wait = `Waits ${spanText(Math.round((dueMs - nowMs) / 1000) * 1000)} more`;
  const arithmetic = why.arithmetic === null ? '' : ` (${why.arithmetic})`;
  const words = why.reason === null ? undefined : REASON_WORDS[why.reason];
  const because =
    words !== undefined
      ? `: ${words}`
      : why.lastError !== null
        ? ` after attempt ${why.numAttempts}, last reply in its queue: ${why.lastError}`
        : '';
  return `${wait}${arithmetic}${because}${hold}`;
}

/** Reasons whose wait is the schedule's own, so that its arithmetic explains it. */
export function isScheduleWait(reason: InsertReason | null): boolean {
  return reason === null || reason === 'LoggedTransientFailure' || reason === 'Enumerated';
}
