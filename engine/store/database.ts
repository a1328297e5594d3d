/**
 * Files of the store and how they are opened. One folder: `postyard.db` (with its WAL), the lock,
 * `bodies/`, and `search.db` beside it, which can always be rebuilt.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrate } from './schema.ts';

/** Three messages of two kilobytes to a page; half of a page of 4 KB would stay empty. */
const PAGE_BYTES = 8192;

const WRITER_CACHE_KIB = 32 * 1024;
const READER_CACHE_KIB = 12 * 1024;

export function databaseFile(folder: string): string {
  return join(folder, 'postyard.db');
}

export function bodiesFolder(folder: string): string {
  return join(folder, 'bodies');
}

export function searchFile(folder: string): string {
  return join(folder, 'search.db');
}

/**
 * The writable connection, migrated. Checkpoints are the writer's own business.
 * @throws {Error} the file is no database, or of a newer version
 */
export function openForWriting(folder: string): DatabaseSync {
  const file = databaseFile(folder);
  const isNew = !existsSync(file);
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    if (isNew) db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${64 * 1024 * 1024};
      PRAGMA cache_size = -${WRITER_CACHE_KIB};
    `);
    migrate(db);
  } catch (cause) {
    db.close();
    throw new Error(`Cannot open the store: ${file}: ${(cause as Error).message}`, { cause });
  }
  return db;
}

export function openForReading(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  db.exec(`PRAGMA cache_size = -${READER_CACHE_KIB}; PRAGMA query_only = 1`);
  return db;
}
