/**
 * The full-text index, `search.db`: a file of its own that holds nothing else and can always be
 * rebuilt from the store. Two FTS5 tables without content, `rowid` = `seq`: `heads` (addresses and
 * subject, also by beginnings of words) and `bodies` (text of the message). The inspect worker
 * fills it behind reception; `through` says up to which row.
 *
 * Source: SQLite FTS5 §4.4.4 (contentless-delete tables), §4.5 (prefix indexes).
 */
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { searchFile } from '../store/database.ts';
import { wordsOf } from './tokens.ts';

/** Changed tables mean a new number, which means a rebuild. */
const LAYOUT = 1;

/** Characters of a body that are indexed. */
const BODY_CHARS_MAX = 256 * 1024;
const HEAD_CHARS_MAX = 8 * 1024;

const TABLES = `
  CREATE VIRTUAL TABLE heads USING fts5(sender, recipient, from_header, to_header, subject,
    content = '', contentless_delete = 1, prefix = '2 3 4', tokenize = "unicode61 remove_diacritics 0");
  CREATE VIRTUAL TABLE bodies USING fts5(body,
    content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0");
  CREATE TABLE progress (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO progress VALUES ('through', 0), ('swept', 0);
`;

/** What is indexed of a row. */
export interface IndexEntry {
  readonly seq: number;
  /** Envelope. */
  readonly sender: string;
  readonly recipient: string;
  /** Header fields, decoded; To and Cc together. */
  readonly fromHeader: string;
  readonly toHeader: string;
  readonly subject: string;
  readonly body: string;
}

export class SearchIndex {
  readonly #db: DatabaseSync;
  readonly #insertHead: StatementSync;
  readonly #insertBody: StatementSync;
  readonly #deleteHead: StatementSync;
  readonly #deleteBody: StatementSync;
  readonly #setProgress: StatementSync;
  #through: number;
  #swept: number;
  /** Words of the last body: the rows of one transaction share it. */
  #lastBody: { readonly text: string; readonly words: string } = { text: '', words: '' };

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insertHead = db.prepare(`INSERT INTO heads (rowid, sender, recipient, from_header,
      to_header, subject) VALUES (?, ?, ?, ?, ?, ?)`);
    this.#insertBody = db.prepare('INSERT INTO bodies (rowid, body) VALUES (?, ?)');
    this.#deleteHead = db.prepare('DELETE FROM heads WHERE rowid = ?');
    this.#deleteBody = db.prepare('DELETE FROM bodies WHERE rowid = ?');
    this.#setProgress = db.prepare('UPDATE progress SET value = ? WHERE key = ?');
    this.#through = this.#progress('through');
    this.#swept = this.#progress('swept');
  }

  /**
   * Opens the index, or begins a new one when it is missing, damaged or of another layout.
   * @param newestSeq of the store; an index that is ahead belongs to another database
   */
  static open(folder: string, newestSeq: number): SearchIndex {
    const file = searchFile(folder);
    try {
      const index = new SearchIndex(openFile(file));
      if (index.through <= newestSeq) return index;
      index.close();
    } catch {
      // Damaged or incomplete: everything in it can be made again.
    }
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    return new SearchIndex(openFile(file));
  }

  /** Rows up to this one are indexed. */
  get through(): number {
    return this.#through;
  }

  /** Rows up to this one were compared with the store after retention removed some. */
  get swept(): number {
    return this.#swept;
  }

  /** Adds rows in one commit; `through` moves to the last row that was looked at. */
  add(entries: readonly IndexEntry[], through: number): void {
    this.#commit(() => {
      for (const entry of entries) this.#add(entry);
      this.#setProgress.run(through, 'through');
    });
    this.#through = through;
  }

  /** Takes rows out that are gone from the store. */
  remove(seqs: readonly number[], swept: number): void {
    this.#commit(() => {
      for (const seq of seqs) {
        this.#deleteHead.run(seq);
        this.#deleteBody.run(seq);
      }
      this.#setProgress.run(swept, 'swept');
    });
    this.#swept = swept;
  }

  /** Indexed rows after `seq`, in order. */
  rowsAfter(seq: number, limit: number): number[] {
    return this.#db
      .prepare('SELECT id FROM heads_docsize WHERE id > ? ORDER BY id LIMIT ?')
      .all(seq, limit)
      .map((row) => Number(row['id']));
  }

  close(): void {
    this.#db.close();
  }

  #add(entry: IndexEntry): void {
    const { seq, sender, recipient, fromHeader, toHeader, subject, body } = entry;
    // A crash after the commit of another process's index may have left the row: never twice.
    this.#deleteHead.run(seq);
    const heads = [sender, recipient, fromHeader, toHeader, subject].map((text) =>
      wordsOf(text.slice(0, HEAD_CHARS_MAX)).join(' '),
    );
    this.#insertHead.run(seq, ...heads);
    if (body === '') return;
    if (this.#lastBody.text !== body) {
      this.#lastBody = { text: body, words: wordsOf(body.slice(0, BODY_CHARS_MAX)).join(' ') };
    }
    this.#deleteBody.run(seq);
    this.#insertBody.run(seq, this.#lastBody.words);
  }

  #commit(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (thrown) {
      this.#db.exec('ROLLBACK');
      throw thrown;
    }
  }

  #progress(key: string): number {
    const row = this.#db.prepare('SELECT value FROM progress WHERE key = ?').get(key);
    return Number(row?.['value'] ?? 0);
  }
}

/** Not flushed with every commit: what a crash takes is indexed again. */
function openFile(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384');
    const layout = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (layout !== 0 && layout !== LAYOUT) throw new Error(`search index of layout ${layout}`);
    if (layout === 0) db.exec(`BEGIN; ${TABLES} PRAGMA user_version = ${LAYOUT}; COMMIT`);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}
