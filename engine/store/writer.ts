/**
 * The one writer: applies batches of operations to the database, one commit each. It runs in
 * `writer-worker.ts`; here it is plain code on a connection, so that tests can make any of its
 * writes fail.
 *
 * A batch is acknowledged when its commit is durable. When something in it fails, the whole batch
 * is rolled back and applied again without the part that failed: a transaction that does not fit is
 * refused and nothing of it is stored, everything else is kept. Reports of the past (attempts,
 * records, removals) cannot be refused, since they have happened: when even they do not fit, the
 * batch stays pending (`StalledError`) until there is room.
 */
import { statfsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { toError } from '../base/assert.ts';
import { BLOCK_KINDS, BlockPacker } from './blocks.ts';
import type { BodyFiles } from './bodies.ts';
import { emptyCounters, readCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { KnownSessions } from './known-sessions.ts';
import { Names } from './names.ts';
import { OP } from './ops.ts';
import type { Batch, BatchResult, Op } from './ops.ts';
import { prepareStatements } from './statements.ts';
import type { Statements } from './statements.ts';
import { applyOp } from './write-ops.ts';

export interface WriterLimits {
  /** Disk in use above which transactions are refused; null for no bound but the disk. */
  readonly fullBytes: number | null;
  /** Room that is left on the disk for everything else. */
  readonly freeDiskBytesMin: number;
}

/** Nothing can be stored for now, not even what cannot be refused. */
export class StalledError extends Error {
  constructor(cause: Error) {
    super(`Cannot write to the store: ${cause.message}`, { cause });
    this.name = 'StalledError';
  }
}

export type Refusal = BatchResult['refused'][number];

/** What the operations work with; see `write-ops.ts`. */
export interface WriteContext {
  readonly sql: Statements;
  readonly names: Names;
  readonly sessions: KnownSessions;
  readonly bodies: BodyFiles;
  readonly counters: Counters;
  readonly traces: BlockPacker;
  readonly attempts: BlockPacker;
  readonly records: BlockPacker;
  /** Lowest and highest time of the rows added to each run. */
  readonly runs: Map<number, [number, number]>;
  /** Files to remove once the commit is durable. */
  readonly staleFiles: number[];
  bytes: Uint8Array<ArrayBuffer>;
}

export class Writer {
  readonly #db: DatabaseSync;
  readonly #folder: string;
  readonly #limits: WriterLimits;
  readonly #context: WriteContext;
  readonly #onLost: (op: Op, error: Error) => void;
  readonly #pageBytes: number;
  #saved: Counters;
  #nextBlock: number;

  /** @param onLost called with an operation that cannot be applied at all: a bug or damage */
  constructor(
    db: DatabaseSync,
    options: {
      folder: string;
      bodies: BodyFiles;
      limits: WriterLimits;
      onLost: (op: Op, error: Error) => void;
    },
  ) {
    this.#db = db;
    this.#folder = options.folder;
    this.#limits = options.limits;
    this.#onLost = options.onLost;
    this.#pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    this.#nextBlock = Number(db.prepare('SELECT max(id) AS n FROM blocks').get()?.['n'] ?? 0) + 1;
    this.#saved = readCounters(db);
    const sql = prepareStatements(db);
    const packer = (kind: number): BlockPacker =>
      new BlockPacker(
        () => this.#nextBlock++,
        (block) => sql.insertBlock.run(block.id, kind, block.first, block.last, block.data),
      );
    this.#context = {
      sql,
      names: new Names(db),
      sessions: new KnownSessions(sql.insertSession),
      bodies: options.bodies,
      counters: { ...this.#saved },
      traces: packer(BLOCK_KINDS.trace),
      attempts: packer(BLOCK_KINDS.attempt),
      records: packer(BLOCK_KINDS.record),
      runs: new Map(),
      staleFiles: [],
      bytes: new Uint8Array(0),
    };
  }

  get commitSeq(): number {
    return this.#saved.commitSeq;
  }

  get counters(): Readonly<Counters> {
    return this.#saved;
  }

  /** Disk in use: pages of the database that hold something, and body files. */
  usedBytes(): number {
    const { sql } = this.#context;
    const pages = Number(sql.pageCount.get()?.['n']) - Number(sql.freePages.get()?.['n']);
    return pages * this.#pageBytes + this.#saved.fileBytes;
  }

  /**
   * Makes a batch durable, except for what is named in `refused`.
   * @throws {StalledError} nothing was stored and the batch must be tried again
   */
  apply(batch: Batch): BatchResult {
    this.#context.bytes = batch.bytes;
    const refused = new Map<number, Refusal>();
    const lost = new Set<number>();
    const full = this.#whyFull(batch.bytes.byteLength);
    if (full !== null) refuseAll(batch, refused, 'full', full);
    while (!this.#try(batch, refused, lost)) {
      // Tried again without what failed; each round leaves out at least one operation.
    }
    return {
      number: batch.number,
      commitSeq: this.#saved.commitSeq,
      refused: [...refused.values()],
      usedBytes: this.usedBytes(),
      freeDiskBytes: this.#freeDiskBytes(),
      totals: this.#saved,
    };
  }

  get sessions(): KnownSessions {
    return this.#context.sessions;
  }

  /** Runs changes that are not operations (retention) in a commit of their own. */
  transact<T>(work: (db: DatabaseSync, counters: Counters) => T): T {
    this.#context.sql.begin.run();
    try {
      const result = work(this.#db, this.#context.counters);
      this.#commit();
      return result;
    } catch (thrown) {
      this.#rollBack();
      throw thrown;
    }
  }

  /** @returns false when something failed and was left out: try again */
  #try(batch: Batch, refused: Map<number, Refusal>, lost: Set<number>): boolean {
    const { ops } = batch;
    let at = -1;
    try {
      this.#context.sql.begin.run();
      for (at = 0; at < ops.length; at++) {
        const op = ops[at];
        if (op !== undefined && !refused.has(at) && !lost.has(at)) applyOp(this.#context, op);
      }
      this.#commit();
      return true;
    } catch (thrown) {
      const error = toError(thrown);
      this.#rollBack();
      this.#leaveOut(batch, at, error, refused, lost);
      return false;
    }
  }

  /** Decides what to do without: the transaction that failed, all of them, or a faulty operation. */
  #leaveOut(
    batch: Batch,
    at: number,
    error: Error,
    refused: Map<number, Refusal>,
    lost: Set<number>,
  ): void {
    const op = batch.ops[at];
    const isFull = isFullError(error);
    if (!isFull && op !== undefined) {
      if (op[0] === OP.transaction) {
        refused.set(at, { index: at, reason: 'error', text: error.message });
      } else {
        lost.add(at);
        this.#onLost(op, error);
      }
      return;
    }
    const before = refused.size;
    refuseAll(batch, refused, isFull ? 'full' : 'error', error.message);
    if (refused.size === before) throw new StalledError(error);
  }

  #commit(): void {
    const { sql, counters, traces, attempts, records, runs, bodies, names, staleFiles } =
      this.#context;
    traces.close();
    attempts.close();
    records.close();
    for (const [run, [first, last]] of runs) sql.widenRun.run(run, first, last);
    counters.commitSeq++;
    for (const name of Object.keys(counters) as (keyof Counters)[]) {
      if (counters[name] !== this.#saved[name]) sql.setCounter.run(name, counters[name]);
    }
    bodies.sync();
    sql.commit.run();
    runs.clear();
    names.committed();
    this.#saved = { ...counters };
    for (const id of staleFiles.splice(0)) bodies.remove(id);
  }

  #rollBack(): void {
    const { counters, traces, attempts, records, runs, names, sessions, staleFiles } =
      this.#context;
    // A full disk may have rolled the transaction back already.
    if (this.#db.isTransaction) this.#context.sql.rollback.run();
    traces.forget();
    attempts.forget();
    records.forget();
    runs.clear();
    names.rolledBack();
    sessions.forget();
    staleFiles.length = 0;
    Object.assign(counters, emptyCounters(), this.#saved);
  }

  #whyFull(moreBytes: number): string | null {
    const { fullBytes, freeDiskBytesMin } = this.#limits;
    if (fullBytes !== null && this.usedBytes() + moreBytes > fullBytes) {
      return `${this.usedBytes()} bytes are in use, the bound is ${fullBytes}`;
    }
    const free = this.#freeDiskBytes();
    if (free - moreBytes < freeDiskBytesMin) {
      return `${free} bytes are free on the disk, expected at least ${freeDiskBytesMin + moreBytes}`;
    }
    return null;
  }

  #freeDiskBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }
}

function refuseAll(
  batch: Batch,
  refused: Map<number, Refusal>,
  reason: Refusal['reason'],
  text: string,
): void {
  batch.ops.forEach((op, index) => {
    if (op[0] === OP.transaction && !refused.has(index)) {
      refused.set(index, { index, reason, text });
    }
  });
}

/** SQLITE_FULL (13), or the operating system's word for a full disk or quota. */
function isFullError(error: Error): boolean {
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  if (code === 'ENOSPC' || code === 'EDQUOT') return true;
  return errcode !== undefined && (errcode & 0xff) === 13;
}
