import { expect, it } from 'vitest';
import { LocalResolver } from '../../../../engine/dns/local-resolver.ts';
import { dnsBindings } from '../../../../engine/policy/bindings/dns.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const run = (code: string): Promise<string[]> => {
  const { clock } = fakeDeps();
  const resolver = new LocalResolver({ clock, system: null });
  return traceLua([dnsBindings(fakeDeps({ resolver }))], code);
};

const CORP = `kumo.dns.configure_test_resolver { [[
$ORIGIN corp.test.
@ 600 MX 20 b.corp.test.
@ 600 MX 10 c.corp.test.
@ 600 MX 10 a.corp.test.
@ 600 TXT "one two"
a 600 A 192.0.2.10
six 600 AAAA 2001:db8::6
six 600 A 192.0.2.66
]], { zone = [[
$ORIGIN rbl.test.
2.0.0.127 600 A 127.0.0.9
2.0.0.127 600 TXT "listed for tests"
]], secure = true } }
`;

it('looks up exchangers, addresses and texts', async () => {
  expect(
    await run(`${CORP}
      local m = kumo.dns.lookup_mx 'corp.test'
      trace(m.hosts, m.site_name, m.is_mx, m.is_domain_literal, m.domain_name, m.by_pref, m.mta_sts)
      local p = kumo.dns.lookup_mx 'corp.test:2525'
      trace(p.hosts, p.site_name)
      trace(kumo.dns.lookup_addr 'six.corp.test', kumo.dns.lookup_addr('six.corp.test', nil, 'Ipv6Only'), kumo.dns.lookup_addr 'missing.corp.test', kumo.dns.lookup_addr '[10.0.0.1]')
      trace(kumo.dns.lookup_txt 'corp.test')
      try(function() return kumo.dns.lookup_mx 'elsewhere.test' end)
      try(kumo.dns.lookup_addr, 'a.corp.test', nil, 'Ipv5')
    `).then((lines) => lines.map((line) => line.replace(/after \S+:/, 'after X:'))),
  ).toEqual([
    '{1=a.corp.test.,2=c.corp.test.,3=b.corp.test.} (a|c|b).corp.test true false corp.test. {10={1=a.corp.test.,2=c.corp.test.},20={1=b.corp.test.}} nil',
    '{1=a.corp.test.:2525,2=c.corp.test.:2525,3=b.corp.test.:2525} (a|c|b).corp.test:2525',
    '{1=192.0.2.66,2=2001:db8::6} {1=2001:db8::6} {} {1=10.0.0.1}',
    '{1=one two}',
    'error MX lookup for elsewhere.test failed after X: NXDOMAIN',
    'error unknown variant `Ipv5`, expected one of `Ipv4AndIpv6`, `Ipv4Only`, `Ipv6Only`, `Ipv4ThenIpv6`, `Ipv6ThenIpv4`',
  ]);
});

it('asks block lists and turns addresses around', async () => {
  expect(
    await run(`${CORP}
      trace(kumo.dns.rbl_lookup('127.0.0.2:25', 'rbl.test'))
      trace(kumo.dns.rbl_lookup('127.0.0.3', 'rbl.test'))
      trace(kumo.dns.reverse_ip '127.0.0.2', kumo.dns.ptr_host '127.0.0.2')
      trace(kumo.dns.ptr_host '2001:db8::1')
      try(kumo.dns.reverse_ip, 'x')
    `),
  ).toEqual([
    '127.0.0.9 listed for tests',
    'nil nil',
    '2.0.0.127 2.0.0.127.in-addr.arpa',
    '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    'error invalid address: `x`: invalid IP address syntax',
  ]);
});

it('keeps named resolvers apart from the default one', async () => {
  expect(
    await run(`${CORP}
      kumo.dns.define_resolver('mine', { Test = { zones = { '$ORIGIN corp.test.\\n@ 600 TXT "mine"' } } })
      trace(kumo.dns.lookup_txt('corp.test', 'mine'), kumo.dns.lookup_txt 'corp.test')
      try(kumo.dns.lookup_txt, 'corp.test', 'yours')
      kumo.dns.configure_resolver { Hickory = { name_servers = { '10.0.0.1:53' } } }
      try(kumo.dns.configure_resolver, { Bind = {} })
    `),
  ).toEqual([
    '{1=mine} {1=one two}',
    'error resolver yours is not defined',
    'error unknown variant `Bind`, expected one of `Hickory`, `HickorySystemConfig`, `Unbound`, `Test`, `Aggregate`',
  ]);
});
