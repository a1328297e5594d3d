/**
 * What every read works with: a read-only connection, its prepared statements, opened blocks, body
 * files. A read sees one snapshot: the worker opens a transaction around it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { unpackBlock } from './blocks.ts';
import type { BodyFiles } from './bodies.ts';

/** A named read. Results must be cloneable; `transfer` is for buffers that need no copy. */
export type Read = (context: ReadContext, params: never) => unknown;
export type ReadTable = Readonly<Record<string, Read>>;

/** Statements and blocks remembered; the oldest give way. */
const STATEMENTS_MAX = 200;
const BLOCKS_MAX = 64;

export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

export class ReadContext {
  readonly db: DatabaseSync;
  readonly folder: string;
  readonly bodies: BodyFiles;
  readonly #table: ReadTable;
  /** Buffers of the current answer that may be moved instead of copied. */
  readonly transfers: ArrayBuffer[] = [];
  readonly #statements = new Map<string, StatementSync>();
  readonly #blocks = new Map<number, readonly string[]>();

  /** @param table what `call` knows: one read may use another, also of another folder */
  constructor(db: DatabaseSync, folder: string, bodies: BodyFiles, table: ReadTable = {}) {
    this.#table = table;
    this.db = db;
    this.folder = folder;
    this.bodies = bodies;
  }

  /** @throws {Error} there is no read of that name */
  call(name: string, params: object): unknown {
    const read = this.#table[name];
    if (!read) throw new Error(`Cannot read ${name}: there is no read of that name`);
    return read(this, params as never);
  }

  /** The statement of this text, prepared once. */
  sql(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.db.prepare(text);
    remember(this.#statements, STATEMENTS_MAX, text, statement);
    return statement;
  }

  one(text: string, ...params: SqlValue[]): SqlRow | undefined {
    return this.sql(text).get(...params) as SqlRow | undefined;
  }

  all(text: string, ...params: SqlValue[]): SqlRow[] {
    return this.sql(text).all(...params) as SqlRow[];
  }

  /**
   * A text that was packed with others.
   * @throws {Error} the block is missing or damaged
   */
  text(block: number, index: number): string {
    const texts = this.#blocks.get(block) ?? this.#open(block);
    const text = texts[index];
    if (text === undefined) {
      throw new Error(`Cannot read text ${index} of block ${block}: it has ${texts.length}`);
    }
    return text;
  }

  commitSeq(): number {
    return Number(this.one("SELECT value FROM counters WHERE name = 'commitSeq'")?.['value'] ?? 0);
  }

  #open(block: number): readonly string[] {
    const data = this.one('SELECT data FROM blocks WHERE id = ?', block)?.['data'];
    if (!(data instanceof Uint8Array)) throw new Error(`Cannot read block ${block}: it is missing`);
    const texts = unpackBlock(data);
    remember(this.#blocks, BLOCKS_MAX, block, texts);
    return texts;
  }
}

function remember<K, V>(map: Map<K, V>, max: number, key: K, value: V): void {
  if (map.size >= max) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}
