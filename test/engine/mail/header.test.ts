import { describe, expect, test } from 'vitest';
import {
  allHeaders,
  allHeaderValues,
  appendHeader,
  firstHeaderValue,
  prependHeader,
  readHeaderBlock,
  removeNamedHeaders,
  removeXHeaders,
} from '../../../engine/mail/header.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1');

const MESSAGE = bytes(
  'From: "Ann Lee" <ann@Shop.test>\r\nX-Multi: 1\r\nSubject: folded\r\n subject\r\n' +
    'x-multi: 2\r\nX-Tenant-Name: acme\r\nTo: b@dest.test\r\n\r\nbody: no header\r\n',
);

describe('readHeaderBlock()', () => {
  test('finds every field and the body', () => {
    const block = readHeaderBlock(MESSAGE);
    expect(block.fields).toHaveLength(6);
    expect(text(MESSAGE.subarray(block.bodyStart))).toBe('body: no header\r\n');
  });

  test('reads bare LF, a field without a colon and a header without a body', () => {
    expect(allHeaders(bytes('A: 1\nnonsense\nB:2\n\tmore\n\nx'))).toEqual([
      ['A', '1'],
      ['nonsense', ''],
      ['B', '2 more'],
    ]);
    expect(allHeaders(bytes('A: 1'))).toEqual([['A', '1']]);
    expect(allHeaders(bytes(''))).toEqual([]);
    expect(allHeaders(bytes('\r\nA: body'))).toEqual([]);
  });
});

describe('header values', () => {
  test('are found whatever the case, unfolded, in order', () => {
    expect(firstHeaderValue(MESSAGE, 'SUBJECT')).toBe('folded subject');
    expect(allHeaderValues(MESSAGE, 'X-Multi')).toEqual(['1', '2']);
    expect(firstHeaderValue(MESSAGE, 'X-None')).toBeUndefined();
  });

  test('decode encoded words and drop the blanks between two of them', () => {
    const value = (raw: string): unknown => firstHeaderValue(bytes(`S: ${raw}\r\n\r\n`), 'S');
    expect(value('=?UTF-8?B?Z3LDvG4=?=')).toBe('grün');
    expect(value('=?utf-8?q?caf=C3=A9?= and =?iso-8859-1?Q?na=EFve_x?=')).toBe('café and naïve x');
    expect(value('=?utf-8?q?a?=\r\n =?utf-8?q?b?= c')).toBe('ab c');
    expect(value('=?utf-8*en?q?a?=')).toBe('a');
  });

  test('stay raw when a charset is unknown, and are bytes when they are not UTF-8', () => {
    expect(firstHeaderValue(bytes('S: =?x-none?q?a?=\r\n b\r\n\r\n'), 'S')).toBe(
      '=?x-none?q?a?=\r\n b',
    );
    expect(firstHeaderValue(bytes('S: gr\xfcn\r\n\r\n'), 'S')).toEqual(
      Buffer.from('gr\xfcn', 'latin1'),
    );
    expect(firstHeaderValue(Buffer.from('S: grün\r\n\r\n'), 'S')).toBe('grün');
  });
});

describe('edits', () => {
  test('prependHeader() and appendHeader() write verbatim or encoded', () => {
    const data = bytes('A: 1\r\n\r\nx\r\n');
    expect(text(prependHeader(data, 'X', 'on top'))).toBe('X: on top\r\nA: 1\r\n\r\nx\r\n');
    expect(text(appendHeader(data, 'X-Enc', 'grün', 'encode'))).toBe(
      'A: 1\r\nX-Enc: =?UTF-8?q?gr=C3=BCn?=\r\n\r\nx\r\n',
    );
  });

  test('an encoded value folds at 75 columns and reads back as it was', () => {
    const long = 'word '.repeat(40).trim();
    const folded = text(prependHeader(bytes('\r\n'), 'S', long, 'encode'));
    expect(Math.max(...folded.split('\r\n').map((l) => l.length))).toBeLessThanOrEqual(78);
    expect(folded).toContain('\r\n\t');
    expect(firstHeaderValue(bytes(folded), 'S')).toBe(long);
    const umlauts = 'Käsekuchen mit Rübli, größer als erwartet und deutlich länger als eine Zeile';
    const encoded = prependHeader(bytes('\r\n'), 'S', umlauts, 'encode');
    expect(firstHeaderValue(encoded, 'S')).toBe(umlauts);
    expect(
      Math.max(
        ...text(encoded)
          .split('\r\n')
          .map((l) => l.length),
      ),
    ).toBeLessThanOrEqual(76);
  });

  test('appendHeader() needs an end of the header block', () => {
    expect(() => appendHeader(bytes('A: 1\r\nB: 2'), 'X', 'y')).toThrow(
      'append_header could not find the end of the header block',
    );
  });

  test('removeNamedHeaders() and removeXHeaders() keep everything else byte for byte', () => {
    expect(text(removeNamedHeaders(MESSAGE, 'X-MULTI'))).toBe(
      text(MESSAGE).replace('X-Multi: 1\r\n', '').replace('x-multi: 2\r\n', ''),
    );
    expect(allHeaders(removeXHeaders(MESSAGE, [])).map(([n]) => n)).toEqual([
      'From',
      'Subject',
      'To',
    ]);
    expect(allHeaders(removeXHeaders(MESSAGE, ['to', 'x-multi'])).map(([n]) => n)).toEqual([
      'From',
      'Subject',
      'X-Tenant-Name',
    ]);
    expect(text(removeNamedHeaders(bytes('A: 1\nB: 2\n\nx'), 'A'))).toBe('B: 2\n\r\nx');
  });
});
