/** Damage is reported where it is met; everything else keeps working. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { databaseFile } from '../../../engine/store/database.ts';
import { SCHEMA_STEPS } from '../../../engine/store/schema.ts';
import { CorruptEntryError } from '../../../engine/store/store.ts';
import { MailMaker } from '../../support/store-fixtures.ts';
import { allWaiting, StoreFolder } from './open-store.ts';

async function damaged(sql: string): Promise<StoreFolder> {
  const place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  for (const body of [undefined, Buffer.alloc(300_000, 'x')]) {
    await store.saveTransaction(mail.transaction(body ? { body } : {}));
    store.addRecord({
      ...{ type: 'Reception', timeMs: 1, json: '{"id":""}', messageId: null, rowSeqs: [] },
      ...{ state: null, code: 250, text: '', attemptId: null },
    });
  }
  await store.close();
  const db = new DatabaseSync(databaseFile(place.folder));
  db.exec(sql);
  db.close();
  return place;
}

test.each([
  ['an envelope', "UPDATE messages SET envelope = '[[' WHERE id = 1", /envelope or metadata/],
  ['metadata', "UPDATE messages SET meta = 'x' WHERE id = 1", /envelope or metadata/],
  ['a missing body', 'DELETE FROM bodies WHERE id = 1', /body 1: it is missing/],
  ['a short body', "UPDATE bodies SET data = x'00' WHERE id = 1", /shorter than it says/],
])('load() reports %s and other messages still load', async (_, sql, text) => {
  await using place = await damaged(sql);
  const store = await place.open();
  const [first, second] = await allWaiting(store);
  if (!first || !second) throw new Error('both messages should still be listed');
  await expect(store.load(first)).rejects.toThrow(text);
  await expect(store.load(first)).rejects.toBeInstanceOf(CorruptEntryError);
  expect((await store.load(second))?.data.byteLength).toBe(300_000);
});

test('load() reports a body file that is missing or short', async () => {
  await using place = await damaged('SELECT 1');
  const file = join(place.folder, 'bodies', '2.body');
  truncateSync(file, 100);
  const store = await place.open();
  const [, second] = await allWaiting(store);
  if (!second) throw new Error('the message should still be listed');
  await expect(store.load(second)).rejects.toThrow('its file has 100 bytes, expected 300000');
  rmSync(file);
  await expect(store.load(second)).rejects.toBeInstanceOf(CorruptEntryError);
});

test('a damaged block costs its texts only', async () => {
  await using place = await damaged("UPDATE blocks SET data = x'0102' WHERE id = 1 OR kind = 3");
  const store = await place.open();
  const trace = await store.read('trace', { seq: 1 });
  expect(trace?.transcript).toEqual([]);
  expect(trace?.problem).toMatch(/damaged/);
  expect((await store.read('row', { seq: 1 }))?.row.subject).toBe('Hello');
  const { records } = await store.read('records', { limit: 9 });
  expect(records.map((record) => record.json)).toEqual([
    expect.stringContaining('"problem":"damaged'),
    expect.stringContaining('"problem":"damaged'),
  ]);
});

test('open() says what is wrong with the file', async () => {
  await using place = await StoreFolder.create();
  writeFileSync(databaseFile(place.folder), 'this is no database, only a text'.repeat(100));
  await expect(place.open()).rejects.toThrow(/Cannot open the store: .*not a database/);
  rmSync(databaseFile(place.folder));
  const store = await place.open();
  await store.close();
  const db = new DatabaseSync(databaseFile(place.folder));
  db.exec(`PRAGMA user_version = ${SCHEMA_STEPS.length + 1}`);
  db.close();
  await expect(place.open()).rejects.toThrow(/layout is number \d+, this version knows \d+/);
});

test('open() makes the folder when it is not there', async () => {
  await using place = await StoreFolder.create();
  const folder = join(place.folder, 'workspace', '.postyard');
  const store = await place.open({ folder });
  await store.saveTransaction(new MailMaker().transaction());
  await store.settled();
  expect(store.totals.rows).toBe(1);
});

test('a lock file and a number left behind by kill -9 block nobody', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  await store.close();
  writeFileSync(`${databaseFile(place.folder)}.lock`, '');
  writeFileSync(`${databaseFile(place.folder)}.pid`, '1\n');
  await place.open();
  expect(readFileSync(`${databaseFile(place.folder)}.pid`, 'utf8')).toBe(`${process.pid}\n`);
});
