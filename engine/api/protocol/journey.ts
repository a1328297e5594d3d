/** All that was decided about a recipient row, in order, and where in policy, routes or zones it was. */
import type { RowState } from './rows.ts';

export interface SourceLink {
  /** `init.lua:84`, `route sg`, `zones/test.zone`. */
  readonly label: string;
  readonly file?: string;
  readonly line?: number;
  readonly route?: string;
}

/** `GET /rows/:seq/journey` */
export interface Journey {
  readonly parts: readonly JourneyPart[];
}

export interface JourneyPart {
  readonly kind:
    'reception' | 'policy' | 'queue' | 'plan' | 'attempt' | 'wait' | 'maildir' | 'record' | 'note';
  readonly atMs: number;
  readonly title: string;
  readonly detail: string;
  readonly durationMs: number | null;
  readonly state: RowState | null;
  readonly code: number | null;
  readonly steps: readonly JourneyStep[];
  readonly source: SourceLink | null;
  /** Of a wait: how long it really took, when the mail clock was not real time. */
  readonly realDurationMs?: number | null;
}

/**
 * How the fields of each kind are drawn:
 * - `line`: `what` is the verb, `text` its argument, `result` the reply;
 * - `call`: `what(text) → result`;
 * - `meta`: the value named `what` went from `text` (`unset`) to `result`;
 * - `print`, `why`, `error`: `text`; `result` stands at the right edge.
 */
export interface JourneyStep {
  readonly kind: 'line' | 'call' | 'meta' | 'print' | 'why' | 'error';
  /** Milliseconds since the part's reference (connect, or the attempt's start); null when not timed. */
  readonly offsetMs: number | null;
  readonly what: string;
  readonly text: string;
  /** Right-hand text: the reply, the returned value. */
  readonly result: string;
  readonly durationMs: number | null;
  readonly source: SourceLink | null;
}
