/**
 * `suppression.db` in the workspace: an SQLite file that policies may open, too. One table,
 * documented in `docs/suppression.md`; a row needs nothing but a recipient, so that a script can
 * write one. The file is in WAL mode: a policy and this engine read and write it side by side.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** A policy may hold a transaction open meanwhile. */
const BUSY_TIMEOUT_MS = 2_000;

/** Also part of the module that "as Lua" writes. The default time is understood by any SQLite 3. */
export const TABLE_SQL = `CREATE TABLE IF NOT EXISTS suppression (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL COLLATE NOCASE,
  sending_domain TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
  reason TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL DEFAULT 'policy',
  since_ms INTEGER NOT NULL
    DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
  source TEXT NOT NULL DEFAULT '',
  record_seq INTEGER,
  row_seq INTEGER,
  hits INTEGER NOT NULL DEFAULT 0,
  last_hit_ms INTEGER,
  UNIQUE (recipient, sending_domain)
)`;

const INDEX_SQL =
  'CREATE INDEX IF NOT EXISTS suppression_by_time ON suppression (since_ms DESC, id DESC)';

/**
 * Opens the list, making file and table when they are missing.
 * @throws {Error} the file is no database, or its table has other columns
 */
export function openSuppressionFile(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${TABLE_SQL}; ${INDEX_SQL}`);
    db.prepare('SELECT id, recipient, sending_domain, reason, origin, since_ms, source, record_seq, row_seq, hits, last_hit_ms FROM suppression LIMIT 0'); // prettier-ignore
  } catch (cause) {
    db.close();
    throw new Error(`Cannot open the suppression list: ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return db;
}

/** A copy of the list as it is now, beside whoever uses it. */
export function copySuppressionFile(from: string, to: string): void {
  const db = openSuppressionFile(from);
  try {
    db.prepare('VACUUM INTO ?').run(to);
  } finally {
    db.close();
  }
}

/** Tells a replaced or removed file from the one that was opened; empty when there is none. */
export function fileIdOf(file: string): string {
  const facts = statSync(file, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? '' : `${facts.dev}:${facts.ino}:${facts.birthtimeNs}`;
}
