import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Message } from '../../../engine/mail/message.ts';
import type { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import { MailMaker } from '../../support/store-fixtures.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { allWaiting, StoreFolder } from './open-store.ts';

const DAY_MS = 24 * 3_600_000;

async function saveDone(store: SqliteStore, mail: MailMaker, bodyBytes: number): Promise<Message> {
  const transaction = mail.transaction({ body: Buffer.alloc(bodyBytes, 'x') });
  const message = transaction.messages[0]?.message as Message;
  const saved = store.saveTransaction(transaction);
  const attemptId = store.beginAttempt({
    ...{ message, rowSeqs: message.rowSeqs, numAttempts: 0, dueMs: null, startedMs: 1 },
    ...{ startedRealMs: 1, nextDueMs: 2, protocol: 'smtp', site: '', pool: null, source: null },
  });
  store.endAttempt({
    ...{ attemptId, endedMs: 1, durationMs: 1, outcome: 'delivered', code: 250, text: '' },
    ...{ peer: null, nextDueMs: null, details: {}, transcript: [], events: [] },
  });
  store.addRecord({
    ...{
      type: 'Delivery',
      timeMs: 1,
      json: '{}',
      messageId: message.id,
      rowSeqs: [message.rowSeq],
    },
    ...{ state: 'delivered', code: 250, text: '', attemptId },
  });
  store.removeFromQueue(message);
  await Promise.all([saved, store.flush()]);
  return message;
}

test('what is older than the limit goes, with everything that belongs to it', async () => {
  await using place = await StoreFolder.create();
  const clock = new ManualClock();
  const mail = new MailMaker(clock);
  const store = await place.open({ clock, retention: { maxAgeMs: 30 * DAY_MS } });
  await saveDone(store, mail, 2_000);
  await saveDone(store, mail, 300_000);
  store.addRecord({
    ...{ type: 'OOB', timeMs: 1, json: '{}', messageId: null, rowSeqs: [], state: null },
    ...{ code: 550, text: '', attemptId: null },
  });
  clock.advance(29 * DAY_MS);
  await saveDone(store, mail, 2_000);
  await settle(store, clock);
  expect(store.totals.expiredTransactions).toBe(0);
  clock.advance(2 * DAY_MS);
  await settle(store, clock);
  expect(store.totals).toMatchObject({
    ...{ rows: 1, transactions: 1, records: 1, bodyBytes: 2_000, fileBytes: 0 },
    ...{ expiredTransactions: 2, expiredBytes: 302_000 },
  });
  expect(readdirSync(join(place.folder, 'bodies'))).toEqual([]);
  expect((await store.read('rowsBySeq', { seqs: [1, 2, 3] })).map((row) => row.seq)).toEqual([3]);
  expect((await store.read('records', { limit: 9 })).records.map((r) => r.recordSeq)).toEqual([4]);
  expect((await store.read('attempts', { seq: 3 })).map((a) => a.outcome)).toEqual(['delivered']);
  expect((await store.read('trace', { seq: 3 }))?.problem).toBeNull();
});

test('the oldest go while the store is too large, never what waits in a queue', async () => {
  await using place = await StoreFolder.create();
  const clock = new ManualClock();
  const mail = new MailMaker(clock);
  const maxBytes = 2_000_000;
  const store = await place.open({ clock, retention: { maxBytes } });
  const waiting = mail.transaction({ body: Buffer.alloc(100_000, 'q') });
  await store.saveTransaction(waiting);
  for (let i = 0; i < 60; i++) await saveDone(store, mail, 100_000);
  await settle(store, clock);
  expect(store.usedBytes).toBeLessThanOrEqual(maxBytes);
  expect(store.usedBytes).toBeGreaterThan(maxBytes / 2);
  expect(store.totals.expiredTransactions).toBeGreaterThan(30);
  const left = (
    await store.read('rowsBySeq', { seqs: Array.from({ length: 61 }, (_, i) => i + 1) })
  ).map((row) => row.seq);
  expect(left[0]).toBe(1);
  expect(left.slice(1)).toEqual(
    Array.from({ length: left.length - 1 }, (_, i) => 63 - left.length + i),
  );
  expect((await allWaiting(store)).map((message) => message.rowSeq)).toEqual([1]);
  const loaded = await store.load({ id: waiting.messages[0]?.message.id as Message['id'] });
  expect(loaded?.data.byteLength).toBe(100_000);
});

test('a store that only holds waiting mail stays above its bound and rests', async () => {
  await using place = await StoreFolder.create();
  const clock = new ManualClock();
  const mail = new MailMaker(clock);
  const store = await place.open({ clock, retention: { maxBytes: 500_000, maxAgeMs: DAY_MS } });
  for (let i = 0; i < 10; i++) {
    await store.saveTransaction(mail.transaction({ body: Buffer.alloc(100_000) }));
  }
  clock.advance(2 * DAY_MS);
  await settle(store, clock);
  expect(store.totals).toMatchObject({ rows: 10, expiredTransactions: 0 });
  // Once they have left their queue, the next fresh round takes them.
  for (const { id } of await allWaiting(store)) {
    const message = await store.load({ id });
    if (message) store.removeFromQueue(message);
  }
  for (let i = 0; i < 12; i++) await settle(store, clock);
  expect(store.totals.rows).toBe(0);
});
