import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../engine/smtp/command-line.ts';

describe('parseCommand()', () => {
  test.each([
    ['DATA', 'DATA'],
    ['data ', 'DATA'],
    ['rset', 'RSET'],
    ['quit', 'QUIT'],
    ['StartTLS', 'STARTTLS'],
    ['NOOP', 'NOOP'],
    ['NOOP word', 'NOOP'],
    ['NOOP "two words"', 'NOOP'],
    ['HELP', 'UNIMPLEMENTED'],
    ['VRFY someone', 'UNIMPLEMENTED'],
    ['EXPN list', 'UNIMPLEMENTED'],
    ['LHLO lmtp.test', 'UNIMPLEMENTED'],
    ['FROBNICATE now', 'UNIMPLEMENTED'],
    ['MAIL:<a@b.test>', 'UNIMPLEMENTED'],
    ['GET / HTTP/1.1', 'UNIMPLEMENTED'],
  ])('reads %j as %s', (line, verb) => {
    expect(parseCommand(line).verb).toBe(verb);
  });

  test.each([
    'NOOP with words',
    'RSET x',
    'QUIT x',
    'DATA x',
    'STARTTLS x',
    'EHLO',
    'EHLO two words',
    'HELO -bad.test',
    'MAIL',
    'RCPT',
    'AUTH',
    'AUTH PLAIN !!!',
    'XCLIENT',
    'XCLIENT ADDR',
    'XCLIENT ADDR=+G1',
  ])('answers a syntax error to %j', (line) => {
    expect(parseCommand(line)).toMatchObject({
      verb: 'BAD',
      code: 501,
      text: 'Syntax error in command or arguments',
    });
  });

  test.each([
    ['EHLO Client.Golden.TEST', 'client.golden.test'],
    ['HELO my_host', 'my_host'],
    ['EHLO [127.0.0.1]', '[127.0.0.1]'],
    ['EHLO [IPv6:0:0::1]', '[IPv6:::1]'],
    ['EHLO bücher.test', 'xn--bcher-kva.test'],
  ])('normalises the domain of %j', (line, domain) => {
    expect(parseCommand(line)).toMatchObject({ domain });
  });

  test('says where a line stops being a command, in several lines', () => {
    for (const line of ['', ' ', '.', '<a@b>', '123', '\0', '*']) {
      const command = parseCommand(line);
      expect(command).toMatchObject({ verb: 'BAD', code: 501, about: null });
      const lines = command.verb === 'BAD' ? command.text.split('\n') : [];
      expect(lines[0]).toMatch(/^Syntax error in command or arguments: Error at line 1, /);
      expect(lines.length).toBeGreaterThanOrEqual(7);
      expect(lines.length).toBeLessThanOrEqual(12);
    }
  });

  test('reads AUTH with and without an initial response', () => {
    expect(parseCommand('AUTH PLAIN')).toEqual({ verb: 'AUTH', mechanism: 'PLAIN', initial: null });
    expect(parseCommand('auth PLAIN =')).toMatchObject({ mechanism: 'PLAIN', initial: '' });
    expect(parseCommand('AUTH PLAIN AGEAYg==')).toMatchObject({ initial: 'AGEAYg==' });
  });

  test('decodes XCLIENT values', () => {
    expect(parseCommand('XCLIENT ADDR=192.0.2.1 NAME=a+20b')).toEqual({
      verb: 'XCLIENT',
      params: [
        { name: 'ADDR', value: '192.0.2.1' },
        { name: 'NAME', value: 'a b' },
      ],
    });
  });

  test('answers any line at all', () => {
    const verb = fc.constantFrom('MAIL FROM:', 'RCPT TO:', 'EHLO ', 'AUTH ', 'XCLIENT ', 'NOOP ');
    const line = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.tuple(verb, fc.string({ unit: 'binary', maxLength: 60 })).map((parts) => parts.join('')),
      fc
        .tuple(verb, fc.constantFrom('<', '"', '[', 'a@', '\\'), fc.nat({ max: 990 }))
        .map(([start, piece, count]) => start + piece.repeat(count / piece.length)),
    );
    fc.assert(
      fc.property(line, (text) => {
        const began = performance.now();
        expect(parseCommand(text).verb).toMatch(/^[A-Z]+$/);
        expect(performance.now() - began).toBeLessThan(250);
      }),
      { seed: 6, numRuns: 1500 },
    );
  });
});
