/**
 * Goal: a route and its Lua do the same. Random lists of routes and messages go through the overlay
 * and, in strict mode, through the policy that "as Lua" writes; queue, reply, configuration of the
 * queue and of the path have to be equal.
 */
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { mxListSite } from '../../../engine/delivery/smtp-target.ts';
import { ROUTE_META } from '../../../engine/mail/message.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { parseQueueName } from '../../../engine/mail/queue-name.ts';
import { PolicyReject } from '../../../engine/policy/events.ts';
import { asLua } from '../../../engine/routes/as-lua.ts';
import { RouteOverlay } from '../../../engine/routes/route-overlay.ts';
import type { Route } from '../../../engine/routes/route.ts';
import { TestPolicy, connectionMeta } from '../../support/policy.ts';
import { messageOf, routeOf } from './route-fixtures.ts';
import type { MessageWords } from './route-fixtures.ts';

const farEnd = (name: string): string | null => (name === 'greylist' ? '127.0.0.1:2526' : null);
const around = { farEnd, siteOf: mxListSite, handled: new Set<string>() };
const trace = { elapsedMs: () => 0, add: () => {} };

const overlay = new RouteOverlay({
  farEnd,
  siteOf: mxListSite,
  env: (name) => process.env[name],
  onDecided: () => {},
});
const policy = await TestPolicy.load('');
afterAll(() => policy[Symbol.asyncDispose]());

const domains = ['example.com', 'mx.example.com', 'shop.test', 'localhost', 'EXAMPLE.com'];
const addresses = ['alice@example.com', 'bob+x@mx.example.com', 'al%b@shop.test', 'vip@localhost'];
const globs = fc.constantFrom(
  ...['*', '*.com', '*example.com', 'alice@*', '*@shop.test', 'a*', '?l*', 'acme', 'ac-me', '<>'],
  ...['bob+x@*', 'al%b@*', 'localhost', 'smart', '1', 'true', 'c:*', '*!smart', 'zwei ü*'],
);
const globList = fc.oneof(globs, fc.array(globs, { minLength: 1, maxLength: 2 }));
/** Mostly absent when rare, else every second time. */
const some = <T>(value: fc.Arbitrary<T>, rare = 0) =>
  fc.oneof(
    { weight: rare * 4 + 2, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: value },
  );

const match = fc.record({
  ...{ recipient: some(globList, 1), domain: some(globList), sender: some(globList, 1) },
  ...{ senderDomain: some(globList, 1), tenant: some(globList), campaign: some(globList, 1) },
  ...{ routingDomain: some(globList, 1), queue: some(globList, 1) },
  header: some(fc.record({ 'X-Kind': globList }), 1),
  meta: some(fc.record({ kind: globList }), 1),
});
const to = fc.constantFrom<Route['to']>(
  { kind: 'null' },
  { kind: 'reject', code: 550, text: "5.7.1 it's not today" },
  { kind: 'queue', name: 'c:acme@elsewhere.example!smart' },
  { kind: 'routingDomain', domain: 'smart' },
  { kind: 'routingDomain', domain: 'relay.example.net', port: 2525, tls: 'Required' },
  { kind: 'mxList', hosts: ['smart.host.local:2025', { name: 'mx', addr: '10.0.0.1:25' }] },
  {
    kind: 'mxList',
    hosts: ['[127.0.0.1]:2540'],
    auth: { username: "o'neil", password: 'pa\\ss', withoutTls: true },
  },
  { kind: 'farEnd', name: 'greylist', tls: 'Disabled' },
  { kind: 'maildir', path: 'mail/{{ domain_part }}/{{ local_part }}', dirMode: '755' },
  { kind: 'customLua', event: 'make.webhook' },
);
const routes = fc.array(
  fc.record({
    ...{ match, to, enabled: fc.boolean(), overwrite: some(fc.constant(true), 1) },
    retryInterval: some(fc.constant('5m'), 1),
    maxAge: some(fc.constant('4h'), 1),
  }),
  { minLength: 1, maxLength: 5 },
);
const message = fc.record({
  from: fc.constantFrom('', ...addresses),
  to: fc.array(fc.constantFrom(...addresses), { minLength: 1, maxLength: 2 }),
  header: fc.constantFrom([], ['X-Kind: acme'], ['X-Kind: a', 'x-kind: =?utf-8?q?zwei_=C3=BC3?=']),
  meta: fc.constantFrom<NonNullable<MessageWords['meta']>>(
    ...[{}, { tenant: 'acme' }, { tenant: 'ac-me', campaign: 'c' }, { kind: 1 }, { kind: true }],
    ...[{ routing_domain: 'smart' }, { queue: 'webhook' }, { queue: 'c:acme@shop.test' }],
    { kind: { deep: 1 } },
  ),
});

/** Without what only the overlay keeps. */
function outcomeOf(one: Message): object {
  const meta = Object.entries(one.meta).filter(([key, value]) => key !== ROUTE_META && value);
  return { queue: one.queueName(), meta: Object.fromEntries(meta) };
}

function throughOverlay(words: MessageWords): object {
  const one = messageOf(words);
  const verdict = overlay.apply(one, { trace });
  if (verdict !== 'keep' && verdict.kind === 'reject')
    return { reply: `${verdict.code} ${verdict.text}` };
  if (verdict !== 'keep') one.setMeta('queue', 'null');
  return outcomeOf(one);
}

async function throughLua(words: MessageWords): Promise<object> {
  const one = messageOf(words);
  if (!policy.host.events.has('smtp_server_message_received')) return outcomeOf(one);
  try {
    await policy.host.events.smtpServerMessageReceived(one, connectionMeta(), null);
    return outcomeOf(one);
  } catch (error) {
    if (!(error instanceof PolicyReject)) throw error;
    return { reply: `${error.code} ${error.text}` };
  }
}

test('the overlay and its Lua decide alike', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      routes,
      fc.array(message, { minLength: 6, maxLength: 6 }),
      async (list, mail) => {
        const named = list.map((fields, index) => routeOf(`r${index + 1}`, fields));
        overlay.replace(named);
        const lua = asLua(named, around);
        const loaded = await policy.replace(lua);
        expect(loaded, lua).toMatchObject({ ok: true });
        await policy.host.bumpEpoch();
        const queues = new Set(domains.map((domain) => domain.toLowerCase()));
        for (const words of mail) {
          const mine = throughOverlay(words);
          expect(await throughLua(words), lua).toEqual(mine);
          if ('queue' in mine && mine.queue !== 'null') queues.add(String(mine.queue));
        }
        for (const name of queues) await compareQueue(name, lua);
      },
    ),
    { seed: 2026, numRuns: 250 },
  );
});

async function compareQueue(name: string, lua: string): Promise<void> {
  const { domain, tenant, campaign, routingDomain } = parseQueueName(name);
  const theirs = await policy.host.events.getQueueConfig(
    domain,
    tenant,
    campaign,
    routingDomain,
    null,
  );
  const mine = overlay.answer(domain, tenant, campaign, routingDomain)?.config;
  const plain = { protocol: { kind: 'smtp', mxList: [] } };
  if (mine === undefined) expect(theirs, `${name}\n${lua}`).toMatchObject(plain);
  else expect(theirs.json, `${name}\n${lua}`).toEqual(mine.json);
  const site = theirs.protocol.kind === 'smtp' ? mxListSite(theirs.protocol.mxList) : 'unused';
  const routing = routingDomain ?? domain;
  const path = await policy.host.events.getEgressPathConfig(routing, 'unspecified', site, null);
  const own = overlay.path(routing, site);
  if (own === null) expect(path.enableTls, `${name}\n${lua}`).toBe('Opportunistic');
  else {
    expect(path.json, `${name}\n${lua}`).toEqual(own.json);
    expect(path.smtpAuthPlainPassword).toEqual(own.smtpAuthPlainPassword);
  }
}

test('where the policy has a handler already, the text says what to add to it', () => {
  const list = [
    routeOf('a', { match: { recipient: 'a@*' }, to: { kind: 'maildir', path: 'm' } }),
    routeOf('b', { to: { kind: 'mxList', hosts: ['h'], tls: 'Required' } }),
  ];
  const events = ['smtp_server_message_received', 'get_egress_path_config'];
  const lua = asLua(list, { ...around, handled: new Set(events) });
  expect(lua.match(/kumo\.on\('\w+'/g)).toEqual([
    "kumo.on('get_queue_config'",
    "kumo.on('http_message_generated'",
  ]);
  expect(lua).toContain('--   route_message(msg)');
  expect(lua).toContain('--   if path then return path end');
});

test('only the helpers that are used are written', () => {
  const lua = asLua([routeOf('a', { match: { domain: 'a.example' } })], around);
  expect(lua.match(/local function \w+/g)).toEqual([
    'local function matches',
    'local function every_recipient',
    'local function queue_parts',
    'local function route_message',
  ]);
  expect(asLua([routeOf('a', { enabled: false })], around)).toBe('-- No route is on.\n');
});
