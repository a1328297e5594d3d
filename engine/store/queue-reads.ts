/** Messages of one scheduled queue: those that wait, by due time, and those that left it lately. */
import type { SpoolId } from '../base/ids.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { decodeEnvelope } from './encode.ts';
import { ATTEMPT_OUTCOMES, ROW_STATES } from './ops.ts';
import type { ReadContext, SqlRow } from './read-context.ts';
import { spoolIdOf } from './spool-key.ts';
import type { RowState } from './store.ts';

export interface PastAttempt {
  readonly atMs: number;
  readonly outcome: 'running' | (typeof ATTEMPT_OUTCOMES)[number];
  readonly code: number | null;
  readonly text: string;
  readonly nextDueMs: number | null;
}

export interface QueueMessage {
  readonly messageId: SpoolId;
  readonly seq: number;
  /** The first recipient that is still in the message, and how many more there are. */
  readonly to: string;
  readonly moreRecipients: number;
  readonly subject: string;
  readonly state: RowState;
  readonly code: number | null;
  readonly lastText: string;
  readonly dueMs: number | null;
  readonly numAttempts: number;
  readonly scheduling: string | null;
  /** Of the last attempt; null when there was none. */
  readonly lastAttemptMs: number | null;
  readonly past: readonly PastAttempt[];
}

export interface QueueMessagesRead {
  readonly messages: readonly QueueMessage[];
  readonly next: string | null;
  readonly commitSeq: number;
}

/** Attempts shown on a message's strip. */
const PAST_MAX = 100;
/** Messages looked at for those that left lately. */
const LEFT_SCAN_MAX = 1_000;

const SELECT = `SELECT m.id, m.spool_id, m.due_ms, m.attempts, m.envelope, m.scheduling, r.subject,
  r.recipient, r.state, r.code, r.last_text FROM messages AS m JOIN recipients AS r ON r.seq = m.id`;

export function readQueueMessages(
  context: ReadContext,
  params: { queue: string; limit: number; cursor?: string | null },
): QueueMessagesRead {
  const { queue, limit, cursor } = params;
  const id = queueId(context, queue);
  if (id === null) return { messages: [], next: null, commitSeq: context.commitSeq() };
  const [due = -1, after = 0] = cursor ? decodeCursor(cursor, 2) : [];
  const rows = context.all(
    `${SELECT} WHERE m.queue = ? AND m.is_waiting = 1 AND (m.due_ms, m.id) > (?, ?)
      ORDER BY m.due_ms, m.id LIMIT ?`,
    ...[id, due, after, limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    messages: page.map((row) => queueMessage(context, row)),
    next: hasMore ? encodeCursor([Number(last['due_ms']), Number(last['id'])]) : null,
    commitSeq: context.commitSeq(),
  };
}

/** Messages that left the queue since `sinceMs` (mail clock), latest first. */
export function readQueueLeft(
  context: ReadContext,
  { queue, sinceMs, limit }: { queue: string; sinceMs: number; limit: number },
): QueueMessage[] {
  const id = queueId(context, queue);
  if (id === null) return [];
  const rows = context.all(
    `SELECT * FROM (${SELECT.replace('m.id,', 'm.id, m.is_waiting,')} WHERE m.queue = ?
      ORDER BY m.id DESC LIMIT ?) WHERE is_waiting = 0`,
    ...[id, LEFT_SCAN_MAX],
  );
  return rows
    .map((row) => queueMessage(context, row))
    .filter((message) => (message.lastAttemptMs ?? 0) >= sinceMs)
    .sort((a, b) => (b.lastAttemptMs ?? 0) - (a.lastAttemptMs ?? 0))
    .slice(0, limit);
}

function queueId(context: ReadContext, queue: string): number | null {
  const row = context.one('SELECT id FROM names WHERE kind = 1 AND name = ?', queue);
  return row ? Number(row['id']) : null;
}

function queueMessage(context: ReadContext, row: SqlRow): QueueMessage {
  const recipients = recipientsOf(row);
  const past = context
    .all(
      `SELECT started_ms, outcome, code, text, next_due_ms FROM attempts WHERE message = ?
        ORDER BY id DESC LIMIT ?`,
      ...[Number(row['id']), PAST_MAX],
    )
    .reverse();
  const last = past.at(-1)?.['started_ms'];
  return {
    messageId: spoolIdOf(row['spool_id'] as Uint8Array),
    seq: Number(row['id']),
    to: recipients[0] ?? '',
    moreRecipients: Math.max(recipients.length - 1, 0),
    subject: String(row['subject']),
    state: ROW_STATES[Number(row['state'])] ?? 'queued',
    code: row['code'] as number | null,
    lastText: String(row['last_text']),
    dueMs: Number(row['due_ms']) || null,
    numAttempts: Number(row['attempts']),
    scheduling: row['scheduling'] as string | null,
    lastAttemptMs: last === undefined ? null : Number(last),
    past: past.map(pastAttempt),
  };
}

function recipientsOf(row: SqlRow): string[] {
  try {
    return decodeEnvelope(String(row['envelope'])).recipients.map((each) => each.email);
  } catch {
    return [String(row['recipient'] ?? '')];
  }
}

function pastAttempt(row: SqlRow): PastAttempt {
  const outcome = row['outcome'] as number | null;
  return {
    atMs: Number(row['started_ms']),
    outcome: outcome === null ? 'running' : (ATTEMPT_OUTCOMES[outcome] ?? 'interrupted'),
    code: row['code'] as number | null,
    text: String(row['text'] ?? ''),
    nextDueMs: row['next_due_ms'] as number | null,
  };
}
