/** Scheduled and ready queues, and what waits in one of them. What can be done: `queue-actions.ts`. */
import type { SourceLink } from './journey.ts';
import type { RowState } from './rows.ts';

/** `GET /queues` */
export interface QueueList {
  readonly scheduled: readonly ScheduledQueueRow[];
  readonly ready: readonly ReadyQueueRow[];
  readonly nowMs: number;
}

export interface ScheduledQueueRow {
  readonly name: string;
  readonly depth: number;
  readonly nextDueMs: number | null;
  readonly oldestMs: number | null;
  readonly lastError: string | null;
  readonly protocol: string;
  readonly suspended: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
  readonly bouncing: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
  readonly configError: string | null;
}

export interface ReadyQueueRow {
  readonly name: string;
  readonly depth: number;
  readonly connections: number;
  readonly connectionLimit: number;
  readonly states: readonly string[];
  readonly lastReply: string | null;
  readonly suspended: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
}

/** `GET /queues/:name` (URL-encoded): the queue's messages by due time, for the retry strips. */
export interface QueueDetail {
  readonly queue: ScheduledQueueRow;
  readonly retryIntervalMs: number;
  readonly maxRetryIntervalMs: number | null;
  readonly maxAgeMs: number;
  /** How attempts are made: `smtp`, `maildir`, `lua:<constructor>`, … */
  readonly egressPool: string | null;
  /** Which handler or route gave the configuration; null when only the defaults apply. */
  readonly configSource: SourceLink | null;
  readonly messages: readonly QueuedMessage[];
  readonly more: number;
  /** Messages that left this queue within the last hour, latest first. */
  readonly left?: readonly LeftMessage[];
  readonly nowMs: number;
}

export interface LeftMessage {
  readonly messageId: string;
  readonly seq: number;
  readonly to: string;
  readonly state: RowState;
  readonly code: number | null;
  readonly text: string;
  readonly createdMs: number;
  readonly leftMs: number;
  readonly past: QueuedMessage['past'];
}

export interface QueuedMessage {
  readonly messageId: string;
  readonly seq: number;
  readonly to: string;
  readonly subject: string;
  readonly createdMs: number;
  readonly dueMs: number | null;
  readonly numAttempts: number;
  readonly expiresMs: number;
  readonly past: readonly {
    readonly atMs: number;
    readonly outcome: 'delivered' | 'deferred' | 'bounced';
    readonly text: string;
  }[];
  /** Predicted by the schedule, jitter left out; the last one is where it expires. */
  readonly predicted: readonly {
    readonly atMs: number;
    readonly expires: boolean;
    readonly arithmetic: string;
  }[];
  readonly why: string;
}
