import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { Inspector } from '../../../engine/inspect/inspector.ts';
import { INDEX_READS } from '../../../engine/search/index-reads.ts';
import { searchFile } from '../../../engine/store/database.ts';
import type { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import type { RowsCommit } from '../../../engine/store/store.ts';
import { eml, MailMaker } from '../../support/store-fixtures.ts';
import { ManualClock, settle } from '../store/manual-clock.ts';
import { StoreFolder } from '../store/open-store.ts';

function open(place: StoreFolder, store: SqliteStore): Inspector {
  const { folder } = place;
  return Inspector.open({
    ...{ folder, store, clock: new SystemClock(), indexReads: INDEX_READS },
    onTrouble: (text) => place.troubles.push(text),
  });
}

const ATTACHMENT = Buffer.from(
  'Subject: With\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n' +
    'Content-Type: text/html\r\n\r\n<p onclick=x>Hi</p>\r\n--b\r\n' +
    'Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n',
);

test('a row is inspected, previewed and downloaded in parts', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  await using inspector = open(place, store);
  const mail = new MailMaker();
  await store.saveTransaction(mail.transaction({ body: ATTACHMENT, prefix: 'Received: here\r\n' }));
  await store.saveTransaction(
    mail.transaction({
      messages: [],
      body: null,
      refused: [{ recipient: null, state: 'aborted', code: null, text: '' }],
    }),
  );
  const seen = await inspector.inspect(1);
  expect(seen?.headers.map((field) => field.name)).toEqual(['Received', 'Subject', 'Content-Type']);
  expect(seen?.attachments.map((part) => part.filename)).toEqual(['a.zip']);
  const preview = await inspector.preview(1, { allowedHosts: null, isWhole: false, theme: 'dark' });
  expect(preview?.page).toMatch(/color-scheme:dark[^]*<p>Hi<\/p>/);
  const part = await inspector.part(1, '1.2');
  expect(part).toEqual({
    ...{ bytes: new Uint8Array([0, 1, 2]), contentType: 'application/zip', charset: null },
    filename: 'a.zip',
  });
  const encoded = await inspector.part(1, '1.2', { isEncoded: true });
  expect(Buffer.from(encoded?.bytes ?? []).toString()).toBe('AAEC');
  expect(await inspector.part(1, '1.3')).toBeNull();
  expect(await inspector.inspect(2)).toBeNull();
  expect(await inspector.inspect(99)).toBeNull();
  expect(
    await inspector.preview(99, { allowedHosts: null, isWhole: false, theme: 'light' }),
  ).toBeNull();
});

test('attachments found behind reception are told to the list', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const commits: RowsCommit[] = [];
  store.onRows((commit) => commits.push(commit));
  await using inspector = open(place, store);
  const mail = new MailMaker();
  await store.saveTransaction(mail.transaction({ body: ATTACHMENT }));
  await store.saveTransaction(mail.transaction());
  await inspector.caughtUp();
  await store.flush();
  const rows = await store.read('rowsBySeq', { seqs: [1, 2] });
  expect(rows.map((row) => [row.seq, row.hasAttachment])).toEqual([
    [1, true],
    [2, false],
  ]);
  expect(commits.flatMap((commit) => commit.changed)).toEqual([{ seq: 1, hasAttachment: true }]);
  expect(inspector.lag).toBe(0);
  expect(place.troubles).toEqual([]);
});

test('rows that retention took leave the index', async () => {
  await using place = await StoreFolder.create();
  const clock = new ManualClock();
  const store = await place.open({ clock, retention: { maxAgeMs: 3_600_000 } });
  const mail = new MailMaker(clock);
  const refused = { recipient: 'a@x.test', state: 'rejected', code: 550, text: '' } as const;
  const save = (): Promise<void> =>
    store.saveTransaction(mail.transaction({ messages: [], refused: [refused] }));
  await Promise.all([save(), save(), save()]);
  await using inspector = open(place, store);
  await inspector.caughtUp();
  clock.advance(2 * 3_600_000);
  await settle(store, clock);
  expect(store.totals.expiredTransactions).toBe(3);
  await save();
  await inspector.caughtUp();
  const index = new DatabaseSync(searchFile(place.folder), { readOnly: true });
  const rows = index.prepare('SELECT rowid FROM heads WHERE heads MATCH ?').all('"x test"');
  index.close();
  expect(rows.map((row) => row['rowid'])).toEqual([4]);
});

test('rows that came while the thread was away are indexed afterwards, in steps', async () => {
  await using place = await StoreFolder.create();
  const store = await place.open();
  const mail = new MailMaker();
  await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      store.saveTransaction(mail.transaction({ body: eml(`Number ${i}`, 'text') })),
    ),
  );
  await using inspector = open(place, store);
  expect(inspector.lag).toBe(200);
  await inspector.caughtUp();
  expect(inspector.lag).toBe(0);
  await Promise.all(Array.from({ length: 70 }, () => store.saveTransaction(mail.transaction())));
  await inspector.caughtUp();
  expect(inspector.lag).toBe(0);
});
