/**
 * Retention: the oldest transactions go when they are too old or when the store is too large, in
 * small steps of one short commit each. A transaction with a message that still waits in a queue
 * is never touched. What was taken is counted and shown.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EpochMs } from '../base/clock.ts';
import { BLOCK_KINDS } from './blocks.ts';
import type { BodyFiles } from './bodies.ts';
import type { Counters } from './counters.ts';
import type { KnownSessions } from './known-sessions.ts';

export interface RetentionLimits {
  /** Disk in use above which the oldest go. Default 2 GB. */
  readonly maxBytes: number;
  /** Real time since a transaction began. Default 30 days. */
  readonly maxAgeMs: number;
}

export const RETENTION_DEFAULTS: RetentionLimits = {
  maxBytes: 2 * 1024 ** 3,
  maxAgeMs: 30 * 24 * 3_600_000,
};

/** Transactions looked at, and rows removed, per step: some milliseconds of work. */
const STEP_TRANSACTIONS = 64;
const STEP_ROWS = 512;

/** Rows of audit and ledger that are kept. */
const SIDE_ROWS_MAX = 100_000;

export interface RetentionStep {
  readonly transactions: number;
  readonly rows: number;
  readonly bytes: number;
  /** There is more to take: do another step soon. */
  readonly isMore: boolean;
}

const SQL = {
  candidates: `SELECT id, session, first_row, row_count, started_real_ms, body, trace_block
    FROM transactions WHERE id > ? ORDER BY id LIMIT ?`,
  waits: 'SELECT 1 FROM messages WHERE id BETWEEN ? AND ? AND is_waiting = 1 LIMIT 1',
  bodies: 'SELECT DISTINCT body FROM messages WHERE id BETWEEN ? AND ?',
  deleteBody: 'DELETE FROM bodies WHERE id = ? RETURNING size, data IS NULL AS is_file',
  deleteAttempts: 'DELETE FROM attempts WHERE message BETWEEN ? AND ? RETURNING block',
  deleteRecords: 'DELETE FROM records WHERE first_row BETWEEN ? AND ? RETURNING block',
  deleteLoose:
    'DELETE FROM records WHERE first_row IS NULL AND real_ms < ? AND seq < ? RETURNING block',
  deleteMessages: 'DELETE FROM messages WHERE id BETWEEN ? AND ?',
  deleteRows: 'DELETE FROM recipients WHERE seq BETWEEN ? AND ? RETURNING is_deleted',
  deleteTransaction: 'DELETE FROM transactions WHERE id = ?',
  uncountSession: 'UPDATE sessions SET tx_count = tx_count - 1 WHERE id = ?',
  deleteSession: 'DELETE FROM sessions WHERE id = ? AND tx_count <= 0',
  block: 'SELECT kind, first, last FROM blocks WHERE id = ?',
  traceUsed: 'SELECT 1 FROM transactions WHERE id BETWEEN ? AND ? AND trace_block = ? LIMIT 1',
  attemptUsed: 'SELECT 1 FROM attempts WHERE id BETWEEN ? AND ? AND block = ? LIMIT 1',
  recordUsed: 'SELECT 1 FROM records WHERE seq BETWEEN ? AND ? AND block = ? LIMIT 1',
  deleteBlock: 'DELETE FROM blocks WHERE id = ?',
  looseBound: `SELECT max(seq) AS seq FROM (SELECT seq FROM records WHERE first_row IS NULL
    ORDER BY seq LIMIT ?)`,
  trimAudit: 'DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?',
  trimLedger: 'DELETE FROM ledger WHERE seq <= (SELECT max(seq) FROM ledger) - ?',
  trimRuns: 'DELETE FROM row_times WHERE run < (SELECT min(seq) / 1024 FROM recipients)',
} as const;

type RetentionStatements = { readonly [K in keyof typeof SQL]: StatementSync };

interface Candidate {
  readonly id: number;
  readonly session: number;
  readonly firstRow: number;
  readonly lastRow: number;
  readonly startedRealMs: EpochMs;
  readonly body: number | null;
  readonly traceBlock: number | null;
}

interface Taken {
  transactions: number;
  rows: number;
  bytes: number;
  readonly blocks: Set<number>;
  /** Files go after the commit: a crash before it must still find them. */
  readonly files: number[];
  readonly counters: Counters;
}

/** Remembers how far it has looked; queued transactions at the beginning are not looked at again. */
export class Retention {
  readonly #sql: RetentionStatements;
  readonly #bodies: BodyFiles;
  readonly #sessions: KnownSessions;
  #after = 0;

  constructor(db: DatabaseSync, bodies: BodyFiles, sessions: KnownSessions) {
    const entries = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)] as const);
    this.#sql = Object.fromEntries(entries) as unknown as RetentionStatements;
    this.#bodies = bodies;
    this.#sessions = sessions;
  }

  /** Looks at everything from the oldest on again: messages that waited may have left. */
  restart(): void {
    this.#after = 0;
  }

  /**
   * One step. `run` opens and commits a transaction around the work.
   * @param excessBytes how far the store is above its bound; 0 or less when it is not
   */
  step(
    run: <T>(work: (db: DatabaseSync, counters: Counters) => T) => T,
    excessBytes: number,
    oldestMs: EpochMs,
  ): RetentionStep {
    const done = run((_db, counters) => this.#take(counters, excessBytes, oldestMs));
    for (const id of done.taken.files) this.#bodies.remove(id);
    const { transactions, rows, bytes } = done.taken;
    return { transactions, rows, bytes, isMore: done.isMore };
  }

  #take(
    counters: Counters,
    excessBytes: number,
    oldestMs: EpochMs,
  ): { taken: Taken; isMore: boolean } {
    const taken: Taken = {
      ...{ transactions: 0, rows: 0, bytes: 0 },
      ...{ blocks: new Set<number>(), files: [], counters },
    };
    const candidates = this.#candidates();
    let isMore = candidates.length === STEP_TRANSACTIONS;
    let newestMs = oldestMs;
    for (const candidate of candidates) {
      if (candidate.startedRealMs >= oldestMs && freedBytes(taken) >= excessBytes) {
        isMore = false;
        break;
      }
      if (taken.rows >= STEP_ROWS) {
        isMore = true;
        break;
      }
      this.#after = candidate.id;
      if (this.#sql.waits.get(candidate.firstRow, candidate.lastRow)) continue;
      newestMs = Math.max(newestMs, candidate.startedRealMs);
      this.#remove(candidate, taken);
    }
    this.#removeLoose(taken, newestMs);
    this.#removeBlocks(taken.blocks);
    this.#sql.trimAudit.run(SIDE_ROWS_MAX);
    this.#sql.trimLedger.run(SIDE_ROWS_MAX);
    this.#sql.trimRuns.run();
    if (taken.transactions > 0) this.#sessions.forget();
    counters.expiredTransactions += taken.transactions;
    counters.expiredBytes += taken.bytes;
    return { taken, isMore };
  }

  #candidates(): Candidate[] {
    return this.#sql.candidates.all(this.#after, STEP_TRANSACTIONS).map((row) => ({
      id: Number(row['id']),
      session: Number(row['session']),
      firstRow: Number(row['first_row']),
      lastRow: Number(row['first_row']) + Number(row['row_count']) - 1,
      startedRealMs: Number(row['started_real_ms']),
      body: row['body'] as number | null,
      traceBlock: row['trace_block'] as number | null,
    }));
  }

  #remove(transaction: Candidate, taken: Taken): void {
    const sql = this.#sql;
    const { id, firstRow, lastRow, body, traceBlock, session } = transaction;
    const bodies = new Set(sql.bodies.all(firstRow, lastRow).map((row) => Number(row['body'])));
    if (body !== null) bodies.add(body);
    for (const each of bodies) this.#removeBody(each, taken);
    const blocks = [
      ...sql.deleteAttempts.all(firstRow, lastRow),
      ...this.#countRecords(sql.deleteRecords.all(firstRow, lastRow), taken),
    ].map((row) => row['block'] as number | null);
    for (const block of [...blocks, traceBlock]) if (block !== null) taken.blocks.add(block);
    sql.deleteMessages.run(firstRow, lastRow);
    const rows = sql.deleteRows.all(firstRow, lastRow);
    sql.deleteTransaction.run(id);
    sql.uncountSession.run(session);
    sql.deleteSession.run(session);
    taken.transactions++;
    taken.rows += rows.length;
    taken.counters.transactions--;
    taken.counters.rows -= rows.length;
    taken.counters.deletedRows -= rows.filter((row) => row['is_deleted'] === 1).length;
  }

  #countRecords<T>(rows: T[], taken: Taken): T[] {
    taken.counters.records -= rows.length;
    return rows;
  }

  #removeBody(id: number, taken: Taken): void {
    const row = this.#sql.deleteBody.get(id);
    if (!row) return;
    const size = Number(row['size']);
    taken.bytes += size;
    taken.counters.bodyBytes -= size;
    if (row['is_file'] !== 1) return;
    taken.counters.fileBytes -= size;
    taken.files.push(id);
  }

  /** Records that are about no row of ours (reports, refusals without a transaction). */
  #removeLoose(taken: Taken, beforeMs: EpochMs): void {
    const bound = this.#sql.looseBound.get(STEP_ROWS)?.['seq'] as number | null | undefined;
    if (bound === null || bound === undefined) return;
    const rows = this.#countRecords(this.#sql.deleteLoose.all(beforeMs, bound + 1), taken);
    for (const row of rows) taken.blocks.add(Number(row['block']));
  }

  /** Blocks that nothing refers to any more. */
  #removeBlocks(blocks: ReadonlySet<number>): void {
    for (const id of blocks) {
      const row = this.#sql.block.get(id);
      if (!row) continue;
      const used = this.#usedBy(Number(row['kind']));
      if (used.get(Number(row['first']), Number(row['last']), id)) continue;
      this.#sql.deleteBlock.run(id);
    }
  }

  #usedBy(kind: number): StatementSync {
    if (kind === BLOCK_KINDS.trace) return this.#sql.traceUsed;
    return kind === BLOCK_KINDS.attempt ? this.#sql.attemptUsed : this.#sql.recordUsed;
  }
}

/** What a row costs beside its body, roughly. */
const ROW_BYTES = 1024;

function freedBytes(taken: Taken): number {
  return taken.bytes + taken.rows * ROW_BYTES;
}
