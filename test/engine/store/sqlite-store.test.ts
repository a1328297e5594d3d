import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Message } from '../../../engine/mail/message.ts';
import type { AttemptStart, RowsCommit } from '../../../engine/store/store.ts';
import { address, eml, MailMaker, NOON_MS, TRANSCRIPT } from '../../support/store-fixtures.ts';
import { ManualClock } from './manual-clock.ts';
import { allWaiting, StoreFolder } from './open-store.ts';

function attemptOf(message: Message, fields: Partial<AttemptStart> = {}): AttemptStart {
  return {
    message,
    rowSeqs: message.rowSeqs,
    numAttempts: message.numAttempts,
    dueMs: NOON_MS,
    startedMs: NOON_MS + 1,
    startedRealMs: NOON_MS + 1,
    nextDueMs: NOON_MS + 60_000,
    protocol: 'smtp',
    site: 'mx.example.com',
    pool: 'pool',
    source: 'source',
    ...fields,
  };
}

test('saveTransaction() numbers rows in order, messages of one transaction consecutively', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const one = mail.transaction({ to: ['a@x.test', 'b@x.test'] });
  const two = mail.transaction({
    messages: [
      {
        message: mail.message(['c@x.test', 'd@x.test'], eml('Two', 'x')),
        queue: 'x.test',
        state: 'queued',
      },
    ],
    refused: [{ recipient: 'no@x.test', state: 'rejected', code: 550, text: 'no such user' }],
  });
  const saved = [store.saveTransaction(one), store.saveTransaction(two)];
  expect(one.messages.map((m) => m.message.rowSeq)).toEqual([1, 2]);
  expect(two.messages[0]?.message.rowSeqs).toEqual([3, 4]);
  await Promise.all(saved);
  const rows = await store.read('rowsBySeq', { seqs: [5, 4, 3, 2, 1] });
  expect(rows.map((r) => [r.seq, r.transactionId, r.to, r.state, r.code, r.lastText])).toEqual([
    [5, 2, 'no@x.test', 'rejected', 550, 'no such user'],
    [4, 2, 'd@x.test', 'queued', 250, 'OK ids=1'],
    [3, 2, 'c@x.test', 'queued', 250, 'OK ids=1'],
    [2, 1, 'b@x.test', 'queued', 250, 'OK ids=1'],
    [1, 1, 'a@x.test', 'queued', 250, 'OK ids=1'],
  ]);
});

test('a record of a log hook says in the list what it is and where it goes', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const subjectFor = async (type: string | null, text: string): Promise<string | undefined> => {
    const message = mail.message(['a@x.test'], Buffer.from(text));
    message.setMeta('reception_protocol', 'LogRecord');
    message.setMeta('queue', 'webhook');
    if (type !== null) message.setMeta('log_record', { type });
    const entry = { message, queue: 'webhook', state: 'queued' as const };
    await store.saveTransaction(mail.transaction({ messages: [entry] }));
    return (await store.read('row', { seq: message.rowSeq }))?.row.subject;
  };
  expect(await subjectFor('Delivery', '{"type":"Delivery"}')).toBe('Delivery record for webhook');
  expect(await subjectFor(null, '{}')).toBe('Record for webhook');
  expect(await subjectFor('Bounce', 'Subject: Made by a template\r\n\r\n')).toBe(
    'Made by a template',
  );
});

test('numbers go on after a restart', async () => {
  await using place = await StoreFolder.create();
  const mail = new MailMaker();
  const before = await place.open();
  await before.saveTransaction(mail.transaction({ to: ['a@x.test', 'b@x.test'] }));
  const { commitSeq } = before;
  const after = await place.open();
  expect(after.wasClosed).toBe(true);
  expect(after.commitSeq).toBeGreaterThan(commitSeq);
  const next = mail.transaction();
  await after.saveTransaction(next);
  expect(next.messages[0]?.message.rowSeq).toBe(3);
  expect((await after.read('row', { seq: 3 }))?.row.transactionId).toBe(2);
});

test('a row shows everything that was known of its transaction', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const session = mail.session({ tls: { version: 'TLSv1.3', cipher: 'AES' }, auth: 'alice' });
  const transaction = mail.transaction({
    session,
    subject: '=?utf-8?q?Gr=C3=BC=C3=9Fe?=',
    prefix: 'Received: from client.test\r\n',
    events: [
      {
        event: 'smtp_server_message_received',
        atMs: 4,
        durationMs: 0.5,
        args: ['Message'],
        returned: [],
        prints: [{ text: 'hello' }],
        metaChanges: [],
      },
    ],
  });
  await store.saveTransaction(transaction);
  const detail = await store.read('row', { seq: 1 });
  expect(detail?.row).toMatchObject({
    subject: 'Grüße',
    from: 'sender@shop.test',
    to: 'user@example.com',
    isTls: true,
    isAuth: true,
    queue: 'example.com',
    sizeBytes: transaction.messages[0]?.message.data.byteLength,
  });
  expect(detail?.session).toEqual(session);
  expect(detail?.message).toMatchObject({
    sender: 'sender@shop.test',
    recipients: ['user@example.com'],
    meta: { reception_protocol: 'ESMTP', tenant: 'acme' },
    prefix: 'Received: from client.test\r\n',
    hasOwnBody: false,
    isWaiting: true,
  });
  expect(detail?.problem).toBeNull();
  const trace = await store.read('trace', { seq: 1 });
  expect(trace?.transcript).toEqual(TRANSCRIPT);
  expect(trace?.events.map((call) => call.prints)).toEqual([[{ text: 'hello' }]]);
});

test('a body is stored once per transaction; each final message is that with what was added', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const transaction = new MailMaker().transaction({
    to: ['a@x.test', 'b@x.test'],
    prefix: 'Received: from client.test\r\n',
  });
  await store.saveTransaction(transaction);
  await store.settled();
  expect(store.totals.bodyBytes).toBe(transaction.body?.byteLength);
  const original = await store.read('body', { seq: 2, which: 'original' });
  const final = await store.read('body', { seq: 2, which: 'final' });
  expect(Buffer.from(original?.bytes ?? [])).toEqual(Buffer.from(transaction.body ?? []));
  expect(Buffer.from(final?.bytes ?? []).toString()).toBe(
    `Received: from client.test\r\n${Buffer.from(transaction.body ?? []).toString()}`,
  );
});

test('a message whose data the policy rewrote has its own body beside the original', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const message = mail.message(['a@x.test'], eml('Rewritten', 'new'));
  await store.saveTransaction(
    mail.transaction({ messages: [{ message, queue: 'x.test', state: 'queued' }] }),
  );
  const detail = await store.read('row', { seq: 1 });
  expect(detail?.message?.hasOwnBody).toBe(true);
  expect(detail?.row.subject).toBe('Rewritten');
  const original = await store.read('body', { seq: 1, which: 'original' });
  const final = await store.read('body', { seq: 1, which: 'final' });
  expect(Buffer.from(original?.bytes ?? []).toString()).toContain('Subject: Hello');
  expect(Buffer.from(final?.bytes ?? []).toString()).toContain('Subject: Rewritten');
});

test('bodies above 256 KiB become files, and ranges of both kinds can be read', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const large = Buffer.alloc(300_000, 'abcdefghij');
  await store.saveTransaction(mail.transaction({ body: large, prefix: 'X: 1\r\n' }));
  await store.saveTransaction(
    mail.transaction({ body: large.subarray(0, 1000), prefix: 'X: 1\r\n' }),
  );
  await store.settled();
  expect(readdirSync(join(place.folder, 'bodies'))).toEqual(['1.body']);
  for (const [seq, size] of [
    [1, 300_006],
    [2, 1_006],
  ] as const) {
    const range = await store.read('body', { seq, which: 'final', offset: 3, length: 8 });
    expect([Buffer.from(range?.bytes ?? []).toString(), range?.sizeBytes]).toEqual([
      '1\r\nabcde'.slice(0, 8),
      size,
    ]);
    const tail = await store.read('body', { seq, which: 'final', offset: size - 3 });
    expect(Buffer.from(tail?.bytes ?? []).toString()).toBe('hij');
    const beyond = await store.read('body', { seq, which: 'final', offset: size + 10 });
    expect(beyond?.bytes.byteLength).toBe(0);
  }
  const message = (await allWaiting(store))[0];
  const loaded = message && (await store.load(message));
  expect(loaded?.data.byteLength).toBe(300_006);
});

test('load() brings back the message as it was last written', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const transaction = mail.transaction({ to: ['a@x.test'], prefix: 'X: 1\r\n' });
  const message = transaction.messages[0]?.message as Message;
  await store.saveTransaction(transaction);
  message.setMeta('tenant', 'other');
  message.recipients = [address('a@x.test'), address('b@x.test'), address('c@x.test')];
  message.keepRecipients((i) => i !== 1);
  message.numAttempts = 3;
  message.due = NOON_MS + 5.25;
  store.updateMessage(message, 'slow.test');
  const loaded = await store.load({ id: message.id });
  expect(loaded?.meta).toEqual(message.meta);
  expect(loaded?.recipients).toEqual(message.recipients);
  expect(loaded?.rowSeqs).toEqual([1, 3]);
  expect([loaded?.numAttempts, loaded?.due, loaded?.rowSeq]).toEqual([3, NOON_MS + 5.25, 1]);
  expect(Buffer.from(loaded?.data ?? [])).toEqual(Buffer.from(message.data));
  expect(loaded?.isDirty).toBe(false);
  expect((await store.read('row', { seq: 1 }))?.row).toMatchObject({
    queue: 'slow.test',
    attempts: 3,
    nextDueMs: NOON_MS + 5.25,
  });
});

test('updateMessage() writes a changed body, and only then', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const transaction = mail.transaction();
  const message = transaction.messages[0]?.message as Message;
  await store.saveTransaction(transaction);
  await store.settled();
  const bytesOnce = store.totals.bodyBytes;
  message.setMeta('x', 1);
  message.doze();
  store.updateMessage(message, 'x.test');
  await store.flush();
  expect(store.totals.bodyBytes).toBe(bytesOnce);
  expect(message.isDozing).toBe(true);
  for (const text of ['first', 'second and longer']) {
    message.data = eml('Changed', text);
    store.updateMessage(message, 'x.test');
  }
  await store.flush();
  expect(store.totals.bodyBytes).toBe(bytesOnce + message.data.byteLength);
  const reloaded = await store.load({ id: message.id });
  expect(Buffer.from(reloaded?.data ?? []).toString()).toContain('second and longer');
  message.unload();
  await store.loadBody(message);
  expect(Buffer.from(message.data).toString()).toContain('second and longer');
});

test('load() of an id that was never stored is null', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  expect(
    await store.load({ id: new MailMaker().message(['a@x.test'], eml('', '')).id }),
  ).toBeNull();
});

test('waiting() lists what is in a queue by due time, through a restart', async () => {
  await using place = await StoreFolder.create();
  const before = await place.open();
  const mail = new MailMaker();
  const ids: string[] = [];
  for (const [due, state] of [
    [NOON_MS + 30, 'queued'],
    [null, 'queued'],
    [NOON_MS + 10, 'queued'],
    [NOON_MS, 'null'],
    [NOON_MS + 20, 'queued'],
  ] as const) {
    const message = mail.message(['a@x.test'], eml('', ''));
    message.due = due;
    ids.push(message.id);
    await before.saveTransaction(
      mail.transaction({ messages: [{ message, queue: `q${ids.length}`, state }] }),
    );
    if (due === NOON_MS + 20) before.removeFromQueue(message);
  }
  const store = await place.open();
  expect(await allWaiting(store)).toEqual(
    [
      { id: ids[1], rowSeq: 2, queue: 'q2', due: null },
      { id: ids[2], rowSeq: 3, queue: 'q3', due: NOON_MS + 10 },
      { id: ids[0], rowSeq: 1, queue: 'q1', due: NOON_MS + 30 },
    ].map((each) => ({ ...each, rowCount: 1, numAttempts: 0, attemptWasInFlight: false })),
  );
});

test('setQueueDue() moves what waits in one queue, through a restart', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  for (const queue of ['a.test', 'a.test', 'b.test']) {
    await store.saveTransaction(mail.transaction({ queue }));
  }
  store.setQueueDue('a.test', NOON_MS + 5_000);
  const waiting = await allWaiting(await place.open());
  expect(waiting.map(({ queue, due }) => [queue, due === NOON_MS + 5_000])).toEqual([
    ['b.test', false],
    ['a.test', true],
    ['a.test', true],
  ]);
});

test('waiting() gives more than one page, each message once', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const to = Array.from({ length: 6_001 }, (_, i) => `u${i}@x.test`);
  await store.saveTransaction(mail.transaction({ to }));
  const pages: number[] = [];
  const seen = new Set<number>();
  for await (const page of store.waiting()) {
    pages.push(page.length);
    for (const message of page) seen.add(message.rowSeq);
  }
  expect(pages).toEqual([5_000, 1_001]);
  expect(seen.size).toBe(6_001);
});

test('an attempt is kept with its transcript; records move the rows they name', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const message = mail.message(['a@x.test', 'b@x.test'], eml('', ''));
  await store.saveTransaction(
    mail.transaction({ messages: [{ message, queue: 'x.test', state: 'queued' }] }),
  );
  const attemptId = store.beginAttempt(attemptOf(message, { route: 'smarthost' }));
  await store.flush();
  expect((await store.read('attempts', { seq: 1 })).map((a) => a.outcome)).toEqual(['running']);
  store.addRecord({
    ...{ type: 'Delivery', timeMs: NOON_MS, json: '{"type":"Delivery"}', messageId: message.id },
    ...{ rowSeqs: [1], state: 'delivered', code: 250, text: 'ok', attemptId },
  });
  store.addRecord({
    ...{ type: 'TransientFailure', timeMs: NOON_MS, json: '{"x":1}', messageId: message.id },
    ...{ rowSeqs: [2], state: 'deferred', code: 451, text: 'later', attemptId },
  });
  store.endAttempt({
    ...{ attemptId, endedMs: NOON_MS + 9, durationMs: 8, outcome: 'deferred', code: 451 },
    ...{ text: 'later', peer: 'mx.example.com', nextDueMs: NOON_MS + 1_000, events: [] },
    ...{ details: { why: 'port 25' }, transcript: TRANSCRIPT },
    maildirs: [{ rowSeq: 1, path: 'mail/x.test/a', unique: '1.M2' }],
  });
  await store.flush();
  expect(await store.read('attempts', { seq: 2 })).toEqual([
    {
      ...{ id: attemptId, number: 1, rowSeqs: [1, 2], dueMs: NOON_MS, startedMs: NOON_MS + 1 },
      ...{ startedRealMs: NOON_MS + 1, endedMs: NOON_MS + 9, durationMs: 8, protocol: 'smtp' },
      ...{ site: 'mx.example.com', pool: 'pool', source: 'source', peer: 'mx.example.com' },
      ...{ outcome: 'deferred', code: 451, text: 'later', nextDueMs: NOON_MS + 1_000 },
      ...{ details: { why: 'port 25' }, transcript: TRANSCRIPT, events: [], problem: null },
    },
  ]);
  const rows = await store.read('rowsBySeq', { seqs: [1, 2] });
  expect(rows.map((r) => [r.state, r.code, r.lastText, r.attempts, r.nextDueMs, r.route])).toEqual([
    ['delivered', 250, 'ok', 1, NOON_MS + 1_000, 'smarthost'],
    ['deferred', 451, 'later', 1, NOON_MS + 1_000, 'smarthost'],
  ]);
  expect((await store.read('rowRecords', { seq: 2 })).map((r) => [r.type, r.json])).toEqual([
    ['TransientFailure', '{"x":1}'],
  ]);
  expect((await store.read('row', { seq: 1 }))?.maildir).toEqual({
    path: 'mail/x.test/a',
    unique: '1.M2',
  });
  expect(
    await store.read('maildirRows', { path: 'mail/x.test/a', uniques: ['1.M2', '2'] }),
  ).toEqual({ '1.M2': 1 });
});

test('maildirDeliveries pages never cut an attempt in two', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  for (let i = 0; i < 3; i++) {
    const message = mail.message(['a@x.test', 'b@x.test', 'c@x.test'], eml('', ''));
    const saved = store.saveTransaction(
      mail.transaction({ messages: [{ message, queue: 'x.test', state: 'queued' }] }),
    );
    const attemptId = store.beginAttempt(attemptOf(message));
    store.endAttempt({
      ...{ attemptId, endedMs: 1, durationMs: 1, outcome: 'deferred', code: 400, text: '' },
      ...{ peer: null, nextDueMs: null, details: {}, transcript: [], events: [] },
      maildirs: message.rowSeqs
        .filter((seq) => seq !== 8)
        .map((rowSeq) => ({ rowSeq, path: 'mail/x', unique: `u${rowSeq}` })),
    });
    await saved;
  }
  await store.flush();
  const page = async (afterAttempt: number): Promise<number[]> =>
    (await store.read('maildirDeliveries', { afterAttempt, limit: 2 })).map((d) => d.rowSeq);
  expect(await page(0)).toEqual([1, 2, 3]);
  expect(await page(1)).toEqual([4, 5, 6]);
  expect(await page(2)).toEqual([7, 9]);
  expect(await page(3)).toEqual([]);
});

test('what is told about a message that was never stored leaves no trace', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const message = new MailMaker().message(['a@x.test'], eml('', ''));
  const changed: number[] = [];
  store.onRows((commit) => changed.push(...commit.changed.map((patch) => patch.seq)));
  const attemptId = store.beginAttempt(attemptOf(message));
  store.addRecord({
    ...{ type: 'Delivery', timeMs: NOON_MS, json: '{}', messageId: message.id },
    ...{ rowSeqs: message.rowSeqs, state: 'delivered', code: 250, text: '', attemptId },
  });
  store.endAttempt({
    ...{ attemptId, endedMs: 1, durationMs: 1, outcome: 'delivered', code: 250, text: '' },
    ...{ peer: null, nextDueMs: null, details: {}, transcript: [], events: [] },
  });
  store.updateMessage(message, 'x.test');
  store.removeFromQueue(message);
  await store.flush();
  expect(changed).toEqual([]);
  const { records } = await store.read('records', { limit: 9 });
  expect(records.map((record) => record.rowSeq)).toEqual([null]);
  expect(await allWaiting(store)).toEqual([]);
});

test('a Rejection finds the row that is stored after it, by session and reply', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  const session = mail.session();
  const rejection = (text: string): number =>
    store.addRecord({
      ...{ type: 'Rejection', timeMs: NOON_MS, messageId: null, rowSeqs: [], state: null },
      ...{
        code: 550,
        text,
        attemptId: null,
        json: JSON.stringify({ session_id: session.id, text }),
      },
    });
  rejection('no such user');
  rejection('not here');
  await store.saveTransaction(
    mail.transaction({
      session,
      refused: [
        { recipient: 'b@x.test', state: 'rejected', code: 550, text: 'not here' },
        { recipient: 'a@x.test', state: 'rejected', code: 550, text: 'no such user' },
        { recipient: 'c@x.test', state: 'rejected', code: 550, text: 'later' },
      ],
    }),
  );
  rejection('later');
  await store.flush();
  const texts = await Promise.all(
    [2, 3, 4].map(async (seq) => (await store.read('rowRecords', { seq })).map((r) => r.json)),
  );
  expect(texts.map(([json]) => (JSON.parse(json ?? '{}') as { text: string }).text)).toEqual([
    'not here',
    'no such user',
    'later',
  ]);
});

test('the change feed tells added and changed rows once, when they are durable', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const commits: RowsCommit[] = [];
  const stop = store.onRows((commit) => commits.push(commit));
  const transaction = new MailMaker().transaction();
  const message = transaction.messages[0]?.message as Message;
  const saved = store.saveTransaction(transaction);
  store.addRecord({
    ...{ type: 'Reception', timeMs: NOON_MS, json: '{}', messageId: message.id, rowSeqs: [1] },
    ...{ state: null, code: 250, text: '', attemptId: null },
  });
  expect(commits).toEqual([]);
  await store.flush();
  await saved;
  const [row] = await store.read('rowsBySeq', { seqs: [1] });
  expect(commits[0]?.added).toEqual([row]);
  expect(commits[0]?.records.map((r) => [r.type, r.rowSeq])).toEqual([['Reception', 1]]);
  store.addRecord({
    ...{ type: 'Bounce', timeMs: NOON_MS, json: '{}', messageId: message.id, rowSeqs: [1] },
    ...{ state: 'bounced', code: 550, text: 'gone', attemptId: null },
  });
  store.removeFromQueue(message);
  await store.flush();
  expect(commits[1]?.changed).toEqual([
    { seq: 1, state: 'bounced', code: 550, lastText: 'gone', nextDueMs: null },
  ]);
  stop();
  await store.deleteRows([1]);
  expect(commits).toHaveLength(2);
  expect((await store.read('row', { seq: 1 }))?.row.isDeleted).toBe(true);
  await store.undeleteRows([1]);
  expect((await store.read('row', { seq: 1 }))?.row.isDeleted).toBe(false);
});

test('transactions do not wait for reports, which are gathered and settle them in order', async () => {
  await using place = await StoreFolder.create();
  const clock = new ManualClock();
  const store = await place.open({ clock });
  const commits: RowsCommit[] = [];
  store.onRows((commit) => commits.push(commit));
  const mail = new MailMaker();
  const first = mail.transaction();
  await store.saveTransaction(first);
  const message = first.messages[0]?.message as Message;
  const add = (type: string, state: 'deferred' | 'delivered'): number =>
    store.addRecord({
      ...{ type, timeMs: NOON_MS, json: '{}', messageId: message.id, rowSeqs: [1], state },
      ...{ code: 250, text: type, attemptId: null },
    });
  add('TransientFailure', 'deferred');
  await store.saveTransaction(mail.transaction());
  add('Delivery', 'delivered');
  store.removeFromQueue(message);
  expect(commits).toEqual([]);
  clock.advance(20);
  await expect.poll(() => commits.length).toBe(1);
  const [commit] = commits;
  expect(commit?.records.map(({ type }) => type)).toEqual(['TransientFailure', 'Delivery']);
  expect(commit?.changed).toEqual([]);
  expect(commit?.added).toMatchObject([
    { seq: 1, state: 'delivered', code: 250, lastText: 'Delivery', nextDueMs: null },
    { seq: 2, state: 'queued' },
  ]);
});

test('what was acknowledged can be read at once', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open({ clock: new ManualClock() });
  await store.saveTransaction(new MailMaker().transaction());
  expect((await store.read('row', { seq: 1 }))?.row.seq).toBe(1);
  await store.settled();
  expect(store.totals.rows).toBe(1);
});

test('what is asked for while a commit runs shares the next one', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  await Promise.all(Array.from({ length: 200 }, () => store.saveTransaction(mail.transaction())));
  await store.settled();
  expect(store.flushCount).toBeLessThanOrEqual(4);
  expect(store.totals.rows).toBe(200);
});

test('settings, audit and ledger survive a restart', async () => {
  await using place = await StoreFolder.create();
  const before = await place.open();
  before.setSetting('clock', '{"speed":60}');
  before.addAudit({ timeMs: NOON_MS, who: 'cli', verb: 'bounce', detail: { queue: 'x' } });
  for (const target of ['a:25', 'b:25']) {
    before.addLedger({ timeMs: NOON_MS, kind: 'smtp', target, allowed: false, why: 'not open' });
  }
  const store = await place.open();
  expect(store.getSetting('clock')).toBe('{"speed":60}');
  expect(store.getSetting('none')).toBeUndefined();
  expect((await store.read('audit', { limit: 5 })).entries).toMatchObject([
    { who: 'cli', verb: 'bounce', detail: { queue: 'x' } },
  ]);
  const first = await store.read('ledger', { limit: 1 });
  const second = await store.read('ledger', { limit: 1, cursor: first.next });
  expect([...first.entries, ...second.entries].map((e) => e.target)).toEqual(['b:25', 'a:25']);
  expect(second.next).toBeNull();
});

test('a second store on the same database is refused, whoever has it', async () => {
  await using place = await StoreFolder.create();
  await place.open();
  await using other = await StoreFolder.create();
  await expect(other.open({ folder: place.folder })).rejects.toThrow(
    `in use by process ${process.pid}`,
  );
});

test('read() refuses names that nobody knows and cursors of other lists', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  await expect(store.read('nothing' as 'row', { seq: 1 })).rejects.toThrow('no read of that name');
  await expect(store.read('audit', { limit: 1, cursor: 'x' })).rejects.toThrow('not its cursor');
});
