/** Routes end to end: switched under load, moved, passed through, broken, and as Lua in strict mode. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  EngineStatus,
  RecordPage,
  RouteChanged,
  RouteList,
  RouteLua,
  RouteMoved,
  RouteSpec,
} from '../../engine/api/protocol.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import { DEADLINE_MS, journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { SmtpSink } from '../support/smtp-sink.ts';
import { StrictRun } from '../support/strict-run.ts';
import { toggleUnderLoad } from '../support/toggle-audit.ts';

const POLICY = `local kumo = require 'kumo'
kumo.on('init', function() kumo.start_esmtp_listener { listen = '127.0.0.1:0' } end)
`;

let engine: ServeProcess;
let picky: SmtpSink;
let nobody: number;

const smarthost = (port: number): RouteSpec['to'] => ({
  kind: 'mxList',
  hosts: [`[127.0.0.1]:${port}`],
});
const put = (route: RouteSpec, at?: number): Promise<RouteChanged> =>
  engine.api(`/routes/${route.name}`, { route, ...(at !== undefined && { at }) }, 'PUT');
const switched = (name: string, enabled: boolean): Promise<RouteChanged> =>
  engine.api(`/routes/${name}`, { enabled }, 'PATCH');
const hitsOf = async (name: string): Promise<number> =>
  (await engine.api<RouteList>('/routes')).routes.find(({ route }) => route.name === name)?.hits ??
  -1;

beforeAll(async () => {
  picky = await SmtpSink.start({
    dot: ['250 2.0.0 taken here', '550 5.7.1 spam', '451 4.7.0 come back', '!hang'],
  });
  nobody = await SmtpSink.refusedPort();
  engine = await ServeProcess.start({ policy: POLICY });
}, 90_000);

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await picky.close();
});

test(
  'routes that are switched under load take the next message, nothing is lost, counts add up',
  { timeout: 120_000 },
  async () => {
    const random = new SeededRandom(20_261_125);
    const { accepted, toggles, certain, stillWaiting, ...audit } = await toggleUnderLoad({
      ...{ waiting: 500, messages: 600, sessions: 6 },
      ...{ pauseMsMax: 200, deadlineMs: DEADLINE_MS, random: () => random.next() },
    });
    const { wrong, lost, twice, refused, miscounted } = audit;
    expect({ wrong, lost, twice, refused, miscounted }).toEqual({
      ...{ wrong: [], lost: [], twice: [], refused: [], miscounted: [] },
    });
    expect({ accepted, stillWaiting }).toEqual({ accepted: 600, stillWaiting: 500 });
    expect(toggles).toBeGreaterThan(3);
    expect(certain).toBeGreaterThan(30);
  },
);

test(
  'what waits is moved when somebody says so, and at once when its route is gone',
  { timeout: 60_000 },
  async () => {
    const held = { match: { recipient: 'held@*' }, to: smarthost(nobody), enabled: true };
    await put({ name: 'hold', ...held }, 0);
    for (const domain of ['a.test', 'b.test']) await sendMail(engine, `held@${domain}`);
    await rowTo(engine, 'held@a.test', 'deferred');
    const row = await rowTo(engine, 'held@b.test', 'deferred');
    expect(row).toMatchObject({ route: 'hold', queue: 'b.test!route-hold.invalid' });
    expect(JSON.stringify(await journeyOf(engine, row))).toContain('"route":"hold"');
    const { movable, list } = await switched('hold', false);
    expect(movable).toEqual({ value: 2, isExact: true });
    expect(list.routes[0]).toMatchObject({ queued: 2, hits: 2, last: { state: 'deferred' } });
    expect(await engine.api<RouteMoved>('/routes/move', { name: 'hold' })).toMatchObject({
      moved: 2,
    });
    const moved = await rowTo(engine, 'held@b.test', 'delivered');
    expect(moved).toMatchObject({ route: 'captured', queue: 'b.test' });
    expect((await recordsOf(engine, moved)).map(([type]) => type)).toEqual([
      ...['Reception', 'TransientFailure', 'AdminRebind', 'Delivery'],
    ]);
    await switched('hold', true);
    await sendMail(engine, 'held@c.test');
    await rowTo(engine, 'held@c.test', 'deferred');
    await engine.api('/routes/hold', undefined, 'DELETE');
    await rowTo(engine, 'held@c.test', 'delivered');
  },
);

test(
  'a route of queues takes what waits along, at once when asked',
  { timeout: 60_000 },
  async () => {
    await put({
      name: 'closed',
      enabled: true,
      match: { domain: 'q.test' },
      to: smarthost(nobody),
    });
    await sendMail(engine, 'x@q.test');
    await rowTo(engine, 'x@q.test', 'deferred');
    const { movable } = await put({
      ...{ name: 'closed', enabled: true, match: { domain: 'q.test' } },
      to: { kind: 'maildir', path: 'mail/q/{{ local_part }}' },
    });
    expect(movable).toEqual({ value: 1, isExact: true });
    await engine.api('/routes/move', {});
    expect(await rowTo(engine, 'x@q.test', 'delivered')).toMatchObject({ route: 'closed' });
  },
);

test('pass-through: the client hears what the smarthost said', { timeout: 60_000 }, async () => {
  const match = { domain: 'pass.test' };
  const to = smarthost(picky.port);
  await put({ name: 'pass', enabled: true, match, to, passThrough: '2s' });
  expect(await sendMail(engine, 'ok@pass.test')).toBe('250 2.0.0 taken here');
  expect(await sendMail(engine, 'spam@pass.test')).toBe('550 5.7.1 spam');
  await rowTo(engine, 'spam@pass.test', 'bounced');
  expect(await sendMail(engine, 'later@pass.test')).toBe('451 4.7.0 come back');
  expect(
    (await recordsOf(engine, await rowTo(engine, 'later@pass.test', 'bounced'))).map(
      ([type]) => type,
    ),
  ).toEqual([...['Reception', 'TransientFailure', 'AdminBounce']]);
  expect(await sendMail(engine, 'slow@pass.test')).toMatch(/^250 OK ids=/);
});

test('a refused and a discarded message carry their route', { timeout: 60_000 }, async () => {
  await put(
    {
      name: 'no',
      enabled: true,
      match: { recipient: 'no@*' },
      to: { kind: 'reject', code: 552, text: '5.2.2 full' },
    },
    0,
  );
  await put(
    { name: 'away', enabled: true, match: { header: { 'X-Away': '*' } }, to: { kind: 'null' } },
    0,
  );
  expect(await sendMail(engine, 'no@x.test')).toBe('552 5.2.2 full');
  expect(await rowTo(engine, 'no@x.test', 'rejected')).toMatchObject({ route: 'no', code: 552 });
  await sendMail(engine, 'away@x.test', { headers: ['X-Away: 1'] });
  expect(await rowTo(engine, 'away@x.test', 'null')).toMatchObject({ route: 'away' });
});

test(
  'a broken file keeps the routes; a save that mends it is taken',
  { timeout: 60_000 },
  async () => {
    const file = join(engine.workspace, 'routes.json');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('"reject"', '"rejct"'));
    await eventually(
      'the problem',
      async () => (await engine.api<EngineStatus>('/status')).routes?.problem,
    );
    const { problem, routes } = await engine.api<RouteList>('/routes');
    expect(problem?.message).toContain('.to.kind: ');
    expect(routes.map(({ route }) => route.name)).toContain('no');
    await expect(switched('no', false)).rejects.toThrow(/409.*expected a valid file/);
    expect(await sendMail(engine, 'no@x.test')).toBe('552 5.2.2 full');
    writeFileSync(file, good.replace('5.2.2 full', '5.2.2 still full'));
    await eventually(
      'mended',
      async () => (await engine.api<RouteList>('/routes')).problem === null,
    );
    expect(await sendMail(engine, 'no@x.test')).toBe('552 5.2.2 still full');
    expect(await hitsOf('no')).toBe(3);
  },
);

test('a host that a route opens is open while the route is on', { timeout: 60_000 }, async () => {
  const to: RouteSpec['to'] = { kind: 'mxList', hosts: ['mx.partner.test'] };
  const { list } = await put({
    name: 'out',
    enabled: true,
    match: { domain: 'out.test' },
    to,
    opens: ['mx.partner.test'],
  });
  expect(list.openHosts.byRoute).toEqual([{ route: 'out', hosts: ['mx.partner.test'] }]);
  expect((await engine.api<EngineStatus>('/status')).openHosts).toEqual(['mx.partner.test']);
  await switched('out', false);
  expect((await engine.api<EngineStatus>('/status')).openHosts).toEqual([]);
  await engine.api('/open-hosts', { hosts: ['10.9.8.0/24'] }, 'PUT');
  expect((await engine.api<EngineStatus>('/status')).openHosts).toEqual(['10.9.8.0/24']);
  await engine.api('/open-hosts', { hosts: [] }, 'PUT');
});

test(
  'as Lua, in strict mode: the same replies, queues and records',
  { timeout: 90_000 },
  async () => {
    const sink = await SmtpSink.start();
    const mail = [
      'vip@lua.test',
      'a@maildir.test',
      'b@listed.test',
      'gone@lua.test',
      'no@lua.test',
    ];
    const add = (name: string, match: RouteSpec['match'], to: RouteSpec['to']): Promise<unknown> =>
      put({ name: `lua-${name}`, enabled: true, match, to }, 0);
    await add('vip', { recipient: 'vip@lua.*' }, smarthost(sink.port));
    await add('maildir', { domain: 'maildir.test' }, { kind: 'maildir', path: 'mail/{{ email }}' });
    await add('listed', { domain: 'listed.test' }, smarthost(sink.port));
    await add('gone', { recipient: 'gone@lua.*' }, { kind: 'null' });
    await add('no', { recipient: 'no@*' }, { kind: 'reject', code: 554, text: '5.7.1 not today' });
    const sendAll = async (port: number): Promise<string[]> => {
      const replies: string[] = [];
      for (const to of mail)
        replies.push((await sendMail(engine, to, { port })).split('=')[0] ?? '');
      return replies;
    };
    const before = (await engine.api<RecordPage>('/records?limit=1')).records[0]?.recordSeq ?? 0;
    const replies = await sendAll(engine.smtpPort);
    const here = await eventually(
      'eight records',
      async () => {
        const { records } = await engine.api<RecordPage>('/records?limit=100');
        const ours = records.filter(({ recordSeq }) => recordSeq > before);
        return ours.length < 8 ? null : ours.map(({ json }) => recordWords(json));
      },
      DEADLINE_MS,
    );
    await using strict = await StrictRun.start((await engine.api<RouteLua>('/lua/routes')).text);
    expect(await sendAll(strict.port)).toEqual(replies);
    await eventually('the sink has all', () => dataCount(sink) === 4, DEADLINE_MS);
    const there = (await strict.records()).map(recordWords);
    await sink.close();
    expect(there.toSorted()).toEqual(here.toSorted());
  },
);

test('counts and last outcomes survive a restart', { timeout: 90_000 }, async () => {
  const hits = await hitsOf('no');
  // What hangs there would have its time of grace.
  await picky.close();
  await engine.stop();
  engine = await ServeProcess.start({ workspace: engine.workspace });
  const { routes } = await engine.api<RouteList>('/routes');
  const no = routes.find(({ route }) => route.name === 'no');
  expect(no).toMatchObject({ hits, last: { code: 552, state: 'rejected' } });
});

/** What the two modes have to agree on. */
function recordWords(json: string): string {
  const record = JSON.parse(json) as {
    readonly [key: string]: unknown;
    readonly response: { readonly code: number };
  };
  const keys = ['type', 'sender', 'recipient', 'queue', 'site', 'delivery_protocol'];
  return [...keys.map((key) => String(record[key])), record.response.code].join(' ');
}

function dataCount(sink: SmtpSink): number {
  return sink.connections.flatMap(({ events }) => events).filter((event) => 'data' in event).length;
}
