/** The plan of a session: order, ports, and the four ways in which it fails everything at once. */
import { describe, expect, test } from 'vitest';
import { CidrSet } from '../../../engine/base/cidr.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { PlanFailure } from '../../../engine/delivery/deliverer.ts';
import type { SmtpSessionSettings } from '../../../engine/delivery/deliverer.ts';
import { makePlan } from '../../../engine/delivery/smtp-plan.ts';
import { mxListSite, parseMxListEntry } from '../../../engine/delivery/smtp-target.ts';
import { LocalResolver } from '../../../engine/dns/local-resolver.ts';
import type { RecordSource } from '../../../engine/dns/records.ts';
import { DnsError } from '../../../engine/dns/resolver.ts';
import type { MxListEntry } from '../../../engine/policy/settings.ts';
import { testPath, testSource } from '../../support/delivery.ts';

const ZONES = [
  `$ORIGIN corp.test.
@ 600 MX 10 a.corp.test.
@ 600 MX 10 b.corp.test.
@ 600 MX 20 c.corp.test.
@ 600 MX 30 gone.corp.test.
a 600 A 127.0.0.10
a 600 A 127.0.0.11
b 600 A 127.0.0.12
c 600 A 127.0.0.20
c 600 AAAA ::20
`,
  `$ORIGIN bare.test.
@ 600 A 127.0.0.30
`,
  `$ORIGIN nomail.test.
@ 600 MX 0 .
`,
];

function resolver(servfail: string[] = []): LocalResolver {
  const local = new LocalResolver({ clock: new SystemClock(), system: null });
  local.configureTestResolver(
    ZONES.map((zone) => ({ zone, secure: zone.includes('corp') })),
    servfail,
  );
  return local;
}

function settings(fields: Partial<SmtpSessionSettings> = {}): SmtpSessionSettings {
  return {
    sessionId: 's',
    readyQueue: 'unspecified->site@smtp_client',
    domain: 'corp.test',
    routingDomain: null,
    tenant: null,
    campaign: null,
    mxList: [],
    source: testSource(),
    path: testPath(),
    ...fields,
  };
}

function named(...labels: string[]): MxListEntry[] {
  return labels.map((label) => ({ kind: 'name', label }));
}

async function plan(fields: Partial<SmtpSessionSettings>, seed = 1): Promise<string[]> {
  const { candidates } = await makePlan(settings(fields), resolver(), new SeededRandom(seed));
  return candidates.map(
    ({ address, port, rule }) => `${address.name} ${address.ip} ${port} ${rule}`,
  );
}

async function failure(
  fields: Partial<SmtpSessionSettings>,
  local = resolver(),
): Promise<PlanFailure> {
  const made = makePlan(settings(fields), local, new SeededRandom(1));
  const error: unknown = await made.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(PlanFailure);
  return error as PlanFailure;
}

describe('makePlan() from MX', () => {
  test('goes by preference, shuffles inside one, skips hosts without address', async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const order = await plan({}, seed);
      expect(order.slice(3).sort()).toEqual([
        'c.corp.test. 127.0.0.20 25 smtp_port',
        'c.corp.test. ::20 25 smtp_port',
      ]);
      orders.add(order.slice(0, 3).join('|'));
    }
    // Three addresses in the best preference: all six orders turn up.
    expect(orders.size).toBe(6);
  });

  test('pins the port of the queue domain, and takes literals as they are', async () => {
    expect(await plan({ domain: 'bare.test:2525' })).toEqual(['bare.test. 127.0.0.30 2525 entry']);
    expect(await plan({ routingDomain: '[127.0.0.1]:26' })).toEqual([
      '127.0.0.1 127.0.0.1 26 entry',
    ]);
    expect(await plan({ routingDomain: '[127.0.0.1:27]' })).toEqual([
      '127.0.0.1 127.0.0.1 27 entry',
    ]);
    expect(await plan({ domain: '[::1]' })).toEqual(['::1 ::1 25 smtp_port']);
  });

  test('says who answered and vouches for signed zones', async () => {
    const made = await makePlan(settings(), resolver(), new SeededRandom(1));
    expect(made.candidates[0]?.address.isSecure).toBe(true);
    expect(made.details).toMatchObject({
      lookups: expect.arrayContaining([
        'MX of corp.test.: test zone corp.test',
        'b.corp.test.: 127.0.0.12 (test zone corp.test)',
        'gone.corp.test.: no address (test zone corp.test)',
      ]) as unknown,
    });
  });

  test('follows the address strategy', async () => {
    const path = testPath({ ipLookupStrategy: 'Ipv6Only' });
    expect(await plan({ path })).toEqual(['c.corp.test. ::20 25 smtp_port']);
  });
});

describe('makePlan() from an mx_list', () => {
  test('keeps the order and understands every form', async () => {
    const mxList: MxListEntry[] = [
      ...named('bare.test', 'c.corp.test:2026', '[127.0.0.3]', '127.0.0.4:2027', '::1'),
      { kind: 'resolved', name: 'mx.example.test', addr: '127.0.0.5' },
      { kind: 'resolved', name: 'six.example.test', addr: '[::1]:2028' },
      { kind: 'resolved', name: 'lmtp', addr: '/run/lmtp.sock' },
      ...named('/run/other.sock', 'missing.corp.test', 'nowhere.else'),
    ];
    expect(await plan({ mxList })).toEqual([
      'bare.test 127.0.0.30 25 smtp_port',
      'c.corp.test 127.0.0.20 2026 entry',
      'c.corp.test ::20 2026 entry',
      '[127.0.0.3] 127.0.0.3 25 smtp_port',
      '127.0.0.4 127.0.0.4 2027 entry',
      '::1 ::1 25 smtp_port',
      'mx.example.test 127.0.0.5 25 smtp_port',
      'six.example.test ::1 2028 entry',
      'lmtp /run/lmtp.sock 25 smtp_port',
      '/run/other.sock /run/other.sock 25 smtp_port',
    ]);
  });

  test('remote_port of the source wins', async () => {
    const source = testSource({ remotePort: 2099 });
    expect(await plan({ mxList: named('[127.0.0.1]:26', 'bare.test'), source })).toEqual([
      '[127.0.0.1] 127.0.0.1 2099 remote_port',
      'bare.test 127.0.0.30 2099 remote_port',
    ]);
  });

  test.each([
    ['[::1]:25', 'domain_name `[::1]:25` is a malformed literal domain with no trailing `]`'],
    ['[127.0.0.1:25]', 'invalid address: `127.0.0.1:25`: invalid IP address syntax'],
  ])('cannot be made with %s', async (label, message) => {
    await expect(plan({ mxList: named(label) })).rejects.toThrow(message);
    await expect(plan({ mxList: named(label) })).rejects.toBeInstanceOf(DnsError);
  });

  test('refuses a name where an address belongs', () => {
    const entry: MxListEntry = { kind: 'resolved', name: 'a', addr: 'mx.test:25' };
    expect(() => parseMxListEntry(entry)).toThrow('invalid address: `mx.test:25`');
  });
});

test('mxListSite() takes labels as written and addresses of tables', () => {
  const mxList: MxListEntry[] = [
    ...named('[127.0.0.1]:25', 'smart.host'),
    { kind: 'resolved', name: 'mx', addr: '127.0.0.2:26' },
  ];
  expect(mxListSite(mxList)).toBe('mx_list:[127.0.0.1]:25,smart.host,127.0.0.2:26');
});

describe('PlanFailure', () => {
  test('a null MX bounces', async () => {
    expect(await failure({ domain: 'nomail.test' })).toMatchObject({
      kind: 'bounced',
      reason: 'FailedDueToNullMx',
      reply: {
        code: 556,
        enhanced: { class: 5, subject: 1, detail: 10 },
        text: 'Recipient address has a null MX',
        command: null,
      },
    });
  });

  test('no host at all is deferred, lookup errors included', async () => {
    const expected = {
      kind: 'deferred',
      reason: 'MxResolvedToZeroHosts',
      reply: { code: 451, text: "MX didn't resolve to any hosts" },
    };
    expect(await failure({ mxList: named('missing.corp.test') })).toMatchObject(expected);
    const broken = resolver(['bare.test']);
    expect(await failure({ mxList: named('bare.test') }, broken)).toMatchObject(expected);
    expect(await failure({ domain: 'bare.test' }, broken)).toMatchObject(expected);
    expect(await failure({ domain: 'vanished.elsewhere' })).toMatchObject(expected);
  });

  test('one prohibited address bounces, and the set is printed', async () => {
    const path = testPath({
      prohibitedHosts: new CidrSet(['127.0.0.0/8', '::1', '0.0.0.0', '::']),
    });
    const mxList: MxListEntry[] = [
      { kind: 'resolved', name: 'far.test', addr: '192.0.2.1' },
      { kind: 'resolved', name: 'mx1.sink.test', addr: '127.0.0.1:2525' },
    ];
    expect(await failure({ mxList, path })).toMatchObject({
      kind: 'bounced',
      reason: 'MxWasProhibited',
      reply: {
        code: 550,
        enhanced: { class: 5, subject: 4, detail: 4 },
        text: 'mx1.sink.test/127.0.0.1:2525 is on the list of prohibited_hosts {"0.0.0.0", "127.0.0.0/8", "::/127"}',
      },
    });
    expect((await failure({ path, domain: 'bare.test' })).reply.text).toMatch(
      /^bare\.test\.\/127\.0\.0\.30 is on the list/,
    );
  });

  test('hosts to skip are left out; when all are, the mail waits', async () => {
    const path = testPath({ skipHosts: new CidrSet(['127.0.0.2/32']) });
    expect(await plan({ mxList: named('127.0.0.2', '127.0.0.3'), path })).toEqual([
      '127.0.0.3 127.0.0.3 25 smtp_port',
    ]);
    expect(await failure({ mxList: named('127.0.0.2'), path })).toMatchObject({
      kind: 'deferred',
      reason: 'MxWasSkipped',
      reply: {
        code: 451,
        enhanced: { class: 4, subject: 4, detail: 4 },
        text: 'KumoMTA internal: MX consisted solely of hosts on the skip_hosts list',
      },
    });
  });

  test('a name that may not be asked for says which', async () => {
    const system: RecordSource = {
      query: (name) =>
        Promise.reject(new DnsError('REFUSED', `guard: ${name.replace(/\.$/, '')} is not open`)),
    };
    const closed = new LocalResolver({ clock: new SystemClock(), system });
    const expected = {
      kind: 'deferred',
      reply: {
        code: 451,
        enhanced: { class: 4, subject: 7, detail: 1 },
        text: 'guard: smtp.example.com is not open',
      },
    };
    expect(await failure({ mxList: named('smtp.example.com:587') }, closed)).toMatchObject(
      expected,
    );
    expect(await failure({ domain: 'smtp.example.com' }, closed)).toMatchObject(expected);
  });
});
