/** The resolver against test zones: what the recorded api-dns run says, and the order of sources. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import type { RecordSource } from '../../../engine/dns/records.ts';
import { DnsError } from '../../../engine/dns/resolver.ts';
import { ZonesFolder } from '../../../engine/dns/zones-folder.ts';

const clock = new SystemClock({ keepAlive: false });

const CORP = `
$ORIGIN corp.test.
@ 600 MX 20 b.corp.test.
@ 600 MX 10 c.corp.test.
@ 600 MX 10 A.corp.test.
@ 600 TXT "one two"
a 600 A 192.0.2.10
b 600 A 192.0.2.11
six 600 AAAA 2001:db8::6
six 600 A 192.0.2.66
alias 600 CNAME a
twice 600 CNAME alias
away 600 CNAME mx1.eu.many.test.
gone 600 CNAME nowhere.else.
$ORIGIN 2.0.192.in-addr.arpa.
10 600 PTR a.corp.test.
`;
const MANY = `
$ORIGIN many.test.
@ 600 MX 10 mx1.eu.many.test.
@ 600 MX 10 mx2.us.many.test.
@ 600 MX 20 many-backup.test.
mx1.eu 600 A 192.0.2.71
null 600 MX 0 .
`;

function resolverWith(servfail: string[] = []): LocalResolver {
  const resolver = new LocalResolver({ clock, system: null });
  const zones = [
    { zone: CORP, secure: false },
    { zone: MANY, secure: true },
  ];
  resolver.configureTestResolver(zones, servfail);
  return resolver;
}

describe('lookupMx()', () => {
  test('sorts hosts and names the site', async () => {
    expect(await resolverWith().lookupMx('Corp.Test')).toEqual({
      domainName: 'corp.test.',
      hosts: ['a.corp.test.', 'c.corp.test.', 'b.corp.test.'],
      siteName: '(a|c|b).corp.test',
      byPreference: new Map([
        [10, ['a.corp.test.', 'c.corp.test.']],
        [20, ['b.corp.test.']],
      ]),
      isDomainLiteral: false,
      isSecure: false,
      isMx: true,
      answeredBy: 'test zone corp.test',
    });
    expect(await resolverWith().lookupMx('many.test')).toMatchObject({
      siteName: '(mx1|mx2)?.(eu|us)?.(many|many-backup).test',
      isSecure: true,
    });
  });

  test('stands for itself without MX, and keeps a port on every host', async () => {
    const resolver = resolverWith();
    expect(await resolver.lookupMx('a.corp.test')).toMatchObject({
      hosts: ['a.corp.test.'],
      siteName: 'a.corp.test',
      byPreference: new Map([[1, ['a.corp.test.']]]),
      isMx: false,
      isSecure: false,
    });
    expect(await resolver.lookupMx('corp.test:2525')).toMatchObject({
      hosts: ['a.corp.test.:2525', 'c.corp.test.:2525', 'b.corp.test.:2525'],
      siteName: '(a|c|b).corp.test:2525',
    });
    expect(await resolver.lookupMx('missing.corp.test')).toMatchObject({ isMx: false });
  });

  test('answers literals itself', async () => {
    const resolver = resolverWith();
    expect(await resolver.lookupMx('[192.0.2.1]')).toMatchObject({
      hosts: ['192.0.2.1'],
      siteName: '192.0.2.1',
      isDomainLiteral: true,
      isMx: false,
      answeredBy: 'address literal',
    });
    for (const domain of ['[127.0.0.1]:2525', '[127.0.0.1:2525]']) {
      expect(await resolver.lookupMx(domain)).toMatchObject({
        hosts: ['127.0.0.1:2525'],
        siteName: '127.0.0.1:2525',
      });
    }
  });

  test('tells a null MX', async () => {
    expect(await resolverWith().lookupMx('null.many.test')).toMatchObject({
      hosts: ['.'],
      siteName: '',
      isMx: true,
    });
  });

  test('says NXDOMAIN outside of all zones, with the time it took', async () => {
    const lookup = resolverWith().lookupMx('unknown-zone.test:26');
    await expect(lookup).rejects.toThrow(
      /^MX lookup for unknown-zone\.test failed after [\d.]+(ns|µs|ms): NXDOMAIN$/,
    );
    await expect(lookup).rejects.toMatchObject({ code: 'NXDOMAIN' });
    await expect(lookup).rejects.toBeInstanceOf(DnsError);
  });

  test('takes SERVFAIL for no MX', async () => {
    const resolver = resolverWith(['corp.test', 'a.corp.test.']);
    expect(await resolver.lookupMx('corp.test')).toMatchObject({
      hosts: ['corp.test.'],
      isMx: false,
    });
    await expect(resolver.lookupAddr('a.corp.test')).rejects.toMatchObject({ code: 'SERVFAIL' });
  });
});

describe('lookupAddr()', () => {
  test('gives IPv4 first, nothing for a missing name, literals as they are', async () => {
    const resolver = resolverWith();
    expect(await resolver.lookupAddr('a.corp.test')).toEqual(['192.0.2.10']);
    expect(await resolver.lookupAddr('SIX.corp.test.')).toEqual(['192.0.2.66', '2001:db8::6']);
    expect(await resolver.lookupAddr('missing.corp.test')).toEqual([]);
    expect(await resolver.lookupAddr('missing.elsewhere')).toEqual([]);
    expect(await resolver.lookupAddr('[10.0.0.1]')).toEqual(['10.0.0.1']);
    expect(await resolver.lookupAddr('::1')).toEqual(['::1']);
  });

  test('follows its strategy', async () => {
    const resolver = resolverWith();
    const six = 'six.corp.test';
    expect(await resolver.lookupAddr(six, 'Ipv4Only')).toEqual(['192.0.2.66']);
    expect(await resolver.lookupAddr(six, 'Ipv6Only')).toEqual(['2001:db8::6']);
    expect(await resolver.lookupAddr(six, 'Ipv6ThenIpv4')).toEqual(['2001:db8::6']);
    expect(await resolver.lookupAddr(six, 'Ipv4ThenIpv6')).toEqual(['192.0.2.66']);
    expect(await resolver.lookupAddr('a.corp.test', 'Ipv6ThenIpv4')).toEqual(['192.0.2.10']);
  });

  test('follows one alias and not a second one', async () => {
    const resolver = resolverWith();
    expect(await resolver.lookupAddr('alias.corp.test')).toEqual(['192.0.2.10']);
    expect(await resolver.lookupAddr('twice.corp.test')).toEqual([]);
    expect(await resolver.lookupHost('away.corp.test', 'Ipv4Only')).toEqual({
      addresses: ['192.0.2.71'],
      answeredBy: 'test zone corp.test, test zone many.test',
    });
    expect(await resolver.lookupAddr('gone.corp.test')).toEqual([]);
  });
});

test('lookupTxt() and lookupPtr() give lists', async () => {
  const resolver = resolverWith();
  expect(await resolver.lookupTxt('corp.test')).toEqual(['one two']);
  expect(await resolver.lookupTxt('nowhere.else')).toEqual([]);
  expect(await resolver.lookupPtr('192.0.2.10')).toEqual(['a.corp.test.']);
  expect(await resolver.lookupPtr('[192.0.2.11]')).toEqual([]);
  await expect(resolver.lookupPtr('a.corp.test')).rejects.toMatchObject({ code: 'MALFORMED' });
});

test('configureTestResolver() replaces zones, and keeps the old ones when a new one is bad', async () => {
  const resolver = resolverWith();
  const bad = [{ zone: '$ORIGIN b.test.\n@ A nonsense', secure: false }];
  expect(() => resolver.configureTestResolver(bad, [])).toThrow('Cannot read zone text:2');
  expect(await resolver.lookupAddr('a.corp.test')).toEqual(['192.0.2.10']);
  resolver.configureTestResolver([{ zone: '$ORIGIN b.test.\n@ A 192.0.2.9', secure: false }], []);
  expect(await resolver.lookupAddr('a.corp.test')).toEqual([]);
  expect(await resolver.lookupAddr('b.test')).toEqual(['192.0.2.9']);
});

describe('order of sources', () => {
  const system: RecordSource = {
    query: async (name, type) => {
      if (name.startsWith('closed.')) throw new DnsError('REFUSED', `guard: ${name} is not open`);
      const record = { name, type, ttlMs: 1000, value: '192.0.2.200', preference: 0 };
      const records = type === 'A' ? [record] : [];
      return { status: 'NOERROR', records, isSecure: false, answeredBy: 'system' };
    },
  };

  test('zones of the workspace come first, the system last, test zones replace the system', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postyard-zones-'));
    writeFileSync(
      join(folder, 'shop.test.zone'),
      '@ A 127.0.0.1\n*.box A 127.0.0.3\nx.box TXT hi\n',
    );
    const hostsPath = join(folder, 'hosts');
    writeFileSync(hostsPath, '127.0.0.1 localhost\n127.0.0.4 mailhog Mail.Local # box\nbad line\n');
    const zonesFolder = await ZonesFolder.open(folder, null);
    const resolver = new LocalResolver({ clock, zonesFolder, hostsPath, system });
    const from = async (name: string): Promise<unknown> => {
      const { addresses, answeredBy } = await resolver.lookupHost(name, 'Ipv4Only');
      return [...addresses, answeredBy];
    };
    expect(await from('shop.test')).toEqual(['127.0.0.1', 'zones/shop.test.zone']);
    expect(await from('a.b.box.shop.test')).toEqual(['127.0.0.3', 'zones/shop.test.zone']);
    expect(await from('x.box.shop.test')).toEqual(['zones/shop.test.zone']);
    expect(await from('mailhog')).toEqual(['127.0.0.4', 'hosts file']);
    expect(await from('mail.local')).toEqual(['127.0.0.4', 'hosts file']);
    expect(await from('app.localhost')).toEqual(['127.0.0.1', 'this machine']);
    expect(await from('example.com')).toEqual(['192.0.2.200', 'system']);
    expect(await resolver.lookupPtr('127.0.0.1')).toEqual(['localhost.']);
    await expect(resolver.lookupAddr('closed.test')).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(resolver.lookupMx('closed.test')).rejects.toMatchObject({ code: 'REFUSED' });
    expect(await resolver.lookupTxt('closed.test')).toEqual([]);
    resolver.configureTestResolver([{ zone: CORP, secure: false }], []);
    expect(await from('shop.test')).toEqual(['127.0.0.1', 'zones/shop.test.zone']);
    expect(await from('example.com')).toEqual(['no zone has this name']);
    await zonesFolder.close();
    rmSync(folder, { recursive: true });
  });
});
