/**
 * Every behaviour of a far end at every stage, met by the delivering client. The cells come from the
 * schema: a behaviour or stage that is added there does not compile until it has its cell here.
 *
 * A cell says what the attempts one after the other come to: `delivered`; `deferred` and
 * `unreachable` (no host of the plan could be opened), which are tried again; `bounced`, which is
 * not. After each cell nothing may be left: no socket, no timer.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { DeliverySession } from '../../../engine/delivery/deliverer.ts';
import { ConnectFailure, ReturnMessage } from '../../../engine/delivery/deliverer.ts';
import { STAGES_OF, TLS_KINDS } from '../../../engine/farends/far-end-schema.ts';
import type { Behaviour, Stage, TlsKind } from '../../../engine/farends/far-end-schema.ts';
import type { EgressPathConfig } from '../../../engine/policy/settings.ts';
import { testMessage, testTimeouts } from '../../support/delivery.ts';
import { TestFarEnd, farEndAuthority } from '../../support/far-end.ts';
import { TestSmtpClient } from '../../support/smtp-client.ts';

type CellName = { [B in Behaviour]: `${B} ${(typeof STAGES_OF)[B][number]}` }[Behaviour];

type Came = 'delivered' | 'deferred' | 'bounced' | 'unreachable';

interface Cell {
  /** Of the rule, besides `do` and `at`. */
  readonly rule?: Readonly<Record<string, unknown>>;
  /** One entry per attempt; a number moves the mail clock by so many seconds. */
  readonly attempts: readonly (Came | number)[];
  /** How many messages the far end has in the end; the same as `delivered` when left out. */
  readonly received?: number;
}

const again = (...attempts: (Came | number)[]): Cell => ({ attempts });
const refused = (code: number, ...attempts: Came[]): Cell => ({ rule: { code }, attempts });

/** A 5xx before there is a transaction is about the host: the message is tried again. */
const CELLS: Readonly<Record<CellName, readonly Cell[]>> = {
  'accept connect': [again('delivered')],
  'accept ehlo': [again('delivered')],
  'accept auth': [again('delivered')],
  'accept mail': [again('delivered')],
  'accept rcpt': [again('delivered')],
  'accept data': [again('delivered')],
  'accept dot': [again('delivered')],
  'accept rset': [again('delivered', 'delivered')],
  'accept quit': [again('delivered')],

  'reject connect': [refused(554, 'unreachable'), refused(421, 'unreachable')],
  'reject ehlo': [refused(550, 'unreachable'), refused(451, 'unreachable')],
  'reject starttls': [refused(454, 'unreachable')],
  'reject auth': [refused(535, 'unreachable'), refused(454, 'unreachable')],
  'reject mail': [refused(550, 'bounced'), refused(451, 'deferred'), refused(421, 'deferred')],
  'reject rcpt': [refused(550, 'bounced'), refused(450, 'deferred'), refused(503, 'deferred')],
  'reject data': [refused(554, 'bounced'), refused(451, 'deferred')],
  'reject dot': [refused(554, 'bounced'), refused(452, 'deferred')],
  // Behind a refused RSET the pipelined transaction was accepted: it is ended with an empty message.
  'reject rset': [
    { rule: { code: 550 }, attempts: ['delivered', 'bounced'], received: 2 },
    { rule: { code: 451 }, attempts: ['delivered', 'deferred'], received: 2 },
  ],

  'greylist rcpt': [again('deferred', 60, 'deferred', 240, 'delivered', 'delivered')],
  'greylist data': [again('deferred', 299, 'deferred', 1, 'delivered')],
  'greylist dot': [{ rule: { delay: '1m' }, attempts: ['deferred', 60, 'delivered'] }],

  'fail-first connect': [
    { rule: { count: 2, code: 421 }, attempts: ['unreachable', 'unreachable', 'delivered'] },
  ],
  'fail-first ehlo': [again('unreachable', 'delivered')],
  'fail-first auth': [again('unreachable', 'delivered')],
  'fail-first mail': [{ rule: { per: 'sender' }, attempts: ['deferred', 'delivered'] }],
  'fail-first rcpt': [{ rule: { count: 2 }, attempts: ['deferred', 'deferred', 'delivered'] }],
  'fail-first data': [again('deferred', 'delivered')],
  'fail-first dot': [{ rule: { code: 554 }, attempts: ['bounced', 'delivered'] }],

  'rate-limit connect': [
    { rule: { max: 1 }, attempts: ['delivered', 'unreachable', 60, 'delivered'] },
  ],
  'rate-limit mail': [{ rule: { max: 1 }, attempts: ['delivered', 'deferred', 60, 'delivered'] }],
  'rate-limit rcpt': [
    { rule: { max: 1, window: '1h' }, attempts: ['delivered', 60, 'deferred', 3600, 'delivered'] },
  ],
  'rate-limit data': [{ rule: { max: 0 }, attempts: ['deferred'] }],
  'rate-limit dot': [{ rule: { max: 1, code: 550 }, attempts: ['delivered', 'bounced'] }],

  'slow connect': [again('delivered')],
  'slow ehlo': [again('delivered')],
  'slow starttls': [again('delivered')],
  'slow auth': [again('delivered')],
  'slow mail': [again('delivered')],
  'slow rcpt': [again('delivered')],
  'slow data': [again('delivered')],
  'slow content': [again('delivered')],
  'slow dot': [again('delivered')],
  'slow rset': [again('delivered', 'delivered')],

  'drip connect': [again('delivered')],
  'drip ehlo': [again('delivered')],
  'drip auth': [again('delivered')],
  'drip mail': [again('delivered')],
  'drip rcpt': [again('delivered')],
  'drip data': [again('delivered')],
  'drip dot': [again('delivered')],
  'drip rset': [again('delivered', 'delivered')],
  'drip quit': [again('delivered')],

  'hang connect': [again('unreachable')],
  'hang ehlo': [again('unreachable')],
  'hang starttls': [again('unreachable')],
  'hang auth': [again('unreachable')],
  'hang mail': [again('deferred')],
  'hang rcpt': [again('deferred')],
  'hang data': [again('deferred')],
  'hang content': [again('deferred'), { rule: { afterBytes: 10 }, attempts: ['deferred'] }],
  'hang dot': [again('deferred')],
  'hang rset': [again('delivered', 'deferred')],
  'hang quit': [again('delivered')],

  'disconnect connect': [
    again('unreachable'),
    { rule: { how: 'reset' }, attempts: ['unreachable'] },
  ],
  'disconnect ehlo': [again('unreachable')],
  'disconnect starttls': [
    again('unreachable'),
    { rule: { moment: 'after-reply' }, attempts: ['unreachable'] },
  ],
  'disconnect auth': [again('unreachable')],
  'disconnect mail': [again('deferred'), { rule: { how: 'reset' }, attempts: ['deferred'] }],
  'disconnect rcpt': [again('deferred')],
  'disconnect data': [again('deferred')],
  'disconnect content': [again('deferred'), { rule: { afterBytes: 10 }, attempts: ['deferred'] }],
  'disconnect dot': [
    again('deferred'),
    // Acknowledged, then gone: delivered, and the next one takes a new connection.
    { rule: { moment: 'after-reply', times: 1 }, attempts: ['delivered', 'delivered'] },
  ],
  'disconnect rset': [again('delivered', 'deferred')],
  'disconnect quit': [again('delivered')],

  'garbage connect': [again('unreachable')],
  'garbage ehlo': [again('unreachable')],
  'garbage starttls': [again('unreachable')],
  'garbage mail': [again('deferred')],
  'garbage rcpt': [again('deferred')],
  'garbage data': [again('deferred')],
  'garbage dot': [{ attempts: ['deferred'], received: 0 }],

  'extra-reply mail': [again('deferred')],
  'extra-reply rcpt': [again('deferred')],
  // The second 354 is taken for the reply to the final dot: kept over there, tried again here.
  'extra-reply data': [{ attempts: ['deferred'], received: 1 }],
  'extra-reply dot': [again('delivered', 'delivered')],

  'out-of-order mail': [again('delivered')],
  'out-of-order rcpt': [again('deferred')],
};

const FIXED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  slow: { wait: '30ms' },
  drip: { interval: '1ms' },
};

test('every behaviour has a cell at every stage it can have', () => {
  const wanted = Object.entries(STAGES_OF).flatMap(([behaviour, stages]) =>
    stages.map((stage) => `${behaviour} ${stage}`),
  );
  expect(Object.keys(CELLS).sort()).toEqual(wanted.sort());
  expect(Object.entries(CELLS).filter(([, cells]) => cells.length === 0)).toEqual([]);
});

let client: TestSmtpClient;

beforeEach(async () => {
  client = new TestSmtpClient({ isStrict: false, authorities: [await farEndAuthority()] });
});

afterEach(() => client.end());

test.each(Object.entries(CELLS))('%s', async (name, cells) => {
  const [behaviour = '', stage = ''] = name.split(' ');
  for (const cell of cells) {
    await using far = await TestFarEnd.start({
      ...(stage === 'starttls' && { tls: 'good' }),
      ...(stage === 'auth' && { auth: 'any' }),
      rules: [{ do: behaviour, at: stage, ...FIXED[behaviour], ...cell.rule }],
    });
    const label = JSON.stringify(cell);
    expect(await attempts(far, pathFor(stage as Stage, behaviour), cell), label).toEqual(
      cell.attempts.filter((one) => typeof one === 'string'),
    );
    const delivered = cell.attempts.filter((one) => one === 'delivered').length;
    expect(far.farEnd.status.received, label).toBe(cell.received ?? delivered);
    await far.farEnd.stop();
    await vi.waitFor(() => expect(far.clock.pending, 'timers of the far end').toBe(0));
    expect(far.farEnd.status.connections).toBe(0);
  }
});

/** One message after the other; a connection that still holds is used again, as a ready queue does. */
async function attempts(
  far: TestFarEnd,
  path: Partial<EgressPathConfig>,
  cell: Cell,
): Promise<Came[]> {
  const came: Came[] = [];
  let session: DeliverySession | null = null;
  for (const step of cell.attempts) {
    if (typeof step === 'number') {
      await far.mailClock.advance(step * 1000);
      continue;
    }
    session ??= await client.planned([far.port], path);
    const one = await attempt(session);
    came.push(one.came);
    if (one.isOver || cell.attempts.some((came) => came === 'unreachable')) {
      await session.close();
      session = null;
    }
  }
  const started = performance.now();
  await session?.close();
  expect(performance.now() - started, 'ms to say goodbye').toBeLessThan(6_000);
  return came;
}

async function attempt(session: DeliverySession): Promise<{ came: Came; isOver: boolean }> {
  const message = testMessage({ to: 'a@dest.test' });
  try {
    await session.connect([message]);
  } catch (error) {
    if (error instanceof ReturnMessage) {
      await session.plan();
      return attempt(session);
    }
    if (!(error instanceof ConnectFailure)) throw error;
    return { came: 'unreachable', isOver: true };
  }
  const { outcomes, connectionBroken } = await session.deliver([message]);
  expect(outcomes).toHaveLength(1);
  const kind = outcomes[0]?.kind;
  if (kind === undefined || kind === 'rebound') throw new Error(`Unexpected outcome ${kind}`);
  return { came: kind, isOver: connectionBroken };
}

function pathFor(stage: Stage, behaviour: string): Partial<EgressPathConfig> {
  const soon = behaviour === 'hang' ? 300 : 5_000;
  return {
    timeouts: testTimeouts({
      connectMs: soon,
      bannerMs: soon,
      authMs: soon,
      ehloMs: soon,
      mailFromMs: soon,
      rcptToMs: soon,
      dataMs: soon,
      dataDotMs: soon,
      rsetMs: soon,
      starttlsMs: soon,
      idleMs: soon,
    }),
    ...(stage === 'starttls' && { enableTls: 'Required' }),
    ...(stage === 'auth' && {
      smtpAuthPlainUsername: 'user',
      smtpAuthPlainPassword: { kind: 'data', data: Buffer.from('secret') },
      allowSmtpAuthPlainWithoutTls: true,
    }),
  };
}

type ClientMode = 'Opportunistic' | 'OpportunisticInsecure' | 'Required' | 'RequiredInsecure';

/** What each certificate comes to under each mode; `+` says the message went over TLS. */
const TLS_CELLS: Readonly<Record<TlsKind, Readonly<Record<ClientMode, string>>>> = {
  none: {
    Opportunistic: 'delivered',
    OpportunisticInsecure: 'delivered',
    Required: 'unreachable',
    RequiredInsecure: 'unreachable',
  },
  good: {
    Opportunistic: 'delivered+',
    OpportunisticInsecure: 'delivered+',
    Required: 'delivered+',
    RequiredInsecure: 'delivered+',
  },
  'self-signed': {
    Opportunistic: 'unreachable',
    OpportunisticInsecure: 'delivered+',
    Required: 'unreachable',
    RequiredInsecure: 'delivered+',
  },
  expired: {
    Opportunistic: 'unreachable',
    OpportunisticInsecure: 'delivered+',
    Required: 'unreachable',
    RequiredInsecure: 'delivered+',
  },
  'wrong-name': {
    Opportunistic: 'unreachable',
    OpportunisticInsecure: 'delivered+',
    Required: 'unreachable',
    RequiredInsecure: 'delivered+',
  },
  'old-protocol': {
    Opportunistic: 'unreachable',
    OpportunisticInsecure: 'unreachable',
    Required: 'unreachable',
    RequiredInsecure: 'unreachable',
  },
};

test('every kind of certificate has its row', () => {
  expect(Object.keys(TLS_CELLS).sort()).toEqual([...TLS_KINDS].sort());
});

test.each(Object.entries(TLS_CELLS))('TLS %s', async (tls, modes) => {
  await using far = await TestFarEnd.start({ tls });
  for (const [mode, wanted] of Object.entries(modes)) {
    const before = far.farEnd.status.received;
    const path = { ...pathFor('starttls', 'accept'), enableTls: mode as ClientMode };
    const session = await client.planned([far.port], path);
    const { came } = await attempt(session);
    await session.close();
    const [mail] = far.farEnd.captured.list(1, null).mails;
    const isSecure = far.farEnd.status.received > before && mail?.tls !== null;
    expect(`${came}${isSecure ? '+' : ''}`, mode).toBe(wanted);
  }
});
