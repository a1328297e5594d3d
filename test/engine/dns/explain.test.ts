/** A lookup told step by step: the places in order, who answered, what the guard refused. */
import { expect, test } from 'vitest';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import { DnsError } from '../../../engine/dns/resolver.ts';
import { SimClock } from '../../support/sim-clock.ts';

const ZONE = '$ORIGIN corp.test.\n@ 600 IN MX 10 mx\nmx IN A 127.0.0.1\nwww IN CNAME mx\n';

function resolver(): LocalResolver {
  return new LocalResolver({
    clock: new SimClock(),
    system: {
      query: (name) => Promise.reject(new DnsError('REFUSED', `guard: ${name} is not open`)),
    },
  });
}

test('explain() says that the guard refused, after which places', async () => {
  const { status, origin, problem, asked } = await resolver().explain('example.com.', 'MX');
  expect({ status, origin, problem }).toEqual({
    status: 'REFUSED',
    origin: 'system',
    problem: 'guard: example.com. is not open',
  });
  expect(asked.map(({ place, said }) => `${place}: ${said}`)).toEqual([
    'this machine’s own names: knows nothing about example.com.',
    'system DNS: guard: example.com. is not open',
  ]);
});

test('explain() names the zone, follows an alias, and says what is not there', async () => {
  const local = resolver();
  local.configureTestResolver([{ zone: ZONE, secure: true }], ['broken.test']);
  const mx = await local.explain('corp.test.', 'MX');
  expect(mx).toMatchObject({ status: 'NOERROR', origin: 'test zone', isSecure: true });
  expect(mx.records.map(({ value, preference }) => [preference, value])).toEqual([
    [10, 'mx.corp.test.'],
  ]);
  const alias = await local.explain('www.corp.test.', 'A');
  expect(alias.records.map(({ type, value }) => `${type} ${value}`)).toEqual([
    'CNAME mx.corp.test.',
    'A 127.0.0.1',
  ]);
  expect((await local.explain('corp.test.', 'TXT')).problem).toMatch(/has no TXT record/);
  expect(await local.explain('elsewhere.test.', 'A')).toMatchObject({
    status: 'NXDOMAIN',
    origin: 'none',
  });
  expect((await local.explain('broken.test.', 'A')).status).toBe('SERVFAIL');
});
