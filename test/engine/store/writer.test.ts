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
import { OP } from '../../../engine/store/ops.ts';
import type { Batch, Op } from '../../../engine/store/ops.ts';
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

function makeRig(limits = { fullBytes: null as number | null, freeDiskBytesMin: 0 }): Rig {
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
  const writer = new Writer(db, { folder, bodies, limits, onLost: (op) => lost.push(op) });
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

  batch(...ops: Op[]): Batch {
    const bytes = new Uint8Array(Buffer.concat(this.#chunks));
    this.#chunks = [];
    this.#bytes = 0;
    return { number: this.#batch++, ops, bytes };
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

/** Two transactions (one with a body file) among reports of what happened to an earlier message. */
function sampleBatch(encoder: Encoder): { first: Batch; batch: Batch } {
  const mail = new MailMaker();
  const earlier = encodeTransaction(mail.transaction({ to: ['old@x.test'] }), encoder);
  const first = encoder.batch(earlier.op);
  const small = encodeTransaction(mail.transaction({ to: ['a@x.test', 'b@y.test'] }), encoder);
  const large = encodeTransaction(
    mail.transaction({ body: Buffer.alloc(300_000, 'x'), queue: 'large.test' }),
    encoder,
  );
  const batch = encoder.batch(
    [OP.beginAttempt, 1, 1, [1], 1, null, 1, 1, 9, ['smtp', 'mx', null, null, 'smtp']],
    small.op,
    [OP.record, 1, 'Delivery', 1, 1, '{}', [1], 2, 250, 'ok', 1],
    [OP.endAttempt, 1, 2, 1, 0, 250, 'ok', 'mx', null, '{}', [[1, 'mail/x', 'u1']]],
    large.op,
    [OP.removeFromQueue, 1],
    [OP.setting, 'clock', 'x'],
  );
  return { first, batch };
}

test('apply() stores a batch whole', () => {
  const rig = makeRig();
  const { first, batch } = sampleBatch(new Encoder());
  rig.writer.apply(first);
  const result = rig.writer.apply(batch);
  expect([result.refused, rig.lost]).toEqual([[], []]);
  expect(result.totals).toMatchObject({ rows: 4, transactions: 3, records: 1, fileBytes: 300_000 });
  expectCountersToBeTrue(rig);
  expect(rig.db.prepare('SELECT run, first_ms, last_ms FROM row_times').all()).toMatchObject([
    { run: 0, last_ms: expect.any(Number) as number },
  ]);
});

test.each([
  ['the database is full', fullError],
  ['the disk is full', diskError],
])('apply() refuses the transactions and keeps every report when %s, at each write', (_, error) => {
  const clean = makeRig();
  const once = sampleBatch(new Encoder());
  clean.writer.apply(once.first);
  clean.faults.writes = 0;
  clean.writer.apply(once.batch);
  const writes = clean.faults.writes;
  expect(writes).toBeGreaterThan(25);

  for (let n = 1; n <= writes; n++) {
    const rig = makeRig();
    const { first, batch } = sampleBatch(new Encoder());
    rig.writer.apply(first);
    rig.faults.arm(n, error);
    const result = rig.writer.apply(batch);
    expect(
      result.refused.map(({ index, reason }) => [index, reason]),
      `write ${n}`,
    ).toEqual([
      [1, 'full'],
      [4, 'full'],
    ]);
    expect(rig.lost).toEqual([]);
    const content = dump(rig.db);
    expect(content['recipients']).toMatchObject([{ seq: 1, state: 2, maildir_unique: 'u1' }]);
    expect(content['transactions']).toHaveLength(1);
    expect(content['messages']).toMatchObject([{ id: 1, is_waiting: 0, attempts: 1 }]);
    expect(content['bodies']).toHaveLength(1);
    expect(content['attempts']).toMatchObject([{ outcome: 0 }]);
    expect(content['records']).toHaveLength(1);
    expect(content['settings']).toMatchObject([{ key: 'clock', value: 'x' }]);
    expect((content['names'] ?? []).map((row) => (row as { name: string }).name)).not.toContain(
      'large.test',
    );
    expectCountersToBeTrue(rig);
    sweepBodies(rig.db, rig.bodies);
    expect(readdirSync(bodiesFolder(rig.folder))).toEqual([]);
  }
});

test('apply() leaves out one faulty operation and keeps the rest', () => {
  const clean = makeRig();
  const once = sampleBatch(new Encoder());
  clean.writer.apply(once.first);
  clean.faults.writes = 0;
  clean.writer.apply(once.batch);
  const writes = clean.faults.writes;
  let lostOnce = 0;
  for (let n = 2; n < writes; n++) {
    const rig = makeRig();
    const { first, batch } = sampleBatch(new Encoder());
    rig.writer.apply(first);
    rig.faults.arm(n, () => new Error('constraint failed'));
    const result = rig.writer.apply(batch);
    const isCommit = result.refused.length === 2;
    if (!isCommit) expect(result.refused.length + rig.lost.length, `write ${n}`).toBe(1);
    lostOnce += rig.lost.length;
    for (const { reason } of result.refused) expect(reason).toBe('error');
    expectCountersToBeTrue(rig);
  }
  expect(lostOnce).toBeGreaterThan(5);
});

test('a refused batch can be stored later, exactly as if nothing had happened', () => {
  const clean = makeRig();
  const once = sampleBatch(new Encoder());
  clean.writer.apply(once.first);
  clean.writer.apply(once.batch);
  const rig = makeRig();
  const { first, batch } = sampleBatch(new Encoder());
  rig.writer.apply(first);
  rig.faults.isPermanent = true;
  rig.faults.arm(4, fullError);
  expect(() => rig.writer.apply(batch)).toThrow(StalledError);
  expect(() => rig.writer.apply(batch)).toThrow('database or disk is full');
  rig.faults.disarm();
  expect(rig.writer.apply(batch).refused).toEqual([]);
  const [before, after] = [dump(clean.db), dump(rig.db)];
  // Numbers of blocks that were never written are not used again.
  for (const table of ['blocks', 'transactions', 'records', 'attempts']) {
    expect(after[table]?.length).toBe(before[table]?.length);
    delete before[table];
    delete after[table];
  }
  expect(after).toEqual(before);
});

test('apply() refuses transactions above the configured bound and when the disk is nearly full', () => {
  for (const limits of [
    { fullBytes: 100, freeDiskBytesMin: 0 },
    { fullBytes: null, freeDiskBytesMin: Number.MAX_SAFE_INTEGER },
  ]) {
    const rig = makeRig(limits);
    const encoder = new Encoder();
    const { op } = encodeTransaction(new MailMaker().transaction(), encoder);
    const result = rig.writer.apply(encoder.batch([OP.setting, 'a', 'b'], op));
    expect(result.refused).toMatchObject([{ index: 1, reason: 'full' }]);
    expect(result.refused[0]?.text).toMatch(/bound is 100|are free on the disk/);
    expect(dump(rig.db)['settings']).toHaveLength(1);
  }
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
  const result = rig.writer.apply(batch);
  expect(result.refused.length).toBe(20);
  expect(dump(rig.db)['bodies']).toEqual([]);
  rig.db.exec('PRAGMA max_page_count = 100000');
  expect(rig.writer.apply(batch).refused).toEqual([]);
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
