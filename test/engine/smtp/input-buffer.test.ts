import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputBuffer } from '../../../engine/smtp/input-buffer.ts';

/** All lines of these chunks, the troubles in angle brackets, and what is left over. */
function linesOf(chunks: readonly Buffer[], lineBytesMax: number) {
  const input = new InputBuffer();
  const lines: string[] = [];
  for (const chunk of chunks) {
    input.push(chunk);
    for (let line = input.takeLine(lineBytesMax); line; line = input.takeLine(lineBytesMax)) {
      lines.push(line.trouble === null ? line.text : `<${line.trouble}>`);
    }
  }
  return lines;
}

describe('InputBuffer.takeLine()', () => {
  test('ends lines at CRLF only', () => {
    expect(linesOf([Buffer.from('a\nb\r\nc\rd\r\n\r\nrest')], 10)).toEqual(['a\nb', 'c\rd', '']);
  });

  test('counts the limit without CRLF', () => {
    expect(linesOf([Buffer.from('12345\r\n123456\r\n1\r\n')], 5)).toEqual([
      '12345',
      '<too-long>',
      '1',
    ]);
  });

  test('throws an overlong line away with bounded memory and goes on after it', () => {
    const input = new InputBuffer();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    for (let i = 0; i < 200; i++) {
      input.push(chunk);
      expect(input.takeLine(998)).toBeNull();
      expect(input.length).toBeLessThanOrEqual(1);
    }
    input.push(Buffer.from('\r'));
    expect(input.takeLine(998)).toBeNull();
    input.push(Buffer.from('\nNOOP\r\n'));
    expect(input.takeLine(998)?.trouble).toBe('too-long');
    expect(input.takeLine(998)?.text).toBe('NOOP');
  });

  test('tells a replacement character from bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('\ufffd\r\n'), Buffer.from([0xc3, 0x28, 13, 10])]);
    expect(linesOf([bytes], 10)).toEqual(['\ufffd', '<not-utf8>']);
  });

  test('gives the same lines for any chunking of the same bytes', () => {
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '\r', '\n', 'x'.repeat(30), 'é'),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 10 }),
        (pieces, steps) => {
          const bytes = Buffer.from(pieces.join(''));
          const chunks: Buffer[] = [];
          for (let i = 0, at = 0; at < bytes.length; i++) {
            const step = steps[i % steps.length] ?? 1;
            chunks.push(bytes.subarray(at, at + step));
            at += step;
          }
          expect(linesOf(chunks, 20)).toEqual(linesOf([bytes], 20));
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });
});
