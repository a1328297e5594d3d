import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REPLY_BYTES_MAX } from '../../../engine/base/limits.ts';
import { ReplyParser } from '../../../engine/smtp/reply-parser.ts';
import { formatReply } from '../../../engine/smtp/reply-format.ts';

function parse(...chunks: string[]) {
  const parser = new ReplyParser();
  for (const chunk of chunks) parser.push(Buffer.from(chunk));
  return parser.next('DATA\r\n');
}

describe('ReplyParser', () => {
  test('splits the enhanced code off and names the command', () => {
    expect(parse('451 4.7.1 come back later\r\n')).toEqual({
      code: 451,
      enhanced: { class: 4, subject: 7, detail: 1 },
      text: 'come back later',
      command: 'DATA\r\n',
    });
  });

  test('joins lines by LF and drops the code that each of them repeats', () => {
    expect(parse('550-5.7.1 first\r\n550-', '5.7.1 second\r', '\n550 5.7.1 third\r\n')?.text).toBe(
      'first\nsecond\nthird',
    );
    expect(parse('250-mx.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n')).toMatchObject({
      enhanced: null,
      text: 'mx.test\nPIPELINING\n8BITMIME',
    });
  });

  test('gives pipelined replies one at a time and null for an unfinished one', () => {
    const parser = new ReplyParser();
    parser.push(Buffer.from('250 one\r\n354 two\r\n250-thr'));
    expect([parser.next(null)?.text, parser.next(null)?.text, parser.next(null)]).toEqual([
      'one',
      'two',
      null,
    ]);
    expect(parser.isEmpty).toBe(false);
  });

  test.each([
    ['250\r\n', 'Malformed Response: 250'],
    ['hello there\r\n', 'Malformed Response: hello there'],
    ['\r\n', 'Malformed Response: '],
  ])('refuses %j', (bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
  });

  test('refuses bytes that are not UTF-8 but not a real replacement character', () => {
    const parser = new ReplyParser();
    parser.push(Buffer.from('250 \ufffd\r\n250 '));
    parser.push(Buffer.from([0xff, 0x0d, 0x0a]));
    expect(parser.next(null)?.text).toBe('\ufffd');
    expect(() => parser.next(null)).toThrow('response is not UTF8');
  });

  test('gives up on a reply without end', () => {
    const parser = new ReplyParser();
    expect(() => {
      for (let bytes = 0; bytes < REPLY_BYTES_MAX * 2; bytes += 1000) {
        parser.push(Buffer.from(`250-${'x'.repeat(1000)}\r\n`));
        parser.next(null);
      }
    }).toThrow('Response is too long');
  });

  test('reads what formatReply() wrote, in any chunking', () => {
    const line = fc.string().filter((text) => !/[\r\n]/.test(text) && text !== '');
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        fc.array(line, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        (code, lines, step) => {
          const bytes = Buffer.from(formatReply(code, lines.join('\n')));
          const parser = new ReplyParser();
          for (let i = 0; i < bytes.length; i += step) parser.push(bytes.subarray(i, i + step));
          const whole = new ReplyParser();
          whole.push(bytes);
          const parsed = parser.next(null);
          expect(parsed).toEqual(whole.next(null));
          expect(parsed?.code).toBe(code);
          expect(parsed?.text.split('\n')).toHaveLength(lines.length);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });
});
