import { describe, expect, test } from 'vitest';
import { parseExtensions } from '../../../engine/smtp/capabilities.ts';
import { stuffDots } from '../../../engine/smtp/dot-stuffing.ts';
import { decodeBase64, formatPlain, parsePlain } from '../../../engine/smtp/sasl.ts';

describe('SASL PLAIN', () => {
  test('parsePlain() reads what formatPlain() wrote', () => {
    const credentials = { authz: '', authc: 'alice', password: 'wönder' };
    const bytes = decodeBase64(formatPlain(credentials));
    expect(bytes && parsePlain(bytes)).toEqual(credentials);
  });

  test.each([
    ['a\0b', 'fields'],
    ['a\0b\0c\0d', 'fields'],
    ['\0a\0\xff', 'utf8'],
  ])('parsePlain() refuses %j: %s', (text, trouble) => {
    expect(parsePlain(Buffer.from(text, 'latin1'))).toBe(trouble);
  });

  test.each(['abc', 'ab=c', '!!!!', 'abcd=', 'a==='])('decodeBase64() refuses %j', (text) => {
    expect(decodeBase64(text)).toBeNull();
  });
});

describe('parseExtensions()', () => {
  test('reads keywords in any case with their parameters', () => {
    const offered = parseExtensions('mx.test hello\nPIPELINING\nsize 1000\nAUTH PLAIN LOGIN');
    expect([...offered]).toEqual([
      ['PIPELINING', ''],
      ['SIZE', '1000'],
      ['AUTH', 'PLAIN LOGIN'],
    ]);
  });
});

describe('stuffDots()', () => {
  test('doubles dots at the start of lines only', () => {
    const stuffed = stuffDots(Buffer.from('.a\r\nb.c\r\n..d\r\n.\r\n'));
    expect(Buffer.from(stuffed).toString()).toBe('..a\r\nb.c\r\n...d\r\n..\r\n');
  });

  test('gives the same bytes back when there is nothing to double', () => {
    const body = Buffer.from('no\r\ndots\r\n');
    expect(stuffDots(body)).toBe(body);
  });
});
