/** Destinations, reverse names and the names of sites. */
import { describe, expect, test } from 'vitest';
import { fqdn, parseDomain, parseHost, reverseName } from '../../../engine/dns/domain-name.ts';
import { DnsError } from '../../../engine/dns/resolver.ts';
import { factorNames } from '../../../engine/dns/site-name.ts';

describe('parseDomain()', () => {
  test.each([
    ['foo.com', { kind: 'name', name: 'foo.com', port: null }],
    ['foo.com:2025', { kind: 'name', name: 'foo.com', port: 2025 }],
    ['foo.com:99999', { kind: 'name', name: 'foo.com:99999', port: null }],
    ['10.0.0.1', { kind: 'name', name: '10.0.0.1', port: null }],
    ['[10.0.0.1]', { kind: 'ip', ip: '10.0.0.1', port: null }],
    ['[10.0.0.1]:2025', { kind: 'ip', ip: '10.0.0.1', port: 2025 }],
    ['[10.0.0.1:2025]', { kind: 'ip', ip: '10.0.0.1', port: 2025 }],
    ['[::1]', { kind: 'ip', ip: '::1', port: null }],
    ['[IPv6:0:0::1]', { kind: 'ip', ip: '::1', port: null }],
    ['[ipv6:::1]', { kind: 'ip', ip: '::1', port: null }],
  ])('%s', (domain, expected) => {
    expect(parseDomain(domain)).toEqual(expected);
  });

  test.each([
    ['[::1]:2025', 'domain_name `[::1]:2025` is a malformed literal domain with no trailing `]`'],
    ['[10.0.0.1:25]:26', 'domain_name `[10.0.0.1:25]:26` is a malformed literal domain'],
    ['[foo:bar]', 'invalid address: `foo:bar`: invalid IP address syntax'],
    ['[mx.test]', 'invalid address: `mx.test`: invalid IP address syntax'],
  ])('refuses %s', (domain, message) => {
    expect(() => parseDomain(domain)).toThrow(message);
    expect(() => parseDomain(domain)).toThrow(DnsError);
  });
});

describe('parseHost()', () => {
  test.each([
    ['host.name', { kind: 'name', name: 'host.name', port: null }],
    ['[10.0.0.1]', { kind: 'ip', ip: '10.0.0.1', port: null }],
    ['10.0.0.1', { kind: 'ip', ip: '10.0.0.1', port: null }],
    ['::1', { kind: 'ip', ip: '::1', port: null }],
    ['[IPv6:::1]', { kind: 'ip', ip: '::1', port: null }],
  ])('%s', (label, expected) => {
    expect(parseHost(label)).toEqual(expected);
  });

  test('does not look for a port inside brackets', () => {
    expect(() => parseHost('[10.0.0.1:2025]')).toThrow('invalid address: `10.0.0.1:2025`');
  });
});

test('fqdn() lower-cases, encodes and ends with one dot', () => {
  expect(['Foo.Com', 'foo.com.', 'München.de', ''].map(fqdn)).toEqual([
    'foo.com.',
    'foo.com.',
    'xn--mnchen-3ya.de.',
    '.',
  ]);
});

test('reverseName() turns addresses around', () => {
  expect(reverseName('192.0.2.1')).toBe('1.2.0.192.in-addr.arpa.');
  expect(reverseName('2001:db8::6')).toBe(
    '6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
  );
  expect(reverseName('foo')).toBeUndefined();
});

describe('factorNames()', () => {
  test.each([
    [['mxa.corp.test.', 'mxb.corp.test.'], '(mxa|mxb).corp.test'],
    [['a.corp.test.', 'c.corp.test.', 'b.corp.test.'], '(a|c|b).corp.test'],
    [
      ['mx1.eu.many.test.', 'mx2.us.many.test.', 'many-backup.test.'],
      '(mx1|mx2)?.(eu|us)?.(many|many-backup).test',
    ],
    [
      [
        'gmail-smtp-in.l.google.com.',
        'alt1.gmail-smtp-in.l.google.com',
        'ALT2.gmail-smtp-in.l.google.com.',
      ],
      '(alt1|alt2)?.gmail-smtp-in.l.google.com',
    ],
    [['a.corp.test.:2525', 'b.corp.test.:2525'], '(a|b).corp.test:2525'],
    [
      ['mta5.am0.yahoodns.net:123', 'mta6.am0.yahoodns.net:123', 'mta7.am0.yahoodns.net:456'],
      '(mta5|mta6|mta7).am0.yahoodns.(net:123|net:456)',
    ],
    [['bare.test.'], 'bare.test'],
    [['.'], ''],
    [[], ''],
  ])('%j', (hosts, site) => {
    expect(factorNames(hosts)).toBe(site);
  });
});
