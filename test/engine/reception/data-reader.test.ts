import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkBody } from '../../../engine/reception/body-check.ts';
import { DataReader } from '../../../engine/reception/data-reader.ts';
import type { DataLimits } from '../../../engine/reception/data-reader.ts';
import { stuffDots } from '../../../engine/smtp/dot-stuffing.ts';

const STRICT: DataLimits = {
  messageBytesMax: 1_000_000,
  readBytesMax: 128 * 1024,
  isFirstBodyLineALine: false,
};
const ORDINARY: DataLimits = { ...STRICT, isFirstBodyLineALine: true };

function read(chunks: readonly (Buffer | string)[], limits: DataLimits) {
  const reader = new DataReader(limits);
  for (const chunk of chunks) {
    const end = reader.push(Buffer.from(chunk));
    if (end) return { body: end.body?.toString('latin1') ?? null, rest: end.rest.toString() };
  }
  return null;
}

function cut(bytes: Buffer, steps: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let i = 0, at = 0; at < bytes.length; i++) {
    const step = steps[i % steps.length] ?? 1;
    chunks.push(bytes.subarray(at, at + step));
    at += step;
  }
  return chunks;
}

describe('DataReader', () => {
  test('ends the body before the dot and gives back what follows it', () => {
    expect(read(['a\r\nb\r\n.\r\nMAIL'], STRICT)).toEqual({ body: 'a\r\nb\r\n', rest: 'MAIL' });
    expect(read(['a\r\n', '.', '\r', '\nQUIT'], STRICT)).toEqual({ body: 'a\r\n', rest: 'QUIT' });
  });

  test('does not take a dot after a bare LF or before a bare LF for the end', () => {
    expect(read(['a\n.\r\nb\r\n.\nc\r\n.\r\n'], STRICT)?.body).toBe('a\n.\r\nb\r\n.\nc\r\n');
  });

  test('recognises a body that is only the dot in ordinary mode alone', () => {
    expect(read(['.\r\nRSET\r\n'], ORDINARY)).toEqual({ body: '', rest: 'RSET\r\n' });
    expect(read(['.', '\r', '\n'], ORDINARY)).toEqual({ body: '', rest: '' });
    expect(read(['.\r\nRSET\r\n'], STRICT)).toBeNull();
  });

  test('lets a big body pass when it came in one read', () => {
    const body = `${'x'.repeat(28_811)}\r\n.\r\n`;
    expect(read([body], { ...STRICT, messageBytesMax: 2000 })?.body).toHaveLength(28_813);
  });

  test('refuses it when a read filled the limit without the end in it', () => {
    const body = `${'x'.repeat(28_811)}\r\n.\r\nNOOP`;
    const small = { ...STRICT, messageBytesMax: 2000, readBytesMax: 1024 };
    expect(read([body], small)).toEqual({ body: null, rest: 'NOOP' });
    expect(
      read(['x'.repeat(1999), '\r\n.\r\n'], { ...small, readBytesMax: 4096 })?.body,
    ).toHaveLength(2001);
    expect(
      read(['x'.repeat(2000), '\r\n.\r\n'], { ...small, readBytesMax: 4096 })?.body,
    ).toBeNull();
  });

  test('throws a body that is too big away as it comes', () => {
    const reader = new DataReader({ ...STRICT, messageBytesMax: 1000 });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 500; i++) reader.push(Buffer.from(chunk));
    globalThis.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
    expect(reader.push(Buffer.from('\r\n.\r\n'))?.body).toBeNull();
  });

  test('gives the same result for any chunking of the same bytes', () => {
    const piece = fc.constantFrom('\r\n', '\r\n.', '.', '\r', '\n', '..', 'text', '\r\n.\r\n');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(STRICT, ORDINARY),
        (pieces, steps, limits) => {
          const bytes = Buffer.from(`${pieces.join('')}\r\n.\r\n`);
          const whole = read([bytes], limits);
          const cutUp = read(cut(bytes, steps), limits);
          expect(cutUp?.body).toBe(whole?.body);
        },
      ),
      { seed: 3, numRuns: 1000 },
    );
  });
});

describe('checkBody()', () => {
  const options = { lineBytesMax: 10, isFirstBodyLineALine: true };
  const check = (text: string) => checkBody(Buffer.from(text, 'latin1'), options);

  test('takes stuffed dots off, on the first line in ordinary mode alone', () => {
    expect(check('..first\r\n.one\r\n..two\r\n').body.toString()).toBe('.first\r\none\r\n.two\r\n');
    const strict = checkBody(Buffer.from('..first\r\n..two\r\n'), {
      ...options,
      isFirstBodyLineALine: false,
    });
    expect(strict.body.toString()).toBe('..first\r\n.two\r\n');
  });

  test('does not copy a body without stuffed dots', () => {
    const raw = Buffer.from('no\r\ndots\r\n');
    expect(checkBody(raw, options).body).toBe(raw);
  });

  test.each([
    ['1234567890\r\n', false],
    ['12345678901\r\n', true],
    ['.1234567890\r\n', false],
    ['a\r\n12345678901\r\nb\r\n', true],
    ['12345678901', true],
  ])('finds the overlong line in %j: %s', (text, wanted) => {
    expect(check(text).hasOverlongLine).toBe(wanted);
  });

  test.each([
    ['a\r\nb\r\n', false],
    ['a\nb\r\n', true],
    ['a\rb\r\n', true],
    ['\na\r\n', true],
    ['a\r\r\n', true],
    ['a\r', true],
    ['', false],
  ])('finds the bare line ending in %j: %s', (text, wanted) => {
    expect(check(text).hasBareLineEnding).toBe(wanted);
  });

  test('undoes stuffDots()', () => {
    const line = fc.constantFrom('.', '..', 'a.b', '', '.\u00e9', 'x');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const body = Buffer.from(lines.map((text) => `${text}\r\n`).join(''));
        expect(checkBody(Buffer.from(stuffDots(body)), options).body).toEqual(body);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
