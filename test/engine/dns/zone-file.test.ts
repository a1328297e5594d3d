/** Zone files: every form of RFC 1035 §5 that is read, and errors with their line. */
import { describe, expect, test } from 'vitest';
import { parseZone } from '../../../engine/dns/zone-file.ts';
import { ZoneSyntaxError } from '../../../engine/dns/zone-lexer.ts';

function recordsOf(text: string): string[] {
  const zone = parseZone(text);
  return [...zone.records.values()]
    .flat()
    .map(
      (r) =>
        `${r.name} ${r.ttlMs / 1000} ${r.type} ${r.type === 'MX' ? `${r.preference} ` : ''}${r.value}`,
    );
}

describe('parseZone()', () => {
  test('reads owners, origins, times and classes in every order', () => {
    const text = `
$ORIGIN Corp.Test.
$TTL 1h
@        MX 10 a            ; relative
         600 IN MX 20 b.corp.test.
a        IN 1h30m A 192.0.2.10
         AAAA 2001:DB8:0:0::6
www 60   CNAME @
$ORIGIN sub.corp.test.
deep     A 192.0.2.11
1.2.0.192.in-addr.arpa. PTR deep
`;
    expect(recordsOf(text)).toEqual([
      'corp.test. 3600 MX 10 a.corp.test.',
      'corp.test. 600 MX 20 b.corp.test.',
      'a.corp.test. 5400 A 192.0.2.10',
      'a.corp.test. 3600 AAAA 2001:db8::6',
      'www.corp.test. 60 CNAME corp.test.',
      'deep.sub.corp.test. 3600 A 192.0.2.11',
      '1.2.0.192.in-addr.arpa. 3600 PTR deep.sub.corp.test.',
    ]);
    expect(parseZone(text).origins).toEqual(['corp.test.']);
  });

  test('joins parentheses, quoted texts and escapes', () => {
    const text = `$ORIGIN a.test.
@ SOA ns.a.test. admin.a.test. ( 2026010100 ; serial
      7200 3600
      1209600 300 )
@ NS ns
@ TXT "one two; not a comment" three
  TXT ( "v=spf1 "
        "-all" )
q TXT "say \\"hi\\" \\065"
n MX 0 .
s SRV 0 0 25 mx`;
    expect(recordsOf(text)).toEqual([
      'a.test. 3600 SOA ns.a.test.',
      'a.test. 3600 NS ns.a.test.',
      'a.test. 3600 TXT one two; not a commentthree',
      'a.test. 3600 TXT v=spf1 -all',
      'q.a.test. 3600 TXT say "hi" A',
      'n.a.test. 3600 MX 0 .',
    ]);
  });

  test('takes the origin from its options and knows several zones in one text', () => {
    expect(parseZone('@ A 127.0.0.1', { origin: 'Bare.Test' }).origins).toEqual(['bare.test.']);
    const two = parseZone('$ORIGIN a.test.\n@ A 127.0.0.1\n$ORIGIN b.test.\n@ A 127.0.0.2\n');
    expect(two.origins).toEqual(['a.test.', 'b.test.']);
    expect(parseZone('$ORIGIN a.test.').origins).toEqual(['a.test.']);
  });

  test.each([
    ['$ORIGIN a.test.\n\nx AX 1.2.3.4', 3, 'found AX, expected a record type (A, AAAA'],
    ['$ORIGIN a.test.\nx A 1.2.3', 2, 'found A 1.2.3, expected one IPv4 address'],
    ['$ORIGIN a.test.\nx AAAA 1.2.3.4', 2, 'expected one IPv6 address'],
    ['$ORIGIN a.test.\nx MX mail', 2, 'expected MX PREFERENCE HOST'],
    ['$ORIGIN a.test.\nx 12q A 1.2.3.4', 2, 'found 12q, expected a time'],
    ['$ORIGIN a.test.\nx TXT ( "a"\n', 2, 'found an open (, expected its )'],
    ['$ORIGIN a.test.\n\nx TXT "a\nb TXT c', 3, 'found an open quote'],
    ['$ORIGIN a.test.\nx TXT a )', 2, 'found a lone )'],
    ['x A 127.0.0.1', 1, 'found the relative name x, expected an $ORIGIN line before it'],
    [' A 127.0.0.1', 1, 'found a record without owner'],
    ['$INCLUDE other', 1, 'found $INCLUDE other, expected $ORIGIN NAME or $TTL TIME'],
    ['; nothing', 1, 'found no $ORIGIN'],
    ['$ORIGIN a.test.\nx', 2, 'found nothing, expected a record type'],
  ])('says where and what: %j', (text, line, message) => {
    let error: unknown;
    try {
      parseZone(text, { file: 'a.zone' });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ZoneSyntaxError);
    expect(error).toMatchObject({ file: 'a.zone', line });
    expect((error as Error).message).toContain(`Cannot read zone a.zone:${line}: `);
    expect((error as Error).message).toContain(message);
  });
});
