/**
 * One engine per database. The lock is the operating system's, held through an exclusive SQLite
 * transaction on a file beside the database, so it ends with its process however that ends; a
 * number left behind by `kill -9` never blocks anybody. Who holds it is written beside it, for the
 * message only.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export class DatabaseLock {
  readonly #db: DatabaseSync;
  readonly #pidFile: string;

  private constructor(db: DatabaseSync, pidFile: string) {
    this.#db = db;
    this.#pidFile = pidFile;
  }

  /** @throws {Error} another process (or another store of this one) has the database open */
  static take(databaseFile: string): DatabaseLock {
    mkdirSync(dirname(databaseFile), { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(`${databaseFile}.lock`, { timeout: 0 });
    const pidFile = `${databaseFile}.pid`;
    try {
      db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (cause) {
      db.close();
      throw new Error(
        `Cannot open the store: ${databaseFile} is in use by ${holder(pidFile)}; stop it first`,
        { cause },
      );
    }
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return new DatabaseLock(db, pidFile);
  }

  release(): void {
    rmSync(this.#pidFile, { force: true });
    this.#db.close();
  }
}

function holder(pidFile: string): string {
  try {
    return `process ${readFileSync(pidFile, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
