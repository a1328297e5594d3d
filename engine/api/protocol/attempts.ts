/** Attempts of a recipient row: where each went and why, and what was said there. */
import type { FarEndPlace } from './far-ends.ts';
import type { JourneyStep } from './journey.ts';

/** `GET /rows/:seq/attempts`, first attempt first. */
export interface AttemptList {
  readonly attempts: readonly AttemptDetail[];
}

export interface AttemptDetail {
  readonly id: number;
  /** 1 for the first attempt. */
  readonly number: number;
  readonly dueMs: number | null;
  readonly startedMs: number;
  readonly startedRealMs: number;
  readonly durationMs: number | null;
  readonly protocol: string;
  readonly site: string;
  readonly pool: string | null;
  readonly source: string | null;
  readonly peer: string | null;
  readonly outcome: 'running' | 'delivered' | 'deferred' | 'bounced' | 'cancelled' | 'interrupted';
  readonly code: number | null;
  readonly text: string;
  readonly nextDueMs: number | null;
  /** `20 m × 2⁰ + 12 s jitter` */
  readonly arithmetic: string | null;
  /** Sentences about where it went and why, with their sources. */
  readonly notes: readonly JourneyStep[];
  readonly transcript: readonly TranscriptLine[];
  /** The far end that it led to, and the message there. */
  readonly farEnd?: FarEndPlace | null;
}

export interface TranscriptLine {
  readonly atMs: number;
  readonly who: 'client' | 'server' | 'note';
  readonly text: string;
}
