/** Counts, the audit of changes, the ledger of connections, and recent maildir deliveries. */
import type { JsonObject } from '../mail/json.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { ROW_STATES } from './ops.ts';
import type { ReadContext } from './read-context.ts';
import type { MaildirDelivery, RowState } from './store.ts';

/** Above this a count is a bound: `10,000+`. */
export const COUNT_MAX = 10_000;

export interface BoundedCount {
  readonly value: number;
  readonly isExact: boolean;
}

export function boundedCount(counted: number): BoundedCount {
  return { value: Math.min(counted, COUNT_MAX), isExact: counted <= COUNT_MAX };
}

/** Rows by state, those that are hidden included. */
export function readStateCounts(context: ReadContext): Record<RowState, BoundedCount> {
  const entries = ROW_STATES.map((state, i) => {
    const row = context.one(
      'SELECT count(*) AS n FROM (SELECT 1 FROM recipients WHERE state = ? LIMIT ?)',
      ...[i, COUNT_MAX + 1],
    );
    return [state, boundedCount(Number(row?.['n']))] as const;
  });
  return Object.fromEntries(entries) as Record<RowState, BoundedCount>;
}

export interface AuditEntry {
  readonly seq: number;
  readonly timeMs: number;
  readonly who: string;
  readonly verb: string;
  readonly detail: JsonObject;
}

export interface LedgerEntry {
  readonly seq: number;
  readonly timeMs: number;
  readonly kind: string;
  readonly target: string;
  readonly allowed: boolean;
  readonly why: string;
}

export interface Page<T> {
  readonly entries: readonly T[];
  readonly next: string | null;
}

export type PageParams = { limit: number; cursor?: string | null };

/** Who changed what, newest first. */
export function readAudit(context: ReadContext, params: PageParams): Page<AuditEntry> {
  return page(context, 'audit', params, (row) => ({
    seq: Number(row['seq']),
    timeMs: Number(row['time_ms']),
    who: String(row['who']),
    verb: String(row['verb']),
    detail: JSON.parse(String(row['detail'])) as JsonObject,
  }));
}

/** Connections that went out or were refused, newest first. */
export function readLedger(context: ReadContext, params: PageParams): Page<LedgerEntry> {
  return page(context, 'ledger', params, (row) => ({
    seq: Number(row['seq']),
    timeMs: Number(row['time_ms']),
    kind: String(row['kind']),
    target: String(row['target']),
    allowed: row['is_allowed'] === 1,
    why: String(row['why']),
  }));
}

function page<T extends { readonly seq: number }>(
  context: ReadContext,
  table: 'audit' | 'ledger',
  { limit, cursor }: PageParams,
  entryOf: (row: Record<string, unknown>) => T,
): Page<T> {
  const [before = Number.MAX_SAFE_INTEGER] = cursor ? decodeCursor(cursor, 1) : [];
  const rows = context.all(
    `SELECT * FROM ${table} WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
    ...[before, limit + 1],
  );
  const entries = rows.slice(0, limit).map(entryOf);
  const last = entries.at(-1);
  return { entries, next: rows.length > limit && last ? encodeCursor([last.seq]) : null };
}

export interface StoredDelivery extends MaildirDelivery {
  readonly attemptId: number;
}

const DELIVERIES = `SELECT a.id, r.seq, r.maildir_unique, n.name AS path FROM attempts AS a
  JOIN messages AS m ON m.id = a.message
  JOIN recipients AS r ON r.seq BETWEEN m.id AND m.id + m.row_count - 1
  JOIN names AS n ON n.id = r.maildir WHERE a.outcome IS NOT NULL AND`;

/**
 * Maildir deliveries of attempts after this one, oldest first, for the comparison with the folders
 * after a crash. Pages: go on after the last `attemptId`; an attempt is never cut in two, so a page
 * may be longer than `limit`, and one that is shorter is the last. A row whose message was tried
 * several times is named with each attempt.
 */
export function readMaildirDeliveries(
  context: ReadContext,
  { afterAttempt, limit }: { afterAttempt: number; limit: number },
): StoredDelivery[] {
  const rows = context.all(
    `${DELIVERIES} a.id > ? ORDER BY a.id, r.seq LIMIT ?`,
    ...[afterAttempt, limit],
  );
  const last = rows.at(-1);
  if (last && rows.length === limit) {
    const rest = `${DELIVERIES} a.id = ? AND r.seq > ? ORDER BY r.seq`;
    rows.push(...context.all(rest, Number(last['id']), Number(last['seq'])));
  }
  return rows.map((row) => ({
    attemptId: Number(row['id']),
    rowSeq: Number(row['seq']),
    path: String(row['path']),
    unique: String(row['maildir_unique']),
  }));
}
