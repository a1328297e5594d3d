import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  base64LinesLength,
  decodeBase64,
  decodeQuotedPrintable,
  encodeBase64Lines,
  encodeQuotedPrintable,
} from '../../../../engine/mail/mime/transfer-encoding.ts';

const qp = (text: string): string => encodeQuotedPrintable(Buffer.from(text)).toString();

describe('encodeQuotedPrintable()', () => {
  test('keeps CRLF, escapes lone CR and LF, equals signs, bytes above ASCII and blanks at line ends', () => {
    expect(qp('a=b\r\nc\nd\re')).toBe('a=3Db\r\nc=0Ad=0De');
    expect(qp('grün')).toBe('gr=C3=BCn');
    expect(qp('a \r\nb\t')).toBe('a=20\r\nb=09');
    expect(qp('bars v a&b =0A\r\n'.replace('=0A', '\n'))).toBe('bars v a&b =0A\r\n');
  });

  test('breaks softly so that no line passes 76 columns', () => {
    expect(qp('x'.repeat(76))).toBe('x'.repeat(76));
    expect(qp('x'.repeat(77))).toBe(`${'x'.repeat(75)}=\r\nxx`);
    expect(qp('x'.repeat(74) + 'ü')).toBe(`${'x'.repeat(74)}=\r\n=C3=BC`);
  });

  test('any bytes come back, apart from line ends which become CRLF', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        const encoded = encodeQuotedPrintable(data);
        const lines = encoded.toString('latin1').split('\r\n');
        expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(76);
        expect(decodeQuotedPrintable(encoded)).toEqual(Buffer.from(data));
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

test('decodeQuotedPrintable() forgives what is no escape', () => {
  const decode = (text: string): string => decodeQuotedPrintable(Buffer.from(text)).toString();
  expect(decode('a=zz b=3\r\nc=\r\nd  \ne')).toBe('a=zz b=3\r\ncd\r\ne');
});

test('base64 has lines of 76 columns and a known length', () => {
  for (const length of [0, 1, 57, 58, 200]) {
    const data = Buffer.alloc(length, 'x');
    const encoded = encodeBase64Lines(data);
    expect(encoded.length).toBe(base64LinesLength(length));
    expect(decodeBase64(encoded)).toEqual(data);
  }
  expect(
    encodeBase64Lines(Buffer.alloc(58))
      .toString()
      .split('\r\n')
      .map((l) => l.length),
  ).toEqual([76, 4, 0]);
});
