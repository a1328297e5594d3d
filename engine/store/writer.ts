/**
 * The one writer: applies batches of operations to the database, one commit each. It runs in
 * `writer-worker.ts`; here it is plain code on a connection, so that tests can make any of its
 * writes fail.
 *
 * Transactions come from the intake, where they are durable already; they are staged here until the
 * next batch (reports of the past: attempts, records, removals) takes them into the tables. Nothing
 * can be refused any more. When there is no room, all of it stays pending (`StalledError`). An
 * operation that cannot be applied at all (a bug, damage) is left out and told; a transaction, which
 * was acknowledged, is kept for the next start.
 */
import type { DatabaseSync } from 'node:sqlite';
import { toError } from '../base/assert.ts';
import { BLOCK_KINDS, BlockPacker } from './blocks.ts';
import type { BodyFiles } from './bodies.ts';
import { emptyCounters, readCounters } from './counters.ts';
import type { Counters } from './counters.ts';
import { isFullError } from './full-disk.ts';
import { KnownSessions } from './known-sessions.ts';
import { Names } from './names.ts';
import { OP, packOps, unpackOps } from './ops.ts';
import type { BatchResult, Op, PackedBatch } from './ops.ts';
import { prepareStatements } from './statements.ts';
import type { Statements } from './statements.ts';
import { applyOp } from './write-ops.ts';

/** Nothing can be stored for now, not even what cannot be refused. */
export class StalledError extends Error {
  constructor(cause: Error) {
    super(`Cannot write to the store: ${cause.message}`, { cause });
    this.name = 'StalledError';
  }
}

/** A batch being applied, or what is staged of another. */
interface Work {
  readonly ops: readonly Op[];
  readonly bytes: Uint8Array;
}

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
  /** Transactions added to each session. */
  readonly sessionCounts: Map<number, number>;
  /** Files to remove once the commit is durable. */
  readonly staleFiles: number[];
  bytes: Uint8Array;
}

export class Writer {
  readonly #db: DatabaseSync;
  readonly #context: WriteContext;
  readonly #onLost: (op: Op, error: Error) => void;
  readonly #pageBytes: number;
  #unapplied: readonly PackedBatch[] = [];
  #saved: Counters;
  #nextBlock: number;

  /** @param onLost called with an operation that cannot be applied at all: a bug or damage */
  constructor(
    db: DatabaseSync,
    options: {
      bodies: BodyFiles;
      onLost: (op: Op, error: Error) => void;
    },
  ) {
    this.#db = db;
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
      sessionCounts: new Map(),
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

  /** What could not be applied before becomes part of the next `apply`. */
  retryUnapplied(): void {
    const rows = this.#db.prepare('SELECT ops, bytes FROM unapplied ORDER BY id').all();
    this.#unapplied = rows.map((row) => ({
      number: 0,
      ...(row as unknown as Pick<PackedBatch, 'ops' | 'bytes'>),
    }));
  }

  /**
   * Makes a batch durable, after what was staged in the intake.
   * @throws {StalledError} nothing was stored and the batch must be tried again
   */
  apply(batch: PackedBatch, staged: readonly PackedBatch[] = []): BatchResult {
    const all = [...this.#unapplied, ...staged, batch];
    const work = all.map(({ ops, bytes }) => ({ ops: unpackOps(ops), bytes }));
    const lost = new Set<Op>();
    const newest = staged.at(-1)?.number ?? 0;
    while (!this.#try(work, lost, newest)) {
      // Tried again without what failed; each round leaves out one operation.
    }
    this.#unapplied = [];
    return {
      number: batch.number,
      commitSeq: this.#saved.commitSeq,
      usedBytes: this.usedBytes(),
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
  #try(work: readonly Work[], lost: Set<Op>, newest: number): boolean {
    const { sql, counters } = this.#context;
    let op: Op | undefined;
    try {
      sql.begin.run();
      if (this.#unapplied.length > 0) sql.forgetUnapplied.run();
      for (const { ops, bytes } of work) {
        this.#context.bytes = bytes;
        for (op of ops) if (!lost.has(op)) applyOp(this.#context, op);
        op = undefined;
        // A report that came late would overwrite what is newer.
        const kept = ops.filter((each) => lost.has(each) && each[0] === OP.transaction);
        if (kept.length > 0) sql.keepUnapplied.run(packOps(kept), bytes);
      }
      counters.settledIntake = Math.max(counters.settledIntake, newest);
      this.#commit();
      return true;
    } catch (thrown) {
      const error = toError(thrown);
      this.#rollBack();
      if (op === undefined || isFullError(error)) throw new StalledError(error);
      lost.add(op);
      this.#onLost(op, error);
      return false;
    }
  }

  #commit(): void {
    const { sql, counters, traces, attempts, records, runs, bodies, names, staleFiles } =
      this.#context;
    const { sessionCounts } = this.#context;
    traces.close();
    attempts.close();
    records.close();
    for (const [run, [first, last]] of runs) sql.widenRun.run(run, first, last);
    for (const [session, count] of sessionCounts) sql.countSession.run(count, session);
    counters.commitSeq++;
    for (const name of Object.keys(counters) as (keyof Counters)[]) {
      if (counters[name] !== this.#saved[name]) sql.setCounter.run(name, counters[name]);
    }
    bodies.sync();
    sql.commit.run();
    runs.clear();
    sessionCounts.clear();
    names.committed();
    this.#saved = { ...counters };
    for (const id of staleFiles.splice(0)) bodies.remove(id);
  }

  #rollBack(): void {
    const { counters, traces, attempts, records, runs, names, sessions, staleFiles } =
      this.#context;
    const { sessionCounts } = this.#context;
    // A full disk may have rolled the transaction back already.
    if (this.#db.isTransaction) this.#context.sql.rollback.run();
    traces.forget();
    attempts.forget();
    records.forget();
    runs.clear();
    sessionCounts.clear();
    names.rolledBack();
    sessions.forget();
    staleFiles.length = 0;
    Object.assign(counters, emptyCounters(), this.#saved);
  }
}
