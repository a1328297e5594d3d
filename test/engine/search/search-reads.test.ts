/** The Mail list on a real store: pages, filters, counts; with the index ahead, behind and absent. */
import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { Inspector } from '../../../engine/inspect/inspector.ts';
import { INDEX_READS } from '../../../engine/search/index-reads.ts';
import { parseFilter } from '../../../engine/search/parse-filter.ts';
import { SEARCH_READS } from '../../../engine/search/search-reads.ts';
import type { RowsParams, RowsRead } from '../../../engine/search/search-reads.ts';
import { searchFile } from '../../../engine/store/database.ts';
import type { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import { eml, MailMaker, NOON_MS } from '../../support/store-fixtures.ts';
import { StoreFolder } from '../store/open-store.ts';

function openStore(place: StoreFolder): Promise<SqliteStore> {
  return place.open({ readModules: [SEARCH_READS] });
}

function inspector(place: StoreFolder, store: SqliteStore): Inspector {
  const { folder } = place;
  return Inspector.open({ folder, store, clock: new SystemClock(), indexReads: INDEX_READS });
}

/** The rows of a page; on a busy machine a page may be short and is followed to its end. */
async function seqs(
  store: SqliteStore,
  filter: string,
  params: Partial<RowsParams> = {},
): Promise<number[]> {
  const { limit = 100, newerThan = null } = params;
  let found: number[] = [];
  let next = params;
  for (;;) {
    const read = await rows(store, filter, { ...next, limit: limit - found.length });
    const page = read.rows.map((row) => row.seq);
    found = newerThan === null ? [...found, ...page] : [...page, ...found];
    if (read.stoppedAt === null || found.length === limit) return found;
    next =
      newerThan === null
        ? { ...params, at: null, cursor: read.next }
        : { ...params, newerThan: read.stoppedAt - 1 };
  }
}

function rows(store: SqliteStore, filter: string, params: Partial<RowsParams>): Promise<RowsRead> {
  return store.read('rows', { limit: 100, query: parseFilter(filter, NOON_MS + 1e6), ...params });
}

/** Nine rows that differ in everything a filter asks for. */
async function fill(store: SqliteStore, mail = new MailMaker()): Promise<void> {
  const tls = { version: 'TLSv1.3', cipher: 'AES' };
  const save = async (
    fields: Parameters<MailMaker['transaction']>[0],
    then?: { state: 'delivered' | 'deferred' | 'bounced'; code: number },
  ): Promise<void> => {
    const transaction = mail.transaction(fields);
    const saved = store.saveTransaction(transaction);
    for (const { message } of then ? transaction.messages : []) {
      store.addRecord({
        ...{ type: 'X', timeMs: NOON_MS, json: '{}', messageId: message.id, text: 'words' },
        ...{ rowSeqs: message.rowSeqs, attemptId: null, state: 'delivered', code: 250, ...then },
      });
    }
    await Promise.all([saved, store.flush()]);
  };
  await save({ to: ['ann@gmail.com'], subject: 'Your order', bodyText: 'Thanks, dearest Ann\r\n' });
  await save(
    { to: ['bob@gmail.com', 'cid@yahoo.com'], subject: 'Invoice 77', queue: 'acme@gmail.com' },
    { state: 'deferred', code: 451 },
  );
  await save(
    { to: ['dora@corp.test'], subject: 'Invoice 78', sender: 'billing@shop.test' },
    { state: 'bounced', code: 550 },
  );
  await save(
    { to: ['ann@gmail.com'], subject: 'Grüße', session: mail.session({ tls, auth: 'alice' }) },
    { state: 'delivered', code: 250 },
  );
  await save({
    ...{ to: ['eve@corp.test'], sender: '', queue: 'corp.test!smart.host' },
    body: Buffer.concat([
      Buffer.from('From: Mailer Daemon <daemon@mx.test>\r\nTo: list@group.test\r\n'),
      Buffer.from('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n'),
      Buffer.from('Content-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n'),
    ]),
  });
  await save({
    messages: [],
    refused: [{ recipient: 'nobody@x.test', state: 'rejected', code: 550, text: 'no' }],
    startedMs: NOON_MS + 500_000,
  });
  await save({
    messages: [],
    body: null,
    sender: null,
    refused: [{ recipient: null, state: 'aborted', code: null, text: 'lost' }],
  });
  await save({ to: ['frank@x.test'], bodyText: '注文ありがとう reorder\r\n' });
}

const FILTERS: [filter: string, found: number[]][] = [
  ['', [9, 8, 7, 6, 5, 4, 3, 2, 1]],
  ['state:queued', [9, 6, 1]],
  ['state:deferred,bounced', [4, 3, 2]],
  ['-state:queued,deferred', [8, 7, 5, 4]],
  ['code:4xx', [3, 2]],
  ['code:55x', [7, 4]],
  ['code:2xx -state:delivered', [9, 8, 6, 1].filter((seq) => seq !== 8)],
  ['from:billing', [4]],
  ['from:@shop.test', [9, 7, 5, 4, 3, 2, 1]],
  ['from:<>', [6]],
  ['rcpt:@gmail.com', [5, 2, 1]],
  ['to:ann', [5, 1]],
  ['to:ann@', [5, 1]],
  ['to:nn', []],
  ['to:"an"', []],
  ['subject:invoice', [4, 3, 2]],
  ['subject:"invoice 77"', [3, 2]],
  ['subject:grusse', []],
  ['subject:gruß', [5]],
  ['subject:invoice rcpt:yahoo', [3]],
  ['subject:invoice -rcpt:yahoo', [4, 2]],
  ['invoice', [4, 3, 2]],
  ['-invoice state:queued', [9, 6, 1]],
  ['queue:acme', [3, 2]],
  ['queue:acme@*', [3, 2]],
  ['queue:*smart*', [6]],
  ['queue:nothing', []],
  ['-queue:acme code:4xx', []],
  ['is:tls', [5]],
  ['is:auth is:tls', [5]],
  ['-is:tls subject:invoice', [4, 3, 2]],
  ['after:2026-03-14T12:08:00Z', [7]],
  ['before:2026-03-14T12:08:00Z state:rejected', []],
  ['before:2026-03-14T12:08:00Z state:aborted', [8]],
  ['before:2026-03-14', []],
];

const INDEXED: [filter: string, found: number[]][] = [
  ['dearest', [1]],
  ['"thanks ann"', []],
  ['"dearest ann"', [1]],
  ['body:reorder', [9]],
  ['body:reord', [9]],
  ['body:reo', []],
  ['注文', [9]],
  ['ありが', [9]],
  ['注あ', []],
  ['from:daemon', [6]],
  ['to:list@group', [6]],
  ['rcpt:list@group', []],
  ['has:attachment', [6]],
  ['-has:attachment state:queued', [9, 1]],
];

test('rows are found by what is stored, without an index', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  await fill(store);
  for (const [filter, found] of FILTERS) {
    expect(await seqs(store, filter), filter).toEqual(found);
    const { total } = await rows(store, filter, { limit: 1 });
    if (total?.isExact) expect(total.value, filter).toBe(found.length);
    else expect(total?.value, filter).toBeLessThanOrEqual(found.length);
  }
});

test('the index finds the same and what is in the messages', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  await fill(store);
  await using inspect = inspector(place, store);
  await inspect.caughtUp();
  expect(inspect.lag).toBe(0);
  await store.flush();
  const read = await rows(store, '', {});
  expect(read.indexedThrough).toBe(9);
  for (const [filter, found] of [...FILTERS, ...INDEXED]) {
    expect(await seqs(store, filter), filter).toEqual(found);
    const newer = await seqs(store, filter, { newerThan: 0 });
    expect(newer, `newer: ${filter}`).toEqual(found);
  }
});

test('rows that are not indexed yet are found beside those that are', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  const mail = new MailMaker();
  await fill(store, mail);
  const inspect = inspector(place, store);
  await inspect.caughtUp();
  await inspect.close();
  await fill(store, mail);
  expect((await rows(store, '', {})).indexedThrough).toBe(9);
  expect(await seqs(store, 'subject:invoice')).toEqual([13, 12, 11, 4, 3, 2]);
  expect(await seqs(store, 'to:ann -subject:order')).toEqual([14, 5]);
  expect(await seqs(store, 'subject:invoice', { newerThan: 4, limit: 2 })).toEqual([12, 11]);
});

test('pages follow their cursor, stable while rows come in', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  const mail = new MailMaker();
  for (let i = 1; i <= 30; i++) {
    await store.saveTransaction(mail.transaction({ subject: i % 3 === 0 ? 'third' : 'other' }));
  }
  const first = await rows(store, 'subject:third', { limit: 4 });
  expect(first.rows.map((row) => row.seq)).toEqual([30, 27, 24, 21]);
  await store.saveTransaction(mail.transaction({ subject: 'third' }));
  const second = await rows(store, 'subject:third', { limit: 4, cursor: first.next });
  expect(second.rows.map((row) => row.seq)).toEqual([18, 15, 12, 9]);
  const third = await rows(store, 'subject:third', { limit: 4, cursor: second.next });
  expect([third.rows.map((row) => row.seq), third.next]).toEqual([[6, 3], null]);
  expect(await seqs(store, '', { at: 17, limit: 3 })).toEqual([17, 16, 15]);
  expect(await seqs(store, '', { newerThan: 17, limit: 3 })).toEqual([20, 19, 18]);
  expect([first.oldestSeq, first.newestSeq, second.newestSeq]).toEqual([1, 30, 31]);
  await expect(rows(store, '', { cursor: 'nonsense' })).rejects.toThrow('not its cursor');
});

test('deleted rows are hidden unless they are asked for', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  await fill(store);
  await store.deleteRows([3, 5, 9]);
  expect(await seqs(store, '')).toEqual([8, 7, 6, 4, 2, 1]);
  expect((await rows(store, '', {})).total).toEqual({ value: 6, isExact: true });
  expect((await rows(store, 'subject:invoice', {})).total).toEqual({ value: 2, isExact: true });
  expect(await seqs(store, 'is:deleted')).toEqual([9, 5, 3]);
  await store.undeleteRows([5]);
  expect(await seqs(store, 'is:deleted')).toEqual([9, 3]);
});

test('rows of a maildir, and of all maildirs below a folder', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  const mail = new MailMaker();
  for (const [i, path] of ['mail/x.test/a', 'mail/x.test/b', 'mail/x.testing/a'].entries()) {
    const transaction = mail.transaction();
    const message = transaction.messages[0]?.message;
    if (!message) throw new Error('one message');
    await store.saveTransaction(transaction);
    const attemptId = store.beginAttempt({
      ...{ message, rowSeqs: message.rowSeqs, numAttempts: 0, dueMs: null, startedMs: 1 },
      ...{ startedRealMs: 1, nextDueMs: null, protocol: 'maildir', site: '', pool: null },
      ...{ source: null, route: 'maildir' },
    });
    store.endAttempt({
      ...{ attemptId, endedMs: 2, durationMs: 1, outcome: 'delivered', code: 200, text: '' },
      ...{ peer: null, nextDueMs: null, details: {}, transcript: [], events: [] },
      maildirs: [{ rowSeq: message.rowSeq, path, unique: `u${i}` }],
    });
  }
  await store.flush();
  expect(await seqs(store, '', { maildir: 'mail/x.test/a' })).toEqual([1]);
  expect(await seqs(store, '', { maildir: 'mail/x.test' })).toEqual([2, 1]);
  expect(await seqs(store, 'route:maildir', { maildir: 'mail' })).toEqual([3, 2, 1]);
  expect(await seqs(store, '', { maildir: 'mail/none' })).toEqual([]);
  const since = await store.read('maildirDeliveries', { afterAttempt: 1, limit: 10 });
  expect(since).toEqual([
    { attemptId: 2, rowSeq: 2, path: 'mail/x.test/b', unique: 'u1' },
    { attemptId: 3, rowSeq: 3, path: 'mail/x.testing/a', unique: 'u2' },
  ]);
});

test('a damaged or lost index is made again', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  await fill(store);
  const first = inspector(place, store);
  await first.caughtUp();
  await first.close();
  for (const damage of ['write', 'remove'] as const) {
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(`${searchFile(place.folder)}${suffix}`, { force: true });
    }
    if (damage === 'write') writeFileSync(searchFile(place.folder), 'nonsense'.repeat(1_000));
    expect(await seqs(store, 'dearest')).toEqual([]);
    const again = inspector(place, store);
    await again.caughtUp();
    await again.close();
    expect(await seqs(store, 'dearest'), damage).toEqual([1]);
  }
});

test('a pattern that matches hundreds of queues finds their rows', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  const mail = new MailMaker();
  const messages = Array.from({ length: 300 }, (_, i) => ({
    message: mail.message(['a@x.test', 'b@x.test'], eml('Many', 'x')),
    queue: `${i % 3 === 0 ? 'red' : 'blue'}${i}.test`,
    state: 'queued' as const,
  }));
  await store.saveTransaction(mail.transaction({ messages }));
  for (const newer of [{}, { newerThan: 0 }]) {
    const found = await seqs(store, 'queue:.test -queue:blue* state:queued', {
      limit: 1_000,
      ...newer,
    });
    expect(found.length).toBe(200);
    expect(found.slice(-4)).toEqual([8, 7, 2, 1]);
    expect((await seqs(store, 'queue:blue', { limit: 1_000, ...newer })).length).toBe(400);
  }
  expect(await seqs(store, 'queue:red3.', { newerThan: 7 })).toEqual([8]);
});

test('counts above 10,000 are bounds', async () => {
  await using place = await StoreFolder.create();
  const store = await openStore(place);
  const mail = new MailMaker();
  const to = Array.from({ length: 10_100 }, (_, i) => `u${i}@x.test`);
  await store.saveTransaction(mail.transaction({ to, body: eml('Many', 'x') }));
  const read = await rows(store, 'state:queued', { limit: 2 });
  expect(read.total?.isExact).toBe(false);
  expect(read.total?.value).toBeLessThanOrEqual(10_000);
  expect(read.rows.map((row) => row.to)).toEqual(['u10099@x.test', 'u10098@x.test']);
  expect((await rows(store, '', { limit: 1 })).total).toEqual({ value: 10_100, isExact: true });
});
