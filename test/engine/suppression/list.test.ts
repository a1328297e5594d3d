/** Entries, their table, and the list as text. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import {
  describeEntry,
  normalizeRecipient,
  normalizeSendingDomain,
  refusalText,
} from '../../../engine/suppression/entry.ts';
import type { NewEntry } from '../../../engine/suppression/entry.ts';
import { openSuppressionFile } from '../../../engine/suppression/suppression-file.ts';
import { SuppressionTable } from '../../../engine/suppression/suppression-table.ts';
import { exportEntries, exportFrame, readImport } from '../../../engine/suppression/transfer.ts';
import type { ImportSource } from '../../../engine/suppression/transfer.ts';

const SINCE = Date.parse('2026-11-21T10:00:00Z');

function entry(recipient: string, sendingDomain = '', more: Partial<NewEntry> = {}): NewEntry {
  return {
    recipient,
    sendingDomain,
    ...{ reason: '', origin: 'hand', sinceMs: SINCE, source: '', recordSeq: null, rowSeq: null },
    ...more,
  };
}

function openTable(): SuppressionTable {
  return new SuppressionTable(openSuppressionFile(':memory:'));
}

function source(text: string, more: Partial<ImportSource> = {}): ImportSource {
  return { format: 'csv', text, label: 'list.csv', nowMs: SINCE, ...more };
}

test('addresses and domains have one spelling', () => {
  expect(normalizeRecipient(' <Bounced.Before@EXAMPLE.Net> ')).toBe('bounced.before@example.net');
  expect(normalizeRecipient('ann@bücher.example')).toBe('ann@xn--bcher-kva.example');
  expect(normalizeSendingDomain('@Shop.Example.')).toBe('shop.example');
  expect([normalizeSendingDomain('*'), normalizeSendingDomain('')]).toEqual(['', '']);
  for (const wrong of ['', 'nobody', '@example.com', 'a b@example.com', 'a@', 'x@y z'])
    expect(() => normalizeRecipient(wrong), wrong).toThrow('expected an address');
  expect(() => normalizeSendingDomain('not a domain')).toThrow('expected a domain');
});

test('the entry of the sending domain wins over the one of every sender', () => {
  const table = openTable();
  table.add([entry('a@x.test'), entry('a@x.test', 'shop.test', { reason: 'own' })], 'keep');
  const found = table.lookUp([
    { recipient: 'a@x.test', sendingDomain: 'shop.test' },
    { recipient: 'a@x.test', sendingDomain: 'other.test' },
    { recipient: 'b@x.test', sendingDomain: 'shop.test' },
  ]);
  expect(found.map((one) => one && [one.sendingDomain, one.reason])).toEqual([
    ['shop.test', 'own'],
    ['', ''],
    null,
  ]);
});

test('a pair is listed once; what is listed stays unless it is to be replaced', () => {
  const table = openTable();
  expect(table.add([entry('a@x.test'), entry('a@x.test')], 'keep')).toEqual({
    added: 1,
    existing: 1,
  });
  table.add([entry('a@x.test', '', { reason: 'second' })], 'keep');
  expect(table.page({ cursor: null, limit: 5, text: '' }).entries[0]?.reason).toBe('');
  table.add([entry('a@x.test', '', { reason: 'third' })], 'replace');
  expect(table.page({ cursor: null, limit: 5, text: '' }).entries[0]?.reason).toBe('third');
});

test('pages go from new to old, stay put under inserts, and are searched literally', () => {
  const table = openTable();
  const at = (n: number): NewEntry =>
    entry(`user${n}@x.test`, n % 2 ? 'odd.test' : '', { sinceMs: SINCE + n });
  table.add(
    Array.from({ length: 7 }, (_, n) => at(n)),
    'keep',
  );
  const first = table.page({ cursor: null, limit: 3, text: '' });
  table.add([at(100)], 'keep');
  const second = table.page({ cursor: first.next, limit: 3, text: '' });
  const third = table.page({ cursor: second.next, limit: 3, text: '' });
  const names = [first, second, third].map(({ entries }) => entries.map((e) => e.recipient[4]));
  expect(names).toEqual([['6', '5', '4'], ['3', '2', '1'], ['0']]);
  expect(third.next).toBeNull();
  expect(table.page({ cursor: null, limit: 9, text: 'ODD' }).matching).toBe(3);
  expect(table.page({ cursor: null, limit: 9, text: '%' }).entries).toEqual([]);
});

test('what was removed comes back with its hits', () => {
  const table = openTable();
  table.add([entry('a@x.test'), entry('b@x.test')], 'keep');
  const [b, a] = table.page({ cursor: null, limit: 2, text: '' }).entries;
  table.countHits([a!.id, a!.id], SINCE + 5);
  const removed = table.removeIds([a!.id, 999]);
  expect(removed).toHaveLength(1);
  expect(table.removeKeys([{ recipient: 'B@X.test', sendingDomain: '' }])[0]?.id).toBe(b!.id);
  expect(table.count).toBe(0);
  expect(table.restore(removed)).toBe(1);
  const [back] = table.page({ cursor: null, limit: 2, text: '' }).entries;
  expect([back?.recipient, back?.hits, back?.lastHitMs]).toEqual(['a@x.test', 2, SINCE + 5]);
});

test('a row that a script wrote with nothing but an address counts', () => {
  const db = openSuppressionFile(':memory:');
  db.exec("INSERT INTO suppression (recipient) VALUES ('Loud@X.test')");
  const table = new SuppressionTable(db);
  const [found] = table.lookUp([{ recipient: 'loud@x.test', sendingDomain: 'shop.test' }]);
  expect(found).toMatchObject({ recipient: 'loud@x.test', sendingDomain: '', origin: 'policy' });
  expect(found!.sinceMs).toBeGreaterThan(SINCE - 1e12);
  db.close();
});

test('a file that is something else is refused with a reason', () => {
  const db = new DatabaseSync(':memory:');
  db.close();
  expect(() => openSuppressionFile('/nowhere/suppression.db')).toThrow('unable to open');
});

test('the words for the Journey and for clients', () => {
  const stored = { ...entry('a@x.test', 'shop.test', { origin: 'bounce', source: '550 5.1.1' }) };
  const listed = { ...stored, id: 1, hits: 0, lastHitMs: null };
  expect(describeEntry(listed)).toBe('a@x.test from shop.test: Bounce 550 5.1.1, since 2026-11-21');
  expect(refusalText(listed)).toBe('5.7.1 recipient is suppressed (bounce 2026-11-21)');
});

test('what is exported is imported unchanged, in both formats', () => {
  const table = openTable();
  const awkward = entry('"a,b"@x.test', 'shop.test', {
    reason: 'said "no",\nthen left',
    origin: 'bounce',
    source: '550 5.1.1',
  });
  table.add([entry('plain@x.test'), awkward], 'keep');
  const { entries } = table.page({ cursor: null, limit: 9, text: '' });
  for (const format of ['csv', 'json'] as const) {
    const { head, foot } = exportFrame(format);
    const text = head + exportEntries(entries.slice(0, 1), format, true) + exportEntries(entries.slice(1), format, false) + foot; // prettier-ignore
    const read = readImport(source(text, { format }));
    expect(read.refused).toEqual([]);
    expect(read.entries).toEqual(
      entries.map(({ id: _id, hits: _hits, lastHitMs: _last, ...rest }) => rest),
    );
  }
});

test('lists from elsewhere: a bare column, other names, semicolons, wrong lines', () => {
  const bare = readImport(source('a@x.test\n\nnonsense\nB@x.test\n'));
  expect(bare.entries.map((e) => [e.recipient, e.origin, e.source])).toEqual([
    ['a@x.test', 'import', 'list.csv:1'],
    ['b@x.test', 'import', 'list.csv:4'],
  ]);
  expect(bare.refused).toMatchObject([{ line: 3, text: 'nonsense' }]);
  const other = readImport(source('Domain;Email;Created\nshop.test;"a@x.test";2026-01-02\n'));
  expect(other.entries).toMatchObject([
    { recipient: 'a@x.test', sendingDomain: 'shop.test', sinceMs: Date.parse('2026-01-02') },
  ]);
  const json = readImport(
    source('{"entries":["a@x.test",{"email":"b@x.test","sendingDomain":"s.test"},7]}', {
      format: 'json',
    }),
  );
  expect(json.entries.map((e) => [e.recipient, e.sendingDomain])).toEqual([
    ['a@x.test', ''],
    ['b@x.test', 's.test'],
  ]);
  expect(json.refused).toHaveLength(1);
  expect(() => readImport(source('{}', { format: 'json' }))).toThrow('found no array');
});
