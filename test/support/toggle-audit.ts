/**
 * Routes switched on and off again and again under load, audited from the client's own log. Half of
 * the mail goes by routes that look at the message (to far ends of the engine), half by routes that
 * answer for a queue (to smarthosts outside); of each kind one route is always on and another one
 * above it is switched.
 *
 * What is decided at reception has to follow the state between the final dot and its 250, what a
 * queue decides the state between the final dot and the delivery. Where a switch is under way, both
 * are right.
 */
import { rmSync } from 'node:fs';
import type {
  FarEndList,
  LedgerPage,
  QueueList,
  RecordPage,
  RouteChanged,
  RouteList,
  RouteSpec,
  RowPage,
} from '../../engine/api/protocol.ts';
import { fillQueue } from '../bench/filled-queue.ts';
import { loadSession } from './load-session.ts';
import { ServeProcess, eventually } from './serve-process.ts';
import { SmtpSink } from './smtp-sink.ts';

const DUE_IN_MS = 6 * 3_600_000;
const POLICY = `local kumo = require 'kumo'
kumo.on('init', function() kumo.start_esmtp_listener { listen = '127.0.0.1:0' } end)
-- What comes faster than it is delivered would wait up to a minute for room otherwise.
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path { max_ready = 100000 }
end)
`;

interface Kind {
  readonly domain: string;
  /** Always on. */
  readonly below: string;
  /** Switched; off at first. */
  readonly above: string;
}
const BY_MESSAGE: Kind = { domain: 'message.test', below: 'm-below', above: 'm-above' };
const BY_QUEUE: Kind = { domain: 'queue.test', below: 'q-below', above: 'q-above' };
const KINDS = [BY_MESSAGE, BY_QUEUE];

export interface ToggleAudit {
  readonly accepted: number;
  readonly refused: readonly string[];
  readonly toggles: number;
  readonly acceptedPerSecond: number;
  /** Until the last one had arrived. */
  readonly deliveredPerSecond: number;
  readonly toggleMs: { readonly median: number; readonly worst: number };
  /** Messages between switches, whose route is certain. */
  readonly certain: number;
  /** Mail that took another way than the switches said, in words. */
  readonly wrong: readonly string[];
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /** Numbers that do not agree with what was sent, in words. */
  readonly miscounted: readonly string[];
  readonly stillWaiting: number;
}

export interface ToggleLoad {
  /** Messages that wait already when the load begins. */
  readonly waiting: number;
  readonly messages: number;
  readonly sessions: number;
  /** In [0, 1), decides the pauses between switches. */
  readonly random: () => number;
  /** The longest of them. */
  readonly pauseMsMax: number;
  readonly deadlineMs: number;
  readonly say?: (line: string) => void;
}

interface Sent {
  readonly mark: string;
  readonly to: string;
  readonly data: string;
  readonly kind: Kind;
  readonly dotAt: number;
  acceptedAt: number;
}

interface Toggle {
  readonly kind: Kind;
  readonly isOn: boolean;
  readonly askedAt: number;
  readonly answeredAt: number;
}

interface Arrival {
  readonly route: string;
  readonly at: number;
}

export async function toggleUnderLoad(load: ToggleLoad): Promise<ToggleAudit> {
  const say = load.say ?? (() => undefined);
  const workspace = await fillQueue({
    ...{ count: load.waiting, domain: 'waiting.test', bodyBytes: 500, dueInMs: DUE_IN_MS },
  });
  say(`${load.waiting} messages wait`);
  const arrivals = new Map<string, Arrival[]>();
  const sinks = await Promise.all(
    [BY_QUEUE.below, BY_QUEUE.above].map((route) => smarthost(route, arrivals)),
  );
  try {
    await using engine = await ServeProcess.start({ workspace, policy: POLICY });
    await setUp(engine, sinks);
    const [sent, toggles] = await sendAndSwitch(engine, load, say);
    const rows = await arrived(engine, sent, load.deadlineMs);
    const took = performance.now() - (sent[0]?.dotAt ?? 0);
    return await audit(engine, { sent, toggles, rows, arrivals, took });
  } finally {
    for (const sink of sinks) await sink.close();
    rmSync(workspace, { recursive: true, force: true });
  }
}

function smarthost(route: string, arrivals: Map<string, Arrival[]>): Promise<SmtpSink> {
  return SmtpSink.start({
    onData: (data) => {
      const mark = /^Subject: (\S+)/m.exec(data)?.[1] ?? data;
      arrivals.set(mark, [...(arrivals.get(mark) ?? []), { route, at: performance.now() }]);
    },
  });
}

async function setUp(engine: ServeProcess, sinks: readonly SmtpSink[]): Promise<void> {
  const put = (route: RouteSpec): Promise<RouteChanged> =>
    engine.api(`/routes/${route.name}`, { route }, 'PUT');
  for (const name of [BY_MESSAGE.below, BY_MESSAGE.above])
    await engine.api('/far-ends', { farEnd: { name } });
  // The first match wins: the switched one comes first.
  for (const name of [BY_MESSAGE.above, BY_MESSAGE.below])
    await put({
      ...{ name, enabled: name === BY_MESSAGE.below, to: { kind: 'farEnd', name } },
      match: { recipient: `*@${BY_MESSAGE.domain}` },
    });
  const [below, above] = sinks.map(({ port }) => port);
  for (const [name, port] of [
    [BY_QUEUE.above, above],
    [BY_QUEUE.below, below],
  ] as const)
    await put({
      ...{ name, enabled: name === BY_QUEUE.below, match: { domain: BY_QUEUE.domain } },
      to: { kind: 'mxList', hosts: [`[127.0.0.1]:${port}`] },
    });
}

async function sendAndSwitch(
  engine: ServeProcess,
  { messages, sessions, random, pauseMsMax }: ToggleLoad,
  say: (line: string) => void,
): Promise<[Sent[], Toggle[]]> {
  const sent: Sent[] = [];
  const toggles: Toggle[] = [];
  const next = (): Sent | null => {
    if (sent.length >= messages) return null;
    const kind = KINDS[sent.length % KINDS.length] ?? BY_QUEUE;
    const mark = letters(sent.length);
    const data = `From: <a@shop.test>\r\nSubject: ${mark}\r\n\r\nbody\r\n`;
    const to = `${mark}@${kind.domain}`;
    const mail = { mark, to, data, kind, dotAt: performance.now(), acceptedAt: NaN };
    sent.push(mail);
    return mail;
  };
  const clients = Array.from({ length: sessions }, () =>
    loadSession(engine.smtpPort, {
      next,
      onAccepted: (mail) => (mail.acceptedAt = performance.now()),
    }),
  );
  let isSending = true;
  const sending = Promise.all(clients).finally(() => (isSending = false));
  const isOn = new Map<Kind, boolean>();
  while (isSending) {
    const kind = KINDS[toggles.length % KINDS.length] ?? BY_QUEUE;
    const turn = !(isOn.get(kind) ?? false);
    const askedAt = performance.now();
    await engine.api<RouteChanged>(`/routes/${kind.above}`, { enabled: turn }, 'PATCH');
    toggles.push({ kind, isOn: turn, askedAt, answeredAt: performance.now() });
    isOn.set(kind, turn);
    if (toggles.length % 50 === 0) say(`${toggles.length} switches, ${sent.length} sent`);
    await Promise.race([
      sending,
      new Promise((resolve) => setTimeout(resolve, random() * pauseMsMax)),
    ]);
  }
  await sending;
  return [sent, toggles];
}

/** The route of each delivered mark in the API, once all that was accepted is delivered. */
async function arrived(
  engine: ServeProcess,
  sent: readonly Sent[],
  deadlineMs: number,
): Promise<Map<string, string[]>> {
  const accepted = sent.filter(isAccepted).length;
  await eventually(
    `${accepted} delivered`,
    async () => {
      const { counts } = await engine.api<RecordPage>('/records?limit=1');
      return (counts?.['Delivery'] ?? 0) >= accepted;
    },
    deadlineMs,
  ).catch(() => undefined);
  const rows = new Map<string, string[]>();
  for (const { domain } of KINDS) {
    const filter = encodeURIComponent(`state:delivered rcpt:@${domain}`);
    for (let cursor: string | null = ''; cursor !== null;) {
      const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: RowPage = await engine.api(`/rows?limit=1000&filter=${filter}${at}`);
      for (const { subject, route } of page.rows)
        rows.set(subject, [...(rows.get(subject) ?? []), route]);
      cursor = page.next;
    }
  }
  return rows;
}

async function rowCount(engine: ServeProcess, filter: string): Promise<number> {
  const path = `/rows?limit=1&filter=${encodeURIComponent(filter)}`;
  const { total } = await engine.api<RowPage>(path);
  if (!total.isExact) throw new Error(`Cannot count ${filter}: found ${total.value} or more`);
  return total.value;
}

async function audit(
  engine: ServeProcess,
  {
    sent,
    toggles,
    rows,
    arrivals,
    took,
  }: {
    sent: readonly Sent[];
    toggles: readonly Toggle[];
    rows: ReadonlyMap<string, readonly string[]>;
    arrivals: ReadonlyMap<string, readonly Arrival[]>;
    took: number;
  },
): Promise<ToggleAudit> {
  const accepted = sent.filter(isAccepted);
  const wrong: string[] = [];
  let certain = 0;
  for (const { mark, kind, dotAt, acceptedAt } of accepted) {
    const [route = 'nothing'] = rows.get(mark) ?? [];
    const [arrival] = arrivals.get(mark) ?? [];
    const until = kind === BY_QUEUE ? (arrival?.at ?? Infinity) : acceptedAt;
    const right = inForce(kind, toggles, dotAt, until);
    if (right.size === 1) certain++;
    const expected = [...right].join(' or ');
    if (!right.has(route)) wrong.push(`${mark} has the route ${route}, expected ${expected}`);
    if (kind === BY_QUEUE && arrival !== undefined && arrival.route !== route)
      wrong.push(`${mark} has the route ${route} and arrived by ${arrival.route}`);
  }
  const { scheduled } = await engine.api<QueueList>('/queues');
  const lasted = (accepted.at(-1)?.acceptedAt ?? 0) - (sent[0]?.dotAt ?? 0);
  const times = toggles
    .map(({ askedAt, answeredAt }) => answeredAt - askedAt)
    .toSorted((a, b) => a - b);
  const isTwice = ({ mark, kind }: Sent): boolean =>
    (rows.get(mark)?.length ?? 0) > 1 ||
    (kind === BY_QUEUE && (arrivals.get(mark)?.length ?? 0) > 1);
  const isLost = ({ mark, kind }: Sent): boolean =>
    !rows.has(mark) || (kind === BY_QUEUE && !arrivals.has(mark));
  return {
    accepted: accepted.length,
    refused: sent.filter((mail) => !isAccepted(mail)).map(({ mark }) => mark),
    toggles: toggles.length,
    acceptedPerSecond: accepted.length / (lasted / 1000),
    deliveredPerSecond: accepted.length / (took / 1000),
    toggleMs: { median: times[times.length >> 1] ?? 0, worst: times.at(-1) ?? 0 },
    ...{ certain, wrong },
    lost: accepted.filter(isLost).map(({ mark }) => mark),
    twice: accepted.filter(isTwice).map(({ mark }) => mark),
    miscounted: await miscounted(engine, accepted, rows, arrivals),
    stillWaiting: scheduled.find(({ name }) => name === 'waiting.test')?.depth ?? 0,
  };
}

/** The routes that could have decided at some moment of the time between. */
function inForce(
  kind: Kind,
  toggles: readonly Toggle[],
  from: number,
  until: number,
): ReadonlySet<string> {
  const right = new Set<string>();
  const own = toggles.filter((toggle) => toggle.kind === kind);
  const before = own.findLast(({ answeredAt }) => answeredAt <= from);
  right.add(before?.isOn ? kind.above : kind.below);
  for (const { isOn, askedAt, answeredAt } of own)
    if (answeredAt > from && askedAt < until) right.add(isOn ? kind.above : kind.below);
  return right;
}

/** Hits, rows by route, far ends, smarthosts, records and the ledger against what was sent. */
async function miscounted(
  engine: ServeProcess,
  accepted: readonly Sent[],
  rows: ReadonlyMap<string, readonly string[]>,
  arrivals: ReadonlyMap<string, readonly Arrival[]>,
): Promise<string[]> {
  const found: string[] = [];
  const expectSame = (what: string, counted: number, expected: number): void => {
    if (counted !== expected) found.push(`${what}: ${counted}, expected ${expected}`);
  };
  const { routes } = await engine.api<RouteList>('/routes');
  const { farEnds } = await engine.api<FarEndList>('/far-ends');
  const hitsOf = (name: string): number =>
    routes.find(({ route }) => route.name === name)?.hits ?? 0;
  const byRoute = Map.groupBy([...rows.values()].flat(), (route) => route);
  const byHost = Map.groupBy([...arrivals.values()].flat(), ({ route }) => route);
  for (const kind of KINDS) {
    const names = [kind.below, kind.above];
    const sent = accepted.filter((mail) => mail.kind === kind).length;
    const counts = await Promise.all(names.map((name) => rowCount(engine, `route:${name}`)));
    expectSame(
      `${kind.domain}, rows by route`,
      counts.reduce((sum, count) => sum + count, 0),
      sent,
    );
    expectSame(`${kind.domain}, hits`, hitsOf(kind.below) + hitsOf(kind.above), sent);
    for (const [index, name] of names.entries()) {
      expectSame(`${name}, rows`, counts[index] ?? 0, byRoute.get(name)?.length ?? 0);
      if (kind === BY_QUEUE)
        expectSame(`${name}, smarthost`, byHost.get(name)?.length ?? 0, counts[index] ?? 0);
      else {
        const farEnd = farEnds.find((one) => one.name === name);
        expectSame(`${name}, far end`, farEnd?.hits ?? 0, counts[index] ?? 0);
        expectSame(`${name}, hits`, hitsOf(name), counts[index] ?? 0);
      }
    }
  }
  const { counts = {} } = await engine.api<RecordPage>('/records?limit=1');
  for (const type of ['Reception', 'Delivery'])
    expectSame(`${type} records`, counts[type] ?? 0, accepted.length);
  expectSame('the ledger', (await engine.api<LedgerPage>('/ledger?limit=10')).rows.length, 0);
  return found;
}

function isAccepted({ acceptedAt }: Sent): boolean {
  return !Number.isNaN(acceptedAt);
}

/** A name without a number, since numbers in addresses tell far ends what to answer. */
function letters(count: number): string {
  return String(count).replace(/\d/g, (digit) => 'klmnopqrst'[Number(digit)] ?? '');
}
