/** The small parts of the store that are functions of their arguments. */
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { SeededRandom } from '../../../engine/base/random.ts';
import { createdMsOf, SpoolIdSource } from '../../../engine/base/ids.ts';
import { BlockPacker, packBlock, unpackBlock } from '../../../engine/store/blocks.ts';
import type { PackedBlock } from '../../../engine/store/blocks.ts';
import { decodeCursor, encodeCursor } from '../../../engine/store/cursor.ts';
import { ATTEMPT_OUTCOMES, ROW_STATES } from '../../../engine/store/ops.ts';
import { RejectionLinks } from '../../../engine/store/rejection-links.ts';
import { spoolIdOf, spoolKey } from '../../../engine/store/spool-key.ts';
import { decodeDisplayText, subjectOf } from '../../../engine/store/subject.ts';
import { NOON_MS, TickingClock } from '../../support/store-fixtures.ts';

test('unpackBlock() gives the texts of packBlock() back', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
      expect(unpackBlock(packBlock(texts))).toEqual(texts);
    }),
    { seed: 1 },
  );
});

test('BlockPacker tells each place at once and closes blocks that are full', () => {
  let next = 7;
  const blocks: PackedBlock[] = [];
  const packer = new BlockPacker(
    () => next++,
    (block) => blocks.push(block),
  );
  const texts = Array.from({ length: 5 }, (_, i) => String(i).repeat(30_000));
  const places = texts.map((text, i) => packer.add(text, 100 + i));
  packer.close();
  packer.close();
  expect(blocks.map(({ id, first, last }) => [id, first, last])).toEqual([
    [7, 100, 102],
    [8, 103, 104],
  ]);
  const unpacked = new Map(blocks.map((block) => [block.id, unpackBlock(block.data)]));
  expect(places.map(({ block, index }) => unpacked.get(block)?.[index])).toEqual(texts);
});

test('unpackBlock() refuses what is damaged', () => {
  const block = packBlock(['one', 'two']);
  expect(() => unpackBlock(block.slice(0, -3))).toThrow();
  expect(() => unpackBlock(new Uint8Array(4))).toThrow();
});

test('spoolKey() sorts as ids were made and can be turned back', () => {
  const clock = new TickingClock(NOON_MS);
  const ids = new SpoolIdSource(clock, new SeededRandom(1));
  const made = Array.from({ length: 2_000 }, () => ids.next());
  const keys = made.map((id) => Buffer.from(spoolKey(id)));
  expect(keys.map((key) => spoolIdOf(key))).toEqual(made);
  expect(keys.toSorted((a, b) => Buffer.compare(a, b))).toEqual(keys);
  expect(createdMsOf(spoolIdOf(keys[0] ?? new Uint8Array(16)))).toBe(NOON_MS + 1);
});

test('cursors carry their key; other texts are refused', () => {
  expect(decodeCursor(encodeCursor([1.5, 20]), 2)).toEqual([1.5, 20]);
  for (const wrong of ['', 'zz', encodeCursor([1]), btoa('{"a":1}'), btoa('[1,"2"]')]) {
    expect(() => decodeCursor(wrong, 2)).toThrow(RangeError);
  }
});

test('numbers that are in databases keep their meaning', () => {
  expect(ROW_STATES.join()).toBe(
    'queued,deferred,delivered,bounced,expired,suppressed,rejected,null,aborted',
  );
  expect(ATTEMPT_OUTCOMES.join()).toBe('delivered,deferred,bounced,cancelled,interrupted');
});

test('RejectionLinks joins by reply, first by text, then by code', () => {
  const links = new RejectionLinks();
  expect(links.record('s', 1, 550, 'a')).toBeNull();
  expect(links.record('s', 2, 550, 'b')).toBeNull();
  expect(links.record('other', 3, 550, 'b')).toBeNull();
  const refused = (text: string, code = 550): Parameters<RejectionLinks['rows']>[2][number] => ({
    ...{ recipient: 'x', state: 'rejected', code, text },
  });
  expect(links.rows('s', 10, [refused('b'), refused('z'), refused('q', 421)])).toEqual([
    { recordSeq: 2, rowSeq: 10 },
    { recordSeq: 1, rowSeq: 11 },
  ]);
  expect(links.record('s', 4, 421, 'whatever')).toBe(12);
  expect(links.record('s', 5, 421, 'whatever')).toBeNull();
});

const subjects: [string, string, string][] = [
  ['plain', 'Subject: Hello\r\n\r\n', 'Hello'],
  ['any case, LF only, not first', 'From: a\nsUBJECT:Hello\n\nSubject: no', 'Hello'],
  ['space before the colon', 'Subject : Hello\r\n\r\n', 'Hello'],
  ['folded', 'Subject: one\r\n two\r\n\tthree\r\nTo: x\r\n\r\n', 'one two three'],
  ['encoded words', 'Subject: =?UTF-8?B?R3LDvMOf?= =?utf-8?q?e_!?=\r\n\r\n', 'Grüße !'],
  ['words and text', 'Subject: a =?utf-8?q?b?= c\r\n\r\n', 'a b c'],
  ['split character', 'Subject: =?utf-8?b?4oI=?= =?utf-8?b?rA==?=\r\n\r\n', '€'],
  ['two charsets', 'Subject: =?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=\r\n\r\n', 'éé'],
  ['japanese', 'Subject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\r\n\r\n', '日本'],
  ['unknown charset', 'Subject: =?x-none?q?abc?=\r\n\r\n', 'abc'],
  ['raw UTF-8', 'Subject: Grüße\r\n\r\n', 'Grüße'],
  ['none', 'From: a\r\n\r\nSubject: body', ''],
  ['subjects of other fields', 'X-Subject: a\r\nSubject-Line: b\r\n\r\n', ''],
  ['no data', '', ''],
  ['no line end', 'Subject: Hello', 'Hello'],
  ['broken word', 'Subject: =?utf-8?q?a\r\n\r\n', '=?utf-8?q?a'],
];
test.each(subjects)('subjectOf() reads %s', (_, text, subject) => {
  expect(subjectOf(Buffer.from(text))).toBe(subject);
});

test('decodeDisplayText() reads Latin-1 bytes that claim nothing', () => {
  expect(decodeDisplayText(Buffer.from('caf\xe9', 'latin1'))).toBe('café');
});

test('subjectOf() never throws and looks at a bounded part', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(typeof subjectOf(bytes)).toBe('string');
      const noise = Buffer.concat([Buffer.from('Subject: =?utf-8?q?'), bytes]);
      expect(subjectOf(noise).length).toBeLessThanOrEqual(500);
    }),
    { seed: 2 },
  );
  const long = Buffer.from(`X: ${'y'.repeat(80_000)}\r\nSubject: late\r\n\r\n`);
  expect(subjectOf(long)).toBe('');
});
