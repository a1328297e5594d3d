import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { BodyFiles, DISK_CALLS } from '../../../engine/store/bodies.ts';
import type { BodyFileCalls } from '../../../engine/store/bodies.ts';
import { bodiesFolder, openForWriting } from '../../../engine/store/database.ts';
import { encodeTransaction } from '../../../engine/store/encode.ts';
import type { EncodeContext } from '../../../engine/store/encode.ts';
import { OP, packOps } from '../../../engine/store/ops.ts';
import type { Op, PackedBatch } from '../../../engine/store/ops.ts';
import { sweepBodies } from '../../../engine/store/recovery.ts';
import { SessionNumbers } from '../../../engine/store/session-numbers.ts';
import type { StoredTransaction } from '../../../engine/store/store.ts';
import { StalledError, Writer } from '../../../engine/store/writer.ts';
import { MailMaker, NOON_MS } from '../../support/store-fixtures.ts';

/** Throws at the n-th write from now on, once or for ever. */
class Faults {
  #left = Infinity;
  #error: (() => Error) | null = null;
  isPermanent = false;
  writes = 0;

  arm(after: number, error: () => Error): void {
    this.#left = after;
    this.#error = error;
    this.writes = 0;
  }

  disarm(): void {
    this.#error = null;
  }

  write(): void {
    this.writes++;
    if (this.#error === null || --this.#left > 0) return;
    const error = this.#error();
    if (!this.isPermanent) this.#error = null;
    throw error;
  }
}

interface Rig {
  readonly db: DatabaseSync;
  readonly writer: Writer;
  readonly bodies: BodyFiles;
  readonly folder: string;
  readonly faults: Faults;
  readonly lost: Op[];
}

const rigs: Rig[] = [];

afterEach(() => {
  for (const { db, folder } of rigs.splice(0)) {
    db.close();
    rmSync(folder, { recursive: true });
  }
});

function makeRig(): Rig {
  const folder = mkdtempSync(join(tmpdir(), 'postyard-writer-'));
  const db = openForWriting(folder);
  const faults = new Faults();
  const prepare = db.prepare.bind(db);
  db.prepare = (sql) => {
    const statement = prepare(sql);
    const run = statement.run.bind(statement) as (...params: unknown[]) => unknown;
    if (sql === 'ROLLBACK') return statement;
    statement.run = ((...params: unknown[]) => {
      faults.write();
      return run(...params);
    }) as StatementSync['run'];
    return statement;
  };
  const calls: BodyFileCalls = {
    ...DISK_CALLS,
    write: (path, bytes) => (faults.write(), DISK_CALLS.write(path, bytes)),
    rename: (from, to) => (faults.write(), DISK_CALLS.rename(from, to)),
    syncFolder: (path) => (faults.write(), DISK_CALLS.syncFolder(path)),
  };
  const bodies = new BodyFiles(bodiesFolder(folder), calls);
  const lost: Op[] = [];
  const writer = new Writer(db, { bodies, onLost: (op) => lost.push(op) });
  const rig = { db, writer, bodies, folder, faults, lost };
  rigs.push(rig);
  return rig;
}

/** Numbers as the main thread would give them out. */
class Encoder implements EncodeContext {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #row = 1;
  #transaction = 1;
  #body = 1;
  #batch = 1;
  readonly #sessions = new SessionNumbers(1);

  nextTransaction = (): number => this.#transaction++;
  nextBody = (): number => this.#body++;
  nextRows = (count: number): number => (this.#row += count) - count;
  sessionTuple = (session: StoredTransaction['session']): ReturnType<SessionNumbers['tuple']> =>
    this.#sessions.tuple(session);
  reserve = (bytes: Uint8Array): number => {
    this.#chunks.push(bytes);
    return (this.#bytes += bytes.byteLength) - bytes.byteLength;
  };

  batch(...ops: Op[]): PackedBatch {
    const bytes = new Uint8Array(Buffer.concat(this.#chunks));
    this.#chunks = [];
    this.#bytes = 0;
    return { number: this.#batch++, ops: packOps(ops), bytes };
  }
}

const TABLES = [
  ...['sessions', 'transactions', 'bodies', 'messages', 'recipients', 'row_times'],
  ...['attempts', 'records', 'blocks', 'names', 'settings', 'counters', 'audit', 'ledger'],
];

/** The whole content, comparable. */
function dump(db: DatabaseSync): Record<string, unknown[]> {
  return Object.fromEntries(
    TABLES.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]),
  );
}

function expectCountersToBeTrue({ db, writer }: Rig): void {
  const number = (sql: string): number => Number(db.prepare(sql).get()?.['n']);
  expect(writer.counters).toMatchObject({
    rows: number('SELECT count(*) AS n FROM recipients'),
    deletedRows: number('SELECT count(*) AS n FROM recipients WHERE is_deleted = 1'),
    transactions: number('SELECT count(*) AS n FROM transactions'),
    records: number('SELECT count(*) AS n FROM records'),
    bodyBytes: number('SELECT coalesce(sum(size), 0) AS n FROM bodies'),
    fileBytes: number('SELECT coalesce(sum(size), 0) AS n FROM bodies WHERE data IS NULL'),
  });
}

function fullError(): Error {
  return Object.assign(new Error('database or disk is full'), { errcode: 13 });
}

function diskError(): Error {
  return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}

interface Sample {
  /** What is in the tables before. */
  readonly first: PackedBatch;
  readonly staged: PackedBatch[];
  /** What happened to an earlier message. */
  readonly reports: PackedBatch;
}

/** Two transactions in the intake (one with a body file), and reports. */
function makeSample(): Sample {
  const encoder = new Encoder();
  const mail = new MailMaker();
  const first = encoder.batch(
    encodeTransaction(mail.transaction({ to: ['old@x.test'] }), encoder).op,
  );
  const small = encodeTransaction(mail.transaction({ to: ['a@x.test', 'b@y.test'] }), encoder);
  const staged = [encoder.batch(small.op)];
  const large = encodeTransaction(
    mail.transaction({ body: Buffer.alloc(300_000, 'x'), queue: 'large.test' }),
    encoder,
  );
  staged.push(encoder.batch(large.op));
  const reports = encoder.batch(
    [OP.beginAttempt, 1, 1, [1], 1, null, 1, 1, 9, ['smtp', 'mx', null, null, 'smtp']],
    [OP.record, 1, 'Delivery', 1, 1, '{}', [1], 2, 250, 'ok', 1],
    [OP.endAttempt, 1, 2, 1, 0, 250, 'ok', 'mx', null, '{}', [[1, 'mail/x', 'u1']]],
    [OP.removeFromQueue, 1],
    [OP.setting, 'clock', 'x'],
  );
  return { first, staged, reports };
}

/** What a sample leaves when nothing fails, and how many writes that takes. */
function applyCleanly(): { content: Record<string, unknown[]>; writes: number } {
  const rig = makeRig();
  const { first, staged, reports } = makeSample();
  rig.writer.apply(first);
  rig.faults.writes = 0;
  rig.writer.apply(reports, staged);
  return { content: dump(rig.db), writes: rig.faults.writes };
}

/** Numbers of blocks that were never written are not used again. */
function withoutBlockNumbers(content: Record<string, unknown[]>): Record<string, unknown[]> {
  const numbers = new Set(['block', 'trace_block', 'block_index', 'trace_index']);
  return Object.fromEntries(
    Object.entries(content).map(([table, rows]) => [
      table,
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row as object).filter(
            ([column]) => !numbers.has(column) && !(table === 'blocks' && column === 'id'),
          ),
        ),
      ),
    ]),
  );
}

test('apply() puts what is staged, and then the reports, into the tables', () => {
  const rig = makeRig();
  const { first, staged, reports } = makeSample();
  rig.writer.apply(first);
  const result = rig.writer.apply(reports, staged);
  expect(rig.lost).toEqual([]);
  expect(result.totals).toMatchObject({ rows: 4, transactions: 3, records: 1, fileBytes: 300_000 });
  expect(result.totals.settledIntake).toBe(staged.at(-1)?.number);
  expectCountersToBeTrue(rig);
  expect(rig.db.prepare('SELECT run, first_ms, last_ms FROM row_times').all()).toMatchObject([
    { run: 0, last_ms: expect.any(Number) as number },
  ]);
  expect(rig.db.prepare('SELECT tx_count FROM sessions').all()).toMatchObject(
    [1, 1, 1].map((count) => ({ tx_count: count })),
  );
});

test.each([
  ['the database is full', fullError, 1],
  ['the disk is full', diskError, 4],
])('apply() changes nothing when %s, at each write, and goes on later', (_, error, step) => {
  const clean = applyCleanly();
  expect(clean.writes).toBeGreaterThan(25);
  for (let n = 1; n <= clean.writes; n += step) {
    const rig = makeRig();
    const { first, staged, reports } = makeSample();
    rig.writer.apply(first);
    const before = dump(rig.db);
    rig.faults.arm(n, error);
    expect(() => rig.writer.apply(reports, staged), `write ${n}`).toThrow(StalledError);
    expect(dump(rig.db)).toEqual(before);
    expectCountersToBeTrue(rig);
    rig.faults.disarm();
    rig.writer.apply(reports, staged);
    expect(rig.lost).toEqual([]);
    expect(withoutBlockNumbers(dump(rig.db))).toEqual(withoutBlockNumbers(clean.content));
    sweepBodies(rig.db, rig.bodies);
    expect(readdirSync(bodiesFolder(rig.folder))).toEqual(['3.body']);
  }
});

test('apply() leaves out one faulty operation; a transaction is kept, and the next start applies it', () => {
  const { writes } = applyCleanly();
  let lostOnce = 0;
  for (let n = 2; n < writes; n++) {
    const rig = makeRig();
    const { first, staged, reports } = makeSample();
    rig.writer.apply(first);
    rig.faults.arm(n, () => new Error('constraint failed'));
    try {
      rig.writer.apply(reports, staged);
    } catch (thrown) {
      // The commit itself: there is nothing to leave out.
      expect(thrown, `write ${n}`).toBeInstanceOf(StalledError);
      continue;
    }
    expect(rig.lost.length, `write ${n}`).toBe(1);
    expectCountersToBeTrue(rig);
    const kept = (): unknown[] => rig.db.prepare('SELECT id FROM unapplied').all();
    const isTransaction = rig.lost[0]?.[0] === OP.transaction;
    expect(kept(), `write ${n}`).toHaveLength(isTransaction ? 1 : 0);
    if (isTransaction) lostOnce++;

    const next = new Writer(rig.db, { bodies: rig.bodies, onLost: (op) => rig.lost.push(op) });
    next.retryUnapplied();
    next.apply(new Encoder().batch());
    expect([rig.lost.length, kept()]).toEqual([1, []]);
    const rows = rig.db.prepare('SELECT count(*) AS n FROM recipients').get();
    expect(rows?.['n'], `write ${n}`).toBe(4);
    expectCountersToBeTrue({ ...rig, writer: next });
  }
  expect(lostOnce).toBeGreaterThan(5);
});

test('apply() meets the real bound of SQLite, and goes on when there is room again', () => {
  const rig = makeRig();
  const encoder = new Encoder();
  const mail = new MailMaker();
  const transactions = Array.from({ length: 20 }, () =>
    encodeTransaction(mail.transaction({ body: Buffer.alloc(100_000, 'x') }), encoder),
  );
  const batch = encoder.batch(...transactions.map(({ op }) => op));
  rig.db.exec('PRAGMA max_page_count = 80');
  expect(() => rig.writer.apply(batch)).toThrow(StalledError);
  expect(dump(rig.db)['bodies']).toEqual([]);
  rig.db.exec('PRAGMA max_page_count = 100000');
  rig.writer.apply(batch);
  expect(dump(rig.db)['bodies']).toHaveLength(20);
  expectCountersToBeTrue(rig);
});

test('sweepBodies() removes what no row mentions and leaves strangers alone', () => {
  const rig = makeRig();
  const encoder = new Encoder();
  const { op } = encodeTransaction(
    new MailMaker().transaction({ body: Buffer.alloc(300_000) }),
    encoder,
  );
  rig.writer.apply(encoder.batch(op));
  const folder = bodiesFolder(rig.folder);
  for (const name of ['7.body', '8.body.tmp', 'notes.txt']) writeFileSync(join(folder, name), 'x');
  expect(sweepBodies(rig.db, rig.bodies)).toBe(2);
  expect(readdirSync(folder).sort()).toEqual(['1.body', 'notes.txt']);
});

test('numbers of states are the ones that are in databases already', () => {
  const rig = makeRig();
  const encoder = new Encoder();
  const transaction = new MailMaker(undefined).transaction({
    messages: [],
    refused: (['rejected', 'aborted', 'null', 'suppressed'] as const).map((state) => ({
      ...{ recipient: null, state, code: null, text: '' },
    })),
    startedMs: NOON_MS,
  });
  rig.writer.apply(encoder.batch(encodeTransaction(transaction, encoder).op));
  const rows = rig.db.prepare('SELECT state FROM recipients ORDER BY seq').all();
  expect(rows.map((row) => row['state'])).toEqual([6, 8, 7, 5]);
});
