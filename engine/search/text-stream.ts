/**
 * Rows that contain a phrase: from the full-text index as far as it goes, and for the newest rows
 * that it does not know yet from their addresses and subjects themselves.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { openForReading, searchFile } from '../store/database.ts';
import type { TextField } from './filter-query.ts';
import { EMPTY_STREAM, queryWalk, step, UnionStream, WalkStream } from './seq-streams.ts';
import type { SeqStream, Walk } from './seq-streams.ts';
import { PASSED_EVERY } from './term-streams.ts';
import type { StreamContext } from './term-streams.ts';
import { containsPhrase, ftsPhrase, wordsOf } from './tokens.ts';
import type { Phrase } from './tokens.ts';

/** Lengths of beginnings that have an index of their own; see `search-index.ts`. */
const HEAD_PREFIXES = [2, 3, 4];

/** A beginning this short has an index of its own in `heads`, and is not looked for in bodies. */
const BODY_PREFIX_CHARS_MIN = 4;

/** The index as the reader sees it; it may not exist yet, and it may be begun anew. */
export class SearchReader {
  readonly #file: string;
  #db: DatabaseSync | null = null;
  #inode = 0;

  constructor(folder: string) {
    this.#file = searchFile(folder);
  }

  /** Null when there is no index that can be read. */
  get db(): DatabaseSync | null {
    const inode = statSync(this.#file, { throwIfNoEntry: false })?.ino ?? 0;
    if (inode !== this.#inode) this.close();
    if (this.#db === null && inode !== 0) {
      try {
        this.#db = openForReading(this.#file);
        this.#inode = inode;
      } catch {
        return null;
      }
    }
    return this.#db;
  }

  /** Rows up to this one are in the index; 0 without one. */
  through(): number {
    try {
      const row = this.db?.prepare("SELECT value FROM progress WHERE key = 'through'").get();
      return Number(row?.['value'] ?? 0);
    } catch {
      // Being made, or damaged and about to be made again.
      this.close();
      return 0;
    }
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
    this.#inode = 0;
  }
}

const HEAD_COLUMNS: Readonly<Record<Exclude<TextField, 'body'>, string>> = {
  any: '',
  from: '{sender from_header} : ',
  to: '{recipient to_header} : ',
  rcpt: '{recipient} : ',
  subject: '{subject} : ',
};

export function textStream(at: StreamContext, field: TextField, phrase: Phrase): SeqStream {
  const through = at.search.through();
  const streams: SeqStream[] = [];
  if (field !== 'body') {
    streams.push(unindexedStream(at, field, phrase, through));
    const match = `${HEAD_COLUMNS[field]}${ftsPhrase(phrase)}`;
    const isQuick = !phrase.isPrefix || HEAD_PREFIXES.includes(lastOf(phrase).length);
    streams.push(ftsStream(at, { table: 'heads', match, isQuick }, through));
  }
  if (field === 'body' || field === 'any') {
    const isPrefix = phrase.isPrefix && lastOf(phrase).length >= BODY_PREFIX_CHARS_MIN;
    const match = ftsPhrase({ ...phrase, isPrefix });
    streams.push(ftsStream(at, { table: 'bodies', match, isQuick: !isPrefix }, through));
  }
  return new UnionStream(streams, at.direction);
}

function lastOf(phrase: Phrase): string {
  return phrase.words.at(-1) ?? '';
}

/** @param isQuick false when the query gathers everything before it gives the first row */
function ftsStream(
  at: StreamContext,
  { table, match, isQuick }: { table: 'heads' | 'bodies'; match: string; isQuick: boolean },
  through: number,
): SeqStream {
  const { db } = at.search;
  const restartAfter = isQuick ? 2_000 : Infinity;
  if (db === null || through === 0) return EMPTY_STREAM;
  const order = at.direction === 'older' ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const sql = `SELECT rowid AS seq FROM ${table} WHERE ${table} MATCH ? AND rowid ${order[0]} ?
    ORDER BY rowid ${order[1]}`;
  return new WalkStream(
    queryWalk(() => db.prepare(sql), [match]),
    { ...at, restartAfter },
  );
}

/** Rows looked at per query. */
const PAGE_ROWS = 256;

/** The rows after `through`, one by one. */
function unindexedStream(
  at: StreamContext,
  field: Exclude<TextField, 'body'>,
  phrase: Phrase,
  through: number,
): SeqStream {
  const { context, direction } = at;
  const columns = UNINDEXED_COLUMNS[field];
  const order = direction === 'older' ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const sql = `SELECT seq, sender, recipient, subject FROM recipients WHERE seq > ?
    AND seq ${order[0]} ? ORDER BY seq ${order[1]} LIMIT ?`;
  const walk: Walk = function* (from) {
    for (let next = from; ;) {
      const rows = context.all(sql, through, next, PAGE_ROWS);
      for (const row of rows) {
        const seq = Number(row['seq']);
        const texts = columns.map((column) => String(row[column] ?? ''));
        if (texts.some((text) => containsPhrase(wordsOf(text), phrase))) yield seq;
        else if (seq % PASSED_EVERY === 0) yield -seq;
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE_ROWS) return;
      next = step(Number(last['seq']), direction);
    }
  };
  return new WalkStream(walk, at);
}

const UNINDEXED_COLUMNS: Readonly<Record<Exclude<TextField, 'body'>, readonly string[]>> = {
  any: ['sender', 'recipient', 'subject'],
  from: ['sender'],
  to: ['recipient'],
  rcpt: ['recipient'],
  subject: ['subject'],
};
