import { describe, expect, it } from 'vitest';
import { CidrMap, CidrSet, formatNetwork, parseNetwork } from '../../../engine/base/cidr.ts';
import { formatIp, parseIp, splitIpPort } from '../../../engine/base/ip.ts';
import type { Ip } from '../../../engine/base/ip.ts';

const ip = (text: string): Ip => parseIp(text) as Ip;

describe('parseIp()', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['2001:DB8:0:0:0:0:0:5', '2001:db8::5'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ])('prints %s canonically', (text, canonical) => {
    expect(formatIp(ip(text))).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.04',
    '256.0.0.1',
    '1::2::3',
    ':1',
    '1:2:3:4:5:6:7',
    'x',
    '1.2.3.4::',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

describe('splitIpPort()', () => {
  it('takes a port off addresses of both families', () => {
    expect(splitIpPort('192.0.2.1:25')).toEqual({ ip: '192.0.2.1', port: 25 });
    expect(splitIpPort('[2001:db8::5]:25')).toEqual({ ip: '2001:db8::5', port: 25 });
    expect(splitIpPort('[2001:db8::5]')).toEqual({ ip: '2001:db8::5', port: null });
    expect(splitIpPort('host:25')).toBeUndefined();
    expect(splitIpPort('192.0.2.1:99999')).toBeUndefined();
  });
});

describe('parseNetwork()', () => {
  it.each([
    [
      'nonsense',
      "nonsense is not a valid CIDR: couldn't parse address in network: invalid IP address syntax",
    ],
    [
      '10.0.0.1/24',
      '10.0.0.1/24 is not a valid CIDR: host part of address was not zero. Did you mean 10.0.0.0/24?',
    ],
    [
      '10.0.0.0/x',
      "10.0.0.0/x is not a valid CIDR: couldn't parse length in network: invalid digit found in string",
    ],
  ])('explains %s', (text, message) => {
    expect(() => parseNetwork(text)).toThrow(message);
  });

  it('prints hosts without a length', () => {
    expect(formatNetwork(parseNetwork('10.1.2.3/32'))).toBe('10.1.2.3');
    expect(formatNetwork(parseNetwork('[2001:db8::]:25'))).toBe('2001:db8::');
    expect(formatNetwork(parseNetwork('2001:db8::/32'))).toBe('2001:db8::/32');
  });
});

describe('CidrMap', () => {
  it('lets a later insertion replace what it overlaps', () => {
    const map = new CidrMap<string>();
    map.set(parseNetwork('10.0.0.0/8'), 'ten');
    map.set(parseNetwork('10.1.0.0/16'), 'inner');
    expect([map.get(ip('10.1.9.9')), map.get(ip('10.2.0.1')), map.get(ip('11.0.0.1'))]).toEqual([
      'inner',
      'ten',
      undefined,
    ]);
    map.set(parseNetwork('10.0.0.0/8'), 'all');
    expect(map.get(ip('10.1.9.9'))).toBe('all');
  });

  it('keeps the families apart, down to the last bit', () => {
    const map = new CidrMap<number>();
    map.set(parseNetwork('0.0.0.1'), 4);
    map.set(parseNetwork('::1'), 6);
    expect([map.get(ip('0.0.0.1')), map.get(ip('::1')), map.get(ip('0.0.0.0'))]).toEqual([
      4,
      6,
      undefined,
    ]);
  });
});

describe('CidrSet', () => {
  it('merges neighbours in its debug form', () => {
    const set = new CidrSet(['127.0.0.0/8', '::1', '0.0.0.0', '::']);
    expect(set.debug()).toBe('{"0.0.0.0", "127.0.0.0/8", "::/127"}');
    expect(set.contains('127.1.2.3')).toBe(true);
    expect(set.contains('::1')).toBe(true);
    expect(set.contains('::2')).toBe(false);
    expect(set.contains('mail.example')).toBe(false);
  });

  it('names every entry that is wrong', () => {
    expect(() => new CidrSet(['10.0.0.1/8', '10.0.0.0/8', 'x'])).toThrow(
      '10.0.0.1/8 is not a valid CIDR: host part of address was not zero. Did you mean 10.0.0.0/8?, ' +
        "x is not a valid CIDR: couldn't parse address in network: invalid IP address syntax",
    );
  });

  it('takes everything with a zero prefix', () => {
    const set = new CidrSet(['0.0.0.0/0']);
    expect(set.contains('255.255.255.255')).toBe(true);
    expect(set.contains('::1')).toBe(false);
  });
});
