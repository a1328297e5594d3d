/** Recipient rows: as the list shows them, and everything about one. */
import type { JsonObject } from '../mail/json.ts';
import { decodeEnvelope } from './encode.ts';
import { ROW_STATES } from './ops.ts';
import type { ReadContext, SqlRow } from './read-context.ts';
import { spoolIdOf, spoolKey } from './spool-key.ts';
import type { SpoolId } from '../base/ids.ts';
import type { RowState, RowSummary, SessionFacts } from './store.ts';

/** Everything of `RowSummary`; ends where a WHERE or JOIN may follow. */
export const ROW_SELECT = `SELECT r.seq, r.tx, r.state, r.code, r.is_deleted, r.has_attachment,
  r.is_tls, r.is_auth, r.size, r.time_ms, r.sender, r.recipient, r.subject, r.last_text,
  m.spool_id, m.attempts, m.due_ms, m.is_waiting, rn.name AS route, qn.name AS queue
  FROM recipients AS r LEFT JOIN messages AS m ON m.id = r.message
  LEFT JOIN names AS rn ON rn.id = r.route LEFT JOIN names AS qn ON qn.id = m.queue`;

export function rowSummary(row: SqlRow): RowSummary {
  const spoolId = row['spool_id'];
  return {
    seq: Number(row['seq']),
    transactionId: Number(row['tx']),
    messageId: spoolId instanceof Uint8Array ? spoolIdOf(spoolId) : null,
    timeMs: Number(row['time_ms']),
    state: ROW_STATES[Number(row['state'])] ?? 'aborted',
    code: row['code'] as number | null,
    from: row['sender'] as string | null,
    to: row['recipient'] as string | null,
    subject: String(row['subject']),
    route: String(row['route'] ?? ''),
    queue: String(row['queue'] ?? ''),
    attempts: Number(row['attempts'] ?? 0),
    nextDueMs: row['is_waiting'] === 1 ? Number(row['due_ms']) || null : null,
    sizeBytes: Number(row['size']),
    hasAttachment: row['has_attachment'] === 1,
    isTls: row['is_tls'] === 1,
    isAuth: row['is_auth'] === 1,
    lastText: String(row['last_text']),
    isDeleted: row['is_deleted'] === 1,
  };
}

/** Rows by number, in the order asked; those that are gone are left out. */
export function readRowsBySeq(context: ReadContext, { seqs }: { seqs: number[] }): RowSummary[] {
  return seqs.flatMap((seq) => {
    const row = context.one(`${ROW_SELECT} WHERE r.seq = ?`, seq);
    return row ? [rowSummary(row)] : [];
  });
}

/** The rows of a message, by its spool id. */
export function readMessageRows(context: ReadContext, { id }: { id: SpoolId }): RowSummary[] {
  const message = context.one(
    'SELECT id, row_count FROM messages WHERE spool_id = ?',
    spoolKey(id),
  );
  if (!message) return [];
  const first = Number(message['id']);
  const last = first + Number(message['row_count']) - 1;
  return context.all(`${ROW_SELECT} WHERE r.seq BETWEEN ? AND ?`, first, last).map(rowSummary);
}

/** Which rows the files of a maildir came from: `unique` to `seq`. */
export function readMaildirRows(
  context: ReadContext,
  { path, uniques }: { path: string; uniques: string[] },
): Record<string, number> {
  const wanted = new Set(uniques);
  const found: Record<string, number> = {};
  const rows = context.sql(`SELECT r.seq, r.maildir_unique FROM names AS n
    JOIN recipients AS r ON r.maildir = n.id WHERE n.kind = 3 AND n.name = ? ORDER BY r.seq DESC`);
  for (const row of rows.iterate(path)) {
    const unique = String(row['maildir_unique']);
    if (wanted.delete(unique)) found[unique] = Number(row['seq']);
    if (wanted.size === 0) break;
  }
  return found;
}

const DELETED_FILE = `SELECT n.name AS path, r.maildir_unique AS name FROM recipients AS r
  JOIN names AS n ON n.id = r.maildir WHERE r.seq = ? AND r.is_deleted = 1 AND NOT EXISTS (
    SELECT 1 FROM messages AS m JOIN recipients AS o ON o.seq BETWEEN m.id AND m.id + m.row_count - 1
    WHERE m.id = r.message AND o.is_deleted = 0 AND o.maildir = r.maildir
      AND o.maildir_unique = r.maildir_unique)`;

/** Where the files of deleted rows are, except for those that another row of the message shares. */
export function readDeletedFiles(
  context: ReadContext,
  { seqs }: { seqs: readonly number[] },
): { seq: number; path: string; unique: string }[] {
  return seqs.flatMap((seq) => {
    const row = context.one(DELETED_FILE, seq);
    return row === undefined
      ? []
      : [{ seq, path: String(row['path']), unique: String(row['name']) }];
  });
}

/** Other recipients of the same transaction that are shown with a row. */
const SIBLINGS_MAX = 500;

export interface RowRead {
  readonly row: RowSummary;
  readonly session: SessionFacts | null;
  readonly transaction: {
    readonly startedMs: number;
    readonly endedMs: number;
    readonly startedRealMs: number;
    readonly code: number | null;
    readonly reply: string;
    /** Of the data as sent; null when none arrived. */
    readonly bodyBytes: number | null;
  };
  readonly message: {
    readonly sender: string;
    /** Those that are still in the message. */
    readonly recipients: readonly string[];
    readonly meta: JsonObject;
    readonly scheduling: JsonObject | null;
    readonly sizeBytes: number;
    readonly isWaiting: boolean;
    /** Bytes before the data as sent; they are the whole change when `hasOwnBody` is false. */
    readonly prefix: string;
    readonly hasOwnBody: boolean;
  } | null;
  readonly siblings: readonly {
    readonly seq: number;
    readonly to: string;
    readonly state: RowState;
  }[];
  readonly siblingsMore: number;
  readonly maildir: { readonly path: string; readonly unique: string } | null;
  /** What of this is damaged and could not be read; null when nothing is. */
  readonly problem: string | null;
}

const DETAIL = `SELECT r.message, r.maildir_unique, mn.name AS maildir, t.session, t.started_ms,
  t.ended_ms, t.started_real_ms, t.code AS tx_code, t.reply, t.first_row, t.row_count, t.body AS
  original, b.size AS body_size FROM recipients AS r JOIN transactions AS t ON t.id = r.tx
  LEFT JOIN bodies AS b ON b.id = t.body LEFT JOIN names AS mn ON mn.id = r.maildir
  WHERE r.seq = ?`;

export function readRow(context: ReadContext, { seq }: { seq: number }): RowRead | null {
  const row = context.one(`${ROW_SELECT} WHERE r.seq = ?`, seq);
  const detail = context.one(DETAIL, seq);
  if (!row || !detail) return null;
  const first = Number(detail['first_row']);
  const count = Number(detail['row_count']);
  const siblings = context.all(
    `SELECT seq, recipient, state FROM recipients WHERE seq BETWEEN ? AND ? AND seq <> ? LIMIT ?`,
    ...[first, first + count - 1, seq, SIBLINGS_MAX],
  );
  const { message, problem } = readMessage(context, detail);
  return {
    row: rowSummary(row),
    session: readSession(context, Number(detail['session'])),
    transaction: {
      startedMs: Number(detail['started_ms']),
      endedMs: Number(detail['ended_ms']),
      startedRealMs: Number(detail['started_real_ms']),
      code: detail['tx_code'] as number | null,
      reply: String(detail['reply']),
      bodyBytes: detail['body_size'] as number | null,
    },
    message,
    siblings: siblings.map((sibling) => ({
      seq: Number(sibling['seq']),
      to: String(sibling['recipient'] ?? ''),
      state: ROW_STATES[Number(sibling['state'])] ?? 'aborted',
    })),
    siblingsMore: count - 1 - siblings.length,
    maildir:
      detail['maildir'] === null
        ? null
        : { path: String(detail['maildir']), unique: String(detail['maildir_unique']) },
    problem,
  };
}

function readMessage(
  context: ReadContext,
  detail: SqlRow,
): { message: RowRead['message']; problem: string | null } {
  const id = detail['message'];
  if (id === null || id === undefined) return { message: null, problem: null };
  const row = context.one('SELECT * FROM messages WHERE id = ?', id);
  if (!row) return { message: null, problem: `the row of message ${String(id)} is missing` };
  try {
    const { sender, recipients } = decodeEnvelope(String(row['envelope']));
    const scheduling = row['scheduling'] as string | null;
    const prefix = row['prefix'] as Uint8Array | null;
    const message = {
      sender: sender.email,
      recipients: recipients.map((recipient) => recipient.email),
      meta: JSON.parse(String(row['meta'])) as JsonObject,
      scheduling: scheduling === null ? null : (JSON.parse(scheduling) as JsonObject),
      sizeBytes: Number(row['size']),
      isWaiting: row['is_waiting'] === 1,
      prefix: prefix === null ? '' : Buffer.from(prefix).toString('latin1'),
      hasOwnBody: row['body'] !== detail['original'],
    };
    return { message, problem: null };
  } catch (thrown) {
    return { message: null, problem: `the message is damaged: ${(thrown as Error).message}` };
  }
}

function readSession(context: ReadContext, id: number): SessionFacts | null {
  const row = context.one('SELECT * FROM sessions WHERE id = ?', id);
  if (!row) return null;
  const version = row['tls_version'] as string | null;
  return {
    id: String(row['uuid']) as SessionFacts['id'],
    listener: String(row['listener']),
    peer: String(row['peer']),
    protocol: String(row['protocol']) as SessionFacts['protocol'],
    startedMs: Number(row['started_ms']),
    startedRealMs: Number(row['started_real_ms']),
    ehlo: row['ehlo'] as string | null,
    tls: version === null ? null : { version, cipher: String(row['tls_cipher']) },
    auth: row['auth'] as string | null,
  };
}
