/**
 * Moves committed pages from the WAL into the database, on the writer's own thread: in small
 * portions while it is busy, so that the WAL stays short and no pause gets long.
 *
 * Source: SQLite's "Write-Ahead Logging", §2.3 and §6.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Pages of 8 KB; a checkpoint of so many takes some tens of milliseconds. */
const CHECKPOINT_PAGES = 2_000;

export class Checkpoints {
  readonly #db: DatabaseSync;
  readonly #look: StatementSync;
  readonly #passive: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#passive = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  }

  committed(): void {
    const row = this.#look.get();
    const pages = Number(row?.['log']) - Number(row?.['checkpointed']);
    if (pages >= CHECKPOINT_PAGES) this.#passive.get();
  }

  /** Everything into the database, and an empty WAL. */
  finish(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }
}
