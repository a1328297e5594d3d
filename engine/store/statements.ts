/**
 * The SQL of the writer, prepared once. Parameters stand in the order of `ops.ts`.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

const ROWS_OF_MESSAGE = 'seq BETWEEN ? AND (SELECT id + row_count - 1 FROM messages WHERE id = ?)';

const SQL = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  insertSession: `INSERT OR IGNORE INTO sessions (id, uuid, protocol, listener, peer, started_ms,
    started_real_ms, ehlo, tls_version, tls_cipher, auth) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  countSession: 'UPDATE sessions SET tx_count = tx_count + ? WHERE id = ?',
  keepUnapplied: 'INSERT INTO unapplied (ops, bytes) VALUES (?, ?)',
  forgetUnapplied: 'DELETE FROM unapplied',
  insertTransaction: `INSERT INTO transactions (id, session, first_row, row_count, started_ms,
    ended_ms, started_real_ms, code, body, trace_block, trace_index, sender, reply)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertBody: 'INSERT INTO bodies (id, size, data) VALUES (?, ?, ?)',
  insertMessage: `INSERT INTO messages (id, spool_id, tx, row_count, queue, is_waiting,
    was_in_flight, attempts, due_ms, body, size, prefix, envelope, meta, scheduling)
    VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertRow: `INSERT INTO recipients (seq, state, code, is_tls, is_auth, route, tx, message, size,
    time_ms, sender, recipient, subject, last_text)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  widenRun: `INSERT INTO row_times (run, first_ms, last_ms) VALUES (?, ?, ?)
    ON CONFLICT (run) DO UPDATE SET first_ms = min(first_ms, excluded.first_ms),
      last_ms = max(last_ms, excluded.last_ms)`,
  updateMessage: `UPDATE messages SET queue = ?, attempts = ?, due_ms = ?, was_in_flight = 0
    WHERE id = ?`,
  updateContent: 'UPDATE messages SET envelope = ?, meta = ?, scheduling = ? WHERE id = ?',
  // An earlier body of the message's own; the one that the client sent stays.
  deleteOwnBody: `DELETE FROM bodies WHERE id = (SELECT m.body FROM messages AS m
    JOIN transactions AS t ON t.id = m.tx WHERE m.id = ? AND m.body IS NOT t.body)
    RETURNING id, size, data IS NULL AS is_file`,
  updateBody: 'UPDATE messages SET body = ?, size = ?, prefix = NULL WHERE id = ?',
  updateSize: `UPDATE recipients SET size = ? WHERE ${ROWS_OF_MESSAGE}`,
  updateRoute: `UPDATE recipients SET route = ? WHERE ${ROWS_OF_MESSAGE} AND route <> ?`,
  setRoute: 'UPDATE recipients SET route = ? WHERE seq = ? AND route <> ?',
  removeFromQueue: `UPDATE messages SET is_waiting = 0, was_in_flight = 0, due_ms = 0
    WHERE id = ?`,
  insertAttempt: `INSERT INTO attempts (id, message, rows, number, due_ms, started_ms,
    started_real_ms, next_due_ms, protocol, site, pool, source)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  attemptBegan: 'UPDATE messages SET attempts = ?, due_ms = ?, was_in_flight = 0 WHERE id = ?',
  endAttempt: `UPDATE attempts SET ended_ms = ?, duration_ms = ?, outcome = ?, code = ?, text = ?,
    peer = ?, next_due_ms = ?, block = ?, block_index = ? WHERE id = ?`,
  attemptEnded: `UPDATE messages SET due_ms = ?
    WHERE id = (SELECT message FROM attempts WHERE id = ?) AND is_waiting = 1`,
  setMaildir: 'UPDATE recipients SET maildir = ?, maildir_unique = ? WHERE seq = ?',
  insertRecord: `INSERT INTO records (seq, type, first_row, rows, attempt, code, time_ms, real_ms,
    block, block_index) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  shiftDue: 'UPDATE messages SET due_ms = due_ms + ? WHERE is_waiting = 1 AND due_ms > 0',
  setQueueDue: 'UPDATE messages SET due_ms = ? WHERE queue = ? AND is_waiting = 1',
  linkRecord: 'UPDATE records SET first_row = ? WHERE seq = ?',
  setState: 'UPDATE recipients SET state = ?, code = ?, last_text = ? WHERE seq = ?',
  insertBlock: 'INSERT INTO blocks (id, kind, first, last, data) VALUES (?, ?, ?, ?, ?)',
  setSetting: 'INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)',
  insertAudit: 'INSERT INTO audit (time_ms, who, verb, detail) VALUES (?, ?, ?, ?)',
  insertLedger: `INSERT INTO ledger (time_ms, kind, target, is_allowed, why)
    VALUES (?, ?, ?, ?, ?)`,
  setDeleted: 'UPDATE recipients SET is_deleted = ? WHERE seq = ? AND is_deleted <> ?',
  setSubject: 'UPDATE recipients SET subject = ? WHERE seq = ?',
  setAttachment: 'UPDATE recipients SET has_attachment = ? WHERE seq = ?',
  setCounter: 'INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)',
  pageCount: 'SELECT page_count AS n FROM pragma_page_count',
  freePages: 'SELECT freelist_count AS n FROM pragma_freelist_count',
} as const;

export type Statements = { readonly [K in keyof typeof SQL]: StatementSync };

export function prepareStatements(db: DatabaseSync): Statements {
  const entries = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)] as const);
  return Object.fromEntries(entries) as unknown as Statements;
}
