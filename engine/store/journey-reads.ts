/** What the Journey and Attempts of a row are made of: transcript and policy calls, attempts. */
import type { JsonObject } from '../mail/json.ts';
import type { EventCall } from '../policy/event-call.ts';
import { ATTEMPT_OUTCOMES } from './ops.ts';
import type { ReadContext, SqlRow } from './read-context.ts';
import type { TranscriptLine } from './store.ts';

export interface TraceRead {
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  /** Why they cannot be shown; null when they can. */
  readonly problem: string | null;
}

/** The reception of a row: the conversation and what the policy was asked. */
export function readTrace(context: ReadContext, { seq }: { seq: number }): TraceRead | null {
  const row = context.one(
    `SELECT t.trace_block AS block, t.trace_index AS block_index FROM recipients AS r
      JOIN transactions AS t ON t.id = r.tx WHERE r.seq = ?`,
    seq,
  );
  if (!row) return null;
  const { details: _, ...trace } = unpackTrace(context, row);
  return trace;
}

export interface AttemptRead {
  readonly id: number;
  /** 1 for the first. */
  readonly number: number;
  readonly rowSeqs: readonly number[];
  readonly dueMs: number | null;
  readonly startedMs: number;
  readonly startedRealMs: number;
  readonly endedMs: number | null;
  readonly durationMs: number | null;
  readonly protocol: string;
  readonly site: string;
  readonly pool: string | null;
  readonly source: string | null;
  readonly peer: string | null;
  readonly outcome: 'running' | (typeof ATTEMPT_OUTCOMES)[number];
  readonly code: number | null;
  readonly text: string;
  readonly nextDueMs: number | null;
  readonly details: JsonObject;
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  readonly problem: string | null;
}

/** Attempts shown for one message; a message that was tried more often shows its latest ones. */
const ATTEMPTS_MAX = 500;

/** Attempts for a row, first attempt first. */
export function readAttempts(context: ReadContext, { seq }: { seq: number }): AttemptRead[] {
  const message = context.one('SELECT message FROM recipients WHERE seq = ?', seq)?.['message'];
  if (message === null || message === undefined) return [];
  return context
    .all('SELECT * FROM attempts WHERE message = ? ORDER BY id DESC LIMIT ?', message, ATTEMPTS_MAX)
    .reverse()
    .map((row) => attemptOf(context, row, Number(message)))
    .filter((attempt) => attempt.rowSeqs.includes(seq));
}

function attemptOf(context: ReadContext, row: SqlRow, message: number): AttemptRead {
  const outcome = row['outcome'] as number | null;
  return {
    id: Number(row['id']),
    number: Number(row['number']),
    rowSeqs: JSON.parse(String(row['rows'] ?? `[${message}]`)) as number[],
    dueMs: row['due_ms'] as number | null,
    startedMs: Number(row['started_ms']),
    startedRealMs: Number(row['started_real_ms']),
    endedMs: row['ended_ms'] as number | null,
    durationMs: row['duration_ms'] as number | null,
    protocol: String(row['protocol']),
    site: String(row['site']),
    pool: row['pool'] as string | null,
    source: row['source'] as string | null,
    peer: row['peer'] as string | null,
    outcome: outcome === null ? 'running' : (ATTEMPT_OUTCOMES[outcome] ?? 'interrupted'),
    code: row['code'] as number | null,
    text: String(row['text'] ?? ''),
    nextDueMs: row['next_due_ms'] as number | null,
    ...unpackTrace(context, row),
  };
}

interface Unpacked extends TraceRead {
  readonly details: JsonObject;
}

function unpackTrace(context: ReadContext, row: SqlRow): Unpacked {
  const nothing = { details: {}, transcript: [], events: [] };
  const block = row['block'] as number | null;
  if (block === null) return { ...nothing, problem: null };
  try {
    const text = context.text(block, Number(row['block_index']));
    return { ...nothing, ...(JSON.parse(text) as Partial<Unpacked>), problem: null };
  } catch (thrown) {
    return { ...nothing, problem: `damaged: ${(thrown as Error).message}` };
  }
}
