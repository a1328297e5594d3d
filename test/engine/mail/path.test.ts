import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AddressSyntaxError,
  parseEnvelopeAddress,
  parseMailArgument,
  parseRcptArgument,
} from '../../../engine/mail/path.ts';

const email = (argument: ReturnType<typeof parseMailArgument>): string =>
  typeof argument === 'string' ? argument : argument.address.email;

describe('parseMailArgument()', () => {
  test.each([
    ['', 'syntax'],
    [' FROM', 'syntax'],
    [' FROM:', 'syntax'],
    [' TO:<a@b.test>', 'syntax'],
    [' FROM:<>', ''],
    [' FROM:<> BODY=8BITMIME', ''],
    [' FROM: <spaced@shop.test>', 'spaced@shop.test'],
    [' FROM:bare@shop.test', 'bare@shop.test'],
    [' from:<LOWER@Shop.TEST> SIZE=100 BODY=8BITMIME', 'LOWER@shop.test'],
    [' FROM:<a@shop.test> FOO=BAR', 'a@shop.test'],
    [' FROM:<"john smith"@Shop.TEST>', '"john smith"@shop.test'],
    [' FROM:<"a\\"b"@shop.test>', '"a\\"b"@shop.test'],
    [' FROM:<nodomain>', 'address'],
    [' FROM:<Postmaster>', 'address'],
    [' FROM:<a@@b.test>', 'address'],
    [' FROM:<a@b.test', 'address'],
    [' FROM:<a b@c.test>', 'address'],
    [' FROM:<a@shop.test:2525>', 'address'],
    [' FROM:<@>', 'address'],
    [' FROM:<a@b.test>junk', 'address'],
    [' FROM:<a@b.test> =x', 'address'],
    [' FROM:<grün@münchen.de>', 'grün@xn--mnchen-3ya.de'],
  ])('reads "MAIL%s"', (text, wanted) => {
    expect(email(parseMailArgument(text))).toBe(wanted);
  });

  test('keeps parameters by upper-case name', () => {
    const argument = parseMailArgument(' FROM:<a@b.test> size=100 SMTPUTF8');
    expect(typeof argument === 'string' ? argument : [...argument.params]).toEqual([
      ['SIZE', '100'],
      ['SMTPUTF8', null],
    ]);
  });
});

describe('parseRcptArgument()', () => {
  test.each([
    ['', 'syntax'],
    [' TO', 'syntax'],
    [' TO:', 'syntax'],
    [' FROM:<a@dest.test>', 'syntax'],
    [' TO:<>', 'address'],
    [' TO:<nodomain>', 'address'],
    [' TO:<a@dest.test:2025>', 'address'],
    [' TO:<a@dest..test>', 'address'],
    [' TO:<.a@dest.test>', 'address'],
    [' TO:<a.@dest.test>', 'address'],
    [' TO:<a@-dest.test>', 'address'],
    [' TO:<a@dest-.test>', 'address'],
    [' TO:<a@[::1]>', 'address'],
    [' TO:<a@[1.2.3]>', 'address'],
    [' TO:<a@dest_under.test>', 'a@dest_under.test'],
    [' TO:<a@Dest_Under.test>', 'a@Dest_Under.test'],
    [' TO: <spaced@dest.test>', 'spaced@dest.test'],
    [' TO:bare@dest.test', 'bare@dest.test'],
    [' TO:<postMASTER>', 'Postmaster'],
    [' TO:<@a.test,@b.test:route@dest.test>', 'route@dest.test'],
    [' TO:<@a.test route@dest.test>', 'address'],
    [' TO:<a@dest.test> NOTIFY=NEVER', 'a@dest.test'],
    [' TO:<lit@[192.0.2.9]>', 'lit@[192.0.2.9]'],
    [' TO:<six@[ipv6:2001:DB8:0:0::1]>', 'six@[IPv6:2001:db8::1]'],
    [' TO:<six@[x400:c=us]>', 'six@[x400:c=us]'],
    [' TO:<Mixed.Case@DEST.Test>', 'Mixed.Case@dest.test'],
  ])('reads "RCPT%s"', (text, wanted) => {
    expect(email(parseRcptArgument(text))).toBe(wanted);
  });
});

describe('parseEnvelopeAddress()', () => {
  test('takes quotes off the user and keeps them in the text', () => {
    expect(parseEnvelopeAddress('"info\\@ x"@dest.test')).toEqual({
      email: '"info\\@ x"@dest.test',
      user: 'info@ x',
      domain: 'dest.test',
    });
  });

  test('reads the empty text as the null sender and Postmaster without a domain', () => {
    expect(parseEnvelopeAddress('')).toEqual({ email: '', user: '', domain: '' });
    expect(parseEnvelopeAddress('postmaster')).toEqual({
      email: 'Postmaster',
      user: 'postmaster',
      domain: '',
    });
  });

  test('explains a bad address the way KumoMTA does', () => {
    expect(() => parseEnvelopeAddress('not an address')).toThrow(
      'Error at line 1, expected "Postmaster" but found "not an add":\n' +
        'not an address\n^_____________\n\n' +
        'Error at line 1, in Alt:\nnot an address\n^_____________\n\n',
    );
    expect(() => parseEnvelopeAddress('x@')).toThrow('but found "x@":\nx@\n^_\n\n');
  });

  test('reads back what it wrote, and refuses everything else with one error type', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.emailAddress(), fc.string(), fc.string({ unit: 'binary' })),
        (text) => {
          try {
            const address = parseEnvelopeAddress(text);
            expect(parseEnvelopeAddress(address.email)).toEqual(address);
          } catch (error) {
            expect(error).toBeInstanceOf(AddressSyntaxError);
          }
        },
      ),
      { seed: 5321, numRuns: 500 },
    );
  });
});
