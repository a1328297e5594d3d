/**
 * The layout of `postyard.db`, as numbered steps. A step that was released is never edited: a
 * change is a further step. `migrate` runs those a database has not seen, each in a transaction.
 *
 * Recipient rows, messages and transactions have numbers that grow with arrival, given out on the
 * main thread: everything that a reception writes is appended, also in the indexes. The rows of a
 * transaction are consecutive, and so are those of a message, which is named by its first row.
 * Names that repeat (queues, routes, maildirs) are numbers into `names`. Record JSON, transcripts
 * and policy traces are small and alike, so those of one commit share compressed blocks.
 */
import type { DatabaseSync } from 'node:sqlite';

export const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL,
    protocol TEXT NOT NULL,
    listener TEXT NOT NULL,
    peer TEXT NOT NULL,
    started_ms REAL NOT NULL,
    started_real_ms REAL NOT NULL,
    ehlo TEXT,
    tls_version TEXT,
    tls_cipher TEXT,
    auth TEXT
  ) STRICT;

  CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    started_ms REAL NOT NULL,
    ended_ms REAL NOT NULL,
    started_real_ms REAL NOT NULL,
    code INTEGER,
    body INTEGER,
    trace_block INTEGER,
    trace_index INTEGER,
    sender TEXT,
    reply TEXT NOT NULL
  ) STRICT;
  CREATE INDEX transactions_session ON transactions (session);

  -- data is null when the bytes are in a file named by the id
  CREATE TABLE bodies (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    data BLOB
  ) STRICT;

  -- final bytes: prefix followed by the body; due_ms is 0 when nothing is due
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    spool_id BLOB NOT NULL UNIQUE,
    tx INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    is_waiting INTEGER NOT NULL,
    was_in_flight INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_ms REAL NOT NULL,
    body INTEGER NOT NULL,
    size INTEGER NOT NULL,
    prefix BLOB,
    envelope TEXT NOT NULL,
    meta TEXT NOT NULL,
    scheduling TEXT
  ) STRICT;
  CREATE INDEX messages_queue ON messages (queue, id);
  CREATE INDEX messages_waiting ON messages (queue, due_ms, id) WHERE is_waiting = 1;

  CREATE TABLE recipients (
    seq INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    code INTEGER,
    is_deleted INTEGER NOT NULL DEFAULT 0,
    has_attachment INTEGER NOT NULL DEFAULT 0,
    is_tls INTEGER NOT NULL,
    is_auth INTEGER NOT NULL,
    route INTEGER NOT NULL,
    maildir INTEGER,
    tx INTEGER NOT NULL,
    message INTEGER,
    size INTEGER NOT NULL,
    time_ms REAL NOT NULL,
    sender TEXT,
    recipient TEXT,
    subject TEXT NOT NULL,
    last_text TEXT NOT NULL,
    maildir_unique TEXT
  ) STRICT;
  CREATE INDEX recipients_state ON recipients (state);
  CREATE INDEX recipients_code ON recipients (code) WHERE code IS NOT NULL;
  CREATE INDEX recipients_route ON recipients (route);
  CREATE INDEX recipients_maildir ON recipients (maildir) WHERE maildir IS NOT NULL;
  CREATE INDEX recipients_attachment ON recipients (has_attachment) WHERE has_attachment = 1;
  CREATE INDEX recipients_tls ON recipients (is_tls) WHERE is_tls = 1;
  CREATE INDEX recipients_auth ON recipients (is_auth) WHERE is_auth = 1;
  CREATE INDEX recipients_deleted ON recipients (is_deleted) WHERE is_deleted = 1;

  -- earliest and latest time of each run of 1024 rows: before: and after: skip runs by it
  CREATE TABLE row_times (
    run INTEGER PRIMARY KEY,
    first_ms REAL NOT NULL,
    last_ms REAL NOT NULL
  ) STRICT;

  CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    number INTEGER NOT NULL,
    outcome INTEGER,
    code INTEGER,
    due_ms REAL,
    started_ms REAL NOT NULL,
    started_real_ms REAL NOT NULL,
    ended_ms REAL,
    duration_ms REAL,
    next_due_ms REAL,
    block INTEGER,
    block_index INTEGER,
    rows TEXT,
    protocol TEXT NOT NULL,
    site TEXT NOT NULL,
    pool TEXT,
    source TEXT,
    peer TEXT,
    text TEXT
  ) STRICT;
  CREATE INDEX attempts_message ON attempts (message);
  CREATE INDEX attempts_open ON attempts (id) WHERE outcome IS NULL;

  CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    first_row INTEGER,
    rows TEXT,
    attempt INTEGER,
    code INTEGER NOT NULL,
    time_ms REAL NOT NULL,
    real_ms REAL NOT NULL,
    block INTEGER NOT NULL,
    block_index INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX records_row ON records (first_row) WHERE first_row IS NOT NULL;
  CREATE INDEX records_type ON records (type);
  CREATE INDEX records_loose ON records (seq) WHERE first_row IS NULL;

  -- first and last: numbers of the transactions, attempts or records whose texts are inside
  CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;

  CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
  ) STRICT;

  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time_ms REAL NOT NULL,
    who TEXT NOT NULL,
    verb TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;

  CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    time_ms REAL NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    is_allowed INTEGER NOT NULL,
    why TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- transactions that could not be applied, with their bytes: tried again by each start
  CREATE TABLE unapplied (
    id INTEGER PRIMARY KEY,
    ops BLOB NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;

  -- how many of a session's transactions are left; an index would be touched in as many places as
  -- there are sessions
  ALTER TABLE sessions ADD COLUMN tx_count INTEGER NOT NULL DEFAULT 0;
  UPDATE sessions SET tx_count =
    (SELECT count(*) FROM transactions WHERE transactions.session = sessions.id);
  DROP INDEX transactions_session;
  `,
];

/**
 * Brings a database to the newest layout.
 *
 * @throws {Error} when it was written by a newer version, which this one cannot read
 */
export function migrate(db: DatabaseSync, steps: readonly string[] = SCHEMA_STEPS): void {
  const version = versionOf(db);
  if (version > steps.length) {
    throw new Error(
      `Cannot open the store: its layout is number ${version}, this version knows ${steps.length}; ` +
        'expected a database of this or an older version',
    );
  }
  for (let step = version; step < steps.length; step++) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(steps[step] ?? '');
      db.exec(`PRAGMA user_version = ${step + 1}`);
      db.exec('COMMIT');
    } catch (thrown) {
      db.exec('ROLLBACK');
      throw thrown;
    }
  }
}

function versionOf(db: DatabaseSync): number {
  const row = db.prepare('PRAGMA user_version').get();
  return Number(row?.['user_version'] ?? 0);
}
