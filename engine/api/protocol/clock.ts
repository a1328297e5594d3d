/** The mail clock between engine and window: `GET /clock`, `POST /clock`. */

export interface ClockStatus {
  readonly nowMs: number;
  readonly realMs: number;
  /** 1, 60, 3600; 0 when frozen. */
  readonly speed: number;
  /** Ahead of real time by this much; negative when behind. */
  readonly offsetMs: number;
  /** A span is being run through, event by event; null when none is. */
  readonly forward?: { readonly untilMs: number } | null;
}

/**
 * What may be asked of the clock. Each request does one thing.
 * - `speed`: 1, 60, 3600; 0 freezes. Ends a forward under way.
 * - `jumpToNextDue`: to the moment at which a queue looks for due messages next.
 * - `forwardMs`: runs through that span as discrete events.
 * - `stop`: ends the forward under way after the event that is being handled.
 * - `reset`: to real time; `shift` moves due times back by the distance, `stay` keeps the distance
 *   and runs at ×1. Without a word, only when nothing waits that could be affected.
 */
export interface ClockChange {
  readonly speed?: number;
  readonly jumpToNextDue?: boolean;
  readonly forwardMs?: number;
  readonly stop?: boolean;
  readonly reset?: 'ask' | 'shift' | 'stay';
  /** Answer when a jump or forward has begun instead of when it has ended. Default: when it ended. */
  readonly dontWait?: boolean;
}
