import { describe, expect, it } from 'vitest';
import { CallTrace } from '../../../engine/delivery/attempt.ts';
import { PlanFailure, ReturnMessage } from '../../../engine/delivery/deliverer.ts';
import { DnsError } from '../../../engine/dns/resolver.ts';
import { reply } from '../../../engine/mail/smtp-reply.ts';
import { PolicyReject } from '../../../engine/policy/events.ts';
import type { LuaConnection } from '../../../engine/policy/events.ts';
import type { ThrottleSpec } from '../../../engine/policy/settings.ts';
import { idealConnections } from '../../../engine/queue/ready-queue.ts';
import { testPath } from '../../support/delivery.ts';
import { makeRig, outcome, refuse, report, SINK_QUEUE } from '../../support/queue-rig.ts';
import { SimClock } from '../../support/sim-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const rate = (limit: number, periodMs: number): ThrottleSpec => ({
  limit,
  periodMs,
  maxBurst: null,
  forceLocal: false,
  text: `${limit}/${periodMs}`,
});
const fixed = (value: number): { next(): number; bytes(n: number): Uint8Array } => ({
  next: () => value,
  bytes: (n) => new Uint8Array(n).map((_, i) => i),
});

it('idealConnections() grows slowly towards the limit', () => {
  const counts = [0, 1, 2, 3, 4, 5, 10, 20, 64].map((q) => idealConnections(q, 32));
  expect(counts).toEqual([0, 1, 2, 3, 3, 4, 7, 12, 25]);
  expect([1, 2, 500].map((q) => idealConnections(q, 1))).toEqual([1, 1, 1]);
});

describe('sessions', () => {
  it('serve several messages over one connection, and close when they are idle', async () => {
    const rig = makeRig({ path: { connectionLimit: 1 } });
    await rig.receive({ to: ['a@box.test'] });
    await rig.receive({ to: ['b@box.test'] });
    await rig.clock.advance(5 * SECOND - 1);
    expect(rig.sessions.map(({ log }) => log)).toEqual([['connect', 'a@box.test', 'b@box.test']]);
    await rig.clock.advance(1);
    expect(rig.sessions[0]?.log.at(-1)).toBe('close');
    expect(rig.records.map(({ sessionId }) => sessionId)).toEqual([
      rig.sessions[0]?.id,
      rig.sessions[0]?.id,
    ]);
    expect(rig.records[0]).toMatchObject({
      site: SINK_QUEUE,
      peerAddress: { name: 'mx.sink.test', addr: '127.0.0.1:25' },
      sourceAddress: { address: '127.0.0.1:40000' },
      egressPool: 'unspecified',
      egressSource: 'unspecified',
      deliveryProtocol: 'ESMTP',
    });
  });

  it('end after max_deliveries_per_connection; KumoMTA pauses a second before the next', async () => {
    for (const [mode, times] of [
      ['strict', ['0', '1']],
      ['ordinary', ['0', '0']],
    ] as const) {
      const rig = makeRig({
        mode,
        path: { maxDeliveriesPerConnection: 1, connectionLimit: 1 },
        config: { strategy: 'SkipList' },
      });
      await Promise.all([rig.receive(), rig.receive()]);
      await rig.clock.advance(3 * SECOND);
      expect(rig.sessions.map(({ log }) => log.join(' '))).toEqual([
        'connect user@box.test close',
        'connect user@box.test close',
      ]);
      expect(rig.timeline().map((line) => line.split(' ')[0])).toEqual(times);
    }
  });

  it('share a limit across ready queues and take turns under it', async () => {
    const rig = makeRig({
      config: (domain) => ({
        protocol: {
          kind: 'smtp',
          mxList: [{ kind: 'resolved', name: domain, addr: `10.0.0.${domain.length}` }],
          treatMxListAsSecure: false,
        },
      }),
      path: { additionalConnectionLimits: { shared: 1 } },
    });
    await rig.receive({ to: ['a@one.test'] });
    await rig.receive({ to: ['b@three.test'] });
    expect(rig.told()).toHaveLength(1);
    expect(rig.queues.lists.readyStates()).toEqual({
      states_by_ready_queue: {
        'unspecified->mx_list:10.0.0.10@smtp_client': {
          connection_limited: { context: 'shared', since: expect.any(String) },
        },
      },
    });
    await rig.clock.advance(5 * SECOND);
    expect(rig.told()).toHaveLength(2);
    expect(rig.queues.lists.readyStates()).toEqual({ states_by_ready_queue: {} });
  });

  it('fail the message in hand when no host answers, and others a second later', async () => {
    const rig = makeRig({ path: { connectionLimit: 1 }, connect: refuse('refused by all') });
    await Promise.all([rig.receive({ to: ['a@box.test'] }), rig.receive({ to: ['b@box.test'] })]);
    await rig.clock.advance(2 * SECOND);
    const text = '400 KumoMTA internal: failed to connect to any candidate hosts: refused by all';
    expect(rig.timeline()).toEqual([
      `0 s 0 TransientFailure ${text}`,
      `1 s 0 TransientFailure ${text}`,
    ]);
    expect(rig.records[0]).toMatchObject({
      site: SINK_QUEUE,
      peerAddress: null,
      sourceAddress: null,
      deliveryProtocol: 'ESMTP',
      egressSource: 'unspecified',
    });
    expect(rig.queues.lists.find(rig.records[0]?.message?.id ?? ('' as never))).toMatchObject({
      numAttempts: 1,
    });
  });

  it('do not make a new message wait for the pause after a failure', async () => {
    let tries = 0;
    const rig = makeRig({
      connect: () => {
        if (tries++ === 0) refuse('refused by all')();
      },
    });
    await rig.receive({ to: ['a@box.test'] });
    await rig.receive({ to: ['b@box.test'] });
    expect(rig.timeline().at(-1)).toBe('0 s 0 Delivery 250 2.0.0 queued');
  });

  it('fail everything that waits once too many connections in a row failed', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      path: { connectionLimit: 1, consecutiveConnectionFailuresBeforeDelay: 1 },
      connect: refuse('no'),
      events: { requeueMessage: async (_, ...args) => void asked.push(args[1]) },
    });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((u) => rig.receive({ to: [`${u}@box.test`] })));
    await rig.clock.advance(3 * SECOND);
    const bulk =
      '451 4.4.1 bulk delay of ready queue: too many successive connection failures where there ' +
      'was no answer from any hosts listed in MX';
    expect(rig.timeline().map((line) => line.replace(/400 .*/, '400 …'))).toEqual([
      '0 s 0 TransientFailure 400 …',
      '1 s 0 TransientFailure 400 …',
      '2 s 0 TransientFailure 400 …',
      `2 s 0 TransientFailure ${bulk}`,
      `2 s 0 TransientFailure ${bulk}`,
    ]);
    expect(rig.records[3]).toMatchObject({ deliveryProtocol: null, peerAddress: null });
    expect(asked[3]).toEqual(['TooManyConnectionFailures', 'LoggedTransientFailure']);
  });

  it('go on after an error in the delivery, which fails its message only', async () => {
    const answers = [new Error('boom'), '250 2.0.0 ok'];
    const rig = makeRig({ path: { connectionLimit: 1 }, peer: () => answers.shift() ?? '' });
    await rig.receive();
    await rig.receive();
    expect(rig.told()).toEqual([
      '0 TransientFailure 400 KumoMTA internal: error in deliver_message: boom',
      '0 Delivery 250 2.0.0 ok',
    ]);
    expect(rig.records[0]).toMatchObject({ peerAddress: null, sessionId: rig.sessions[0]?.id });
    expect(rig.sessions).toHaveLength(1);
  });

  it('drop a message back when the connection ended and no host is left', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      random: fixed(0.4),
      config: { retryIntervalMs: SECOND },
      path: { connectionLimit: 1 },
      peer: (_, session) => {
        session.peer = null;
        session.isExhausted = false;
        return report([outcome('421 4.3.2 closing')], { connectionBroken: true });
      },
      connect: (session) => {
        if (session.log.filter((line) => line === 'connect').length < 2) return;
        session.isExhausted = true;
        throw new ReturnMessage('DispatcherDrop');
      },
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 4)) },
    });
    await rig.receive();
    await rig.clock.advance(4 * SECOND);
    expect(rig.told().slice(0, 2)).toEqual([
      '0 TransientFailure 421 4.3.2 closing',
      '1 Delayed 400 Context: DispatcherDrop. Next due in 24s at 2026-01-05T09:00:27Z',
    ]);
    expect(asked[1]).toEqual([
      '451 4.4.1 KumoMTA internal: returning message to scheduled queue',
      ['DispatcherDrop'],
      false,
      null,
    ]);
    expect(rig.records[1]?.override?.size).toBe(0);
    expect(rig.store.attempts.map(({ end }) => end?.outcome)).toEqual(['deferred', 'cancelled']);
  });

  it('give a message back at once when the peer had closed the connection', async () => {
    const rig = makeRig({
      connect: (session) => {
        if (rig.sessions.length > 1) return;
        session.isExhausted = true;
        throw new ReturnMessage('PeerClosedConnection');
      },
    });
    await rig.receive();
    await rig.clock.advance(SECOND);
    expect(rig.told()).toEqual(['0 Delivery 250 2.0.0 queued']);
    expect(rig.sessions).toHaveLength(2);
  });

  it('end when they are aborted while they wait; the next message takes a new one', async () => {
    const rig = makeRig();
    await rig.receive();
    const { id } = rig.sessions[0] ?? {};
    expect(rig.queues.admin.abortSession(SINK_QUEUE, id ?? '')).toBe(true);
    await rig.clock.settle();
    expect(rig.queues.lists.ready()[0]).toMatchObject({ connections: 0 });
    await rig.receive();
    expect(rig.told()).toEqual(['0 Delivery 250 2.0.0 queued', '0 Delivery 250 2.0.0 queued']);
    expect(rig.sessions.map(({ log }) => log.filter((line) => !line.includes('@')))).toEqual([
      ['connect', 'abort', 'close'],
      ['connect'],
    ]);
  });

  it('are aborted when they make no progress, and their message comes back', async () => {
    const rig = makeRig({
      random: fixed(0.5),
      path: { dispatcherProgressWatchdogTimeoutMs: 10 * SECOND },
      deps: {
        smtp: {
          open: ({ sessionId }) => ({
            id: sessionId,
            isExhausted: false,
            phase: 'DeliveringMessage',
            peer: null,
            plan: async () => {},
            connect: async () => {},
            deliver: () => new Promise(() => {}),
            close: async () => {},
            abort: () => {},
          }),
        },
      },
    });
    await rig.receive();
    await rig.clock.advance(10 * SECOND);
    expect(rig.told()[0]).toMatch(
      /^0 Delayed 451 4\.4\.1 dispatcher watchdog aborted task; phase=DeliveringMessage detail=None session=\S+ age=10s time_in_phase=10s$/,
    );
    expect(rig.told()[1]).toMatch(/^0 Delayed 400 Context: DispatcherDrop\. Next due in 30s/);
  });
});

describe('recipients', () => {
  it('are finished one by one; the next attempt has those who are left', async () => {
    const asked: unknown[] = [];
    let attempt = 0;
    const rig = makeRig({
      config: { retryIntervalMs: SECOND },
      peer: () =>
        attempt++ === 0
          ? report([
              outcome('451 4.2.1 busy', [1]),
              outcome('550 5.1.1 gone', [2]),
              outcome('250 2.0.0 queued', [0]),
            ])
          : '250 2.0.0 later',
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 2)) },
    });
    const message = await rig.receive({ to: ['good@d.test', 'busy@d.test', 'gone@d.test'] });
    expect(rig.records.map(({ recipients, rowSeqs }) => [recipients, rowSeqs])).toEqual([
      [['busy@d.test'], [2]],
      [['gone@d.test'], [3]],
      [['good@d.test'], [1]],
    ]);
    expect(asked).toEqual([['250 2.0.0 queued', ['LoggedTransientFailure']]]);
    await rig.clock.advance(5 * SECOND);
    expect(rig.sessions[0]?.log.at(-1)).toBe('busy@d.test');
    expect(rig.records[3]).toMatchObject({ recipients: ['busy@d.test'], rowSeqs: [2] });
    expect([1, 2, 3].map((seq) => rig.store.row(seq).state)).toEqual([
      'delivered',
      'delivered',
      'bounced',
    ]);
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('that the peer called too many go again at once, without a record or an attempt', async () => {
    let attempt = 0;
    const rig = makeRig({
      peer: () =>
        attempt++ === 0
          ? report(
              [
                outcome('250 2.0.0 first', [0]),
                { ...outcome('452 4.5.3 too many', [1]), tooManyRecipients: true },
              ],
              { unfinished: true },
            )
          : '250 2.0.0 second',
    });
    await rig.receive({ to: ['a@d.test', 'b@d.test'] });
    expect(rig.told()).toEqual(['0 Delivery 250 2.0.0 first', '0 Delivery 250 2.0.0 second']);
    expect(rig.sessions[0]?.log).toEqual(['connect', 'a@d.test b@d.test', 'b@d.test']);
    expect(rig.store.attempts).toHaveLength(1);
    expect(rig.store.attempts[0]?.end).toMatchObject({ outcome: 'deferred' });
  });

  it('that stay too many are requeued for that reason', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      peer: () =>
        report([
          outcome('250 2.0.0 first', [0]),
          { ...outcome('452 4.5.3 too many', [1]), tooManyRecipients: true },
        ]),
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 3)) },
    });
    await rig.receive({ to: ['a@d.test', 'b@d.test'] });
    expect(asked).toEqual([['250 2.0.0 first', ['TooManyRecipients'], true]]);
    expect(rig.told()[1]).toMatch(/^1 Delayed 400 Context: TooManyRecipients\. Next due in/);
  });

  it('are tried on the next host within the attempt when the session says so', async () => {
    let attempt = 0;
    const rig = makeRig({
      peer: (_, session) => {
        if (attempt++ > 0) return '250 2.0.0 queued';
        session.peer = null;
        return report([outcome('421 4.3.2 closing')], { connectionBroken: true, unfinished: true });
      },
    });
    await rig.receive();
    expect(rig.told()).toEqual([
      '0 TransientFailure 421 4.3.2 closing',
      '0 Delivery 250 2.0.0 queued',
    ]);
    expect(rig.sessions[0]?.log).toEqual(['connect', 'user@box.test', 'connect', 'user@box.test']);
  });
});

describe('rates of the egress path', () => {
  it('send everything back when the wait is longer than a session idles', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      path: { maxMessageRate: rate(1, HOUR), connectionLimit: 1 },
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 4)) },
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()).toEqual([
      '0 Delivery 250 2.0.0 queued',
      '0 Delayed 400 Context: MessageRateThrottle. Next due in 1h at 2026-01-05T10:00:00Z',
    ]);
    expect(asked).toEqual([
      ['451 4.4.1 KumoMTA internal: ready queue throttled', ['MessageRateThrottle'], false, HOUR],
    ]);
  });

  it('are slept through when the wait is short', async () => {
    const rig = makeRig({ path: { maxMessageRate: rate(1, 3 * SECOND), connectionLimit: 1 } });
    await Promise.all([rig.receive(), rig.receive()]);
    await rig.clock.advance(10 * SECOND);
    expect(rig.timeline()).toEqual([
      '0 s 0 Delivery 250 2.0.0 queued',
      '3 s 0 Delivery 250 2.0.0 queued',
    ]);
  });

  it('hold a new connection without a record, and show that', async () => {
    const rig = makeRig({
      path: { maxConnectionRate: rate(1, HOUR), maxDeliveriesPerConnection: 1, connectionLimit: 1 },
    });
    await rig.receive();
    await rig.receive();
    await rig.clock.advance(20 * SECOND);
    expect(rig.told()).toHaveLength(1);
    expect(rig.queues.isQuiet).toBe(true);
    expect(rig.queues.lists.ready()[0]?.states).toEqual(['connection_rate_throttled']);
    await rig.clock.advance(HOUR);
    expect(rig.timeline()[1]).toBe('3600 s 0 Delivery 250 2.0.0 queued');
  });
});

describe('plans', () => {
  const failing =
    (failure: Error): (() => void) =>
    () => {
      throw failure;
    };

  it('that cannot be made decide for the whole ready queue', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      plan: failing(
        new PlanFailure(
          reply(451, "4.4.4 MX didn't resolve to any hosts"),
          'deferred',
          'MxResolvedToZeroHosts',
        ),
      ),
      events: { requeueMessage: async (_, ...args) => void asked.push(args[1]) },
    });
    await Promise.all([rig.receive(), rig.receive()]);
    expect(rig.told()).toEqual([
      "0 TransientFailure 451 4.4.4 MX didn't resolve to any hosts",
      "0 TransientFailure 451 4.4.4 MX didn't resolve to any hosts",
    ]);
    expect(rig.records[0]).toMatchObject({ site: SINK_QUEUE, deliveryProtocol: null });
    expect(asked[0]).toEqual(['MxResolvedToZeroHosts', 'LoggedTransientFailure']);
  });

  it('bounce for good', async () => {
    const rig = makeRig({
      plan: failing(
        new PlanFailure(
          reply(556, '5.1.10 Recipient address has a null MX'),
          'bounced',
          'FailedDueToNullMx',
        ),
      ),
    });
    const message = await rig.receive();
    expect(rig.told()).toEqual(['0 Bounce 556 5.1.10 Recipient address has a null MX']);
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('with a malformed entry fail; KumoMTA leaves the messages and tries each second', async () => {
    let tries = 0;
    const plan = (): void => {
      if (++tries < 4) throw new DnsError('MALFORMED', 'no trailing `]`');
    };
    const told = makeRig({ plan });
    await told.receive();
    expect(told.told()).toEqual([
      '0 TransientFailure 451 4.4.4 cannot plan the delivery: no trailing `]`',
    ]);
    tries = 0;
    const rig = makeRig({ mode: 'strict', plan });
    await rig.receive();
    expect(rig.queues.lists.ready()[0]).toMatchObject({ states: ['no trailing `]`'], depth: 1 });
    expect(rig.queues.isQuiet).toBe(true);
    await rig.clock.advance(3 * SECOND);
    expect(rig.timeline()).toEqual(['3 s 0 Delivery 250 2.0.0 queued']);
  });
});

describe('entering a ready queue', () => {
  it('waits a moment when it is full, without an event or an attempt', async () => {
    const rig = makeRig({
      random: fixed(0.5),
      path: { maxReady: 1, connectionLimit: 1, maxMessageRate: rate(1, 4 * SECOND) },
      events: { requeueMessage: () => Promise.reject(new Error('asked')) },
    });
    for (let i = 0; i < 4; i++) await rig.receive();
    expect(rig.told()).toEqual([
      '0 Delivery 250 2.0.0 queued',
      '0 Delayed 400 Context: Received, ReadyQueueWasFull. Next due in 30s at 2026-01-05T09:00:30Z',
    ]);
    expect(rig.diagnostics).toEqual([]);
  });

  it('fails when the hosts cannot be found: logged, counted, and kept for a minute', async () => {
    const asked: unknown[] = [];
    let lookups = 0;
    const rig = makeRig({
      config: {
        protocol: { kind: 'smtp', mxList: [], treatMxListAsSecure: false },
        providerName: 'prov',
      },
      deps: {
        mx: {
          lookupMx: async () => {
            lookups++;
            throw new DnsError('NXDOMAIN', 'MX lookup for box.test failed after 1ms: NXDOMAIN');
          },
        },
      },
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 3)) },
    });
    await rig.receive();
    await rig.receive();
    const text =
      'failed to resolve queue box.test: MX lookup for box.test failed after 1ms: NXDOMAIN';
    expect(rig.told()).toEqual([
      `0 TransientFailure 451 4.4.4 ${text}`,
      `0 TransientFailure 451 4.4.4 ${text}`,
    ]);
    expect(rig.records[0]).toMatchObject({ egressPool: null, providerName: 'prov' });
    expect(rig.records[0]).not.toHaveProperty('site');
    expect(asked[0]).toEqual([
      `451 4.4.4 KumoMTA internal: box.test error while inserting into ready queue: ${text}`,
      ['Received', 'LoggedTransientFailure', 'FailedToInsertIntoReadyQueue'],
      true,
    ]);
    expect(lookups).toBe(1);
    expect(rig.store.attempts[0]?.end).toMatchObject({ outcome: 'deferred', code: 451 });
  });

  it('gives the guard its own words when the door is shut, and asks again next time', async () => {
    let lookups = 0;
    const rig = makeRig({
      config: { protocol: { kind: 'smtp', mxList: [], treatMxListAsSecure: false } },
      deps: {
        mx: {
          lookupMx: async () => {
            lookups++;
            throw new DnsError('REFUSED', 'guard: box.test is not open');
          },
        },
      },
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()[0]).toBe('0 TransientFailure 451 4.7.1 guard: box.test is not open');
    expect(lookups).toBe(2);
  });

  it('fails when get_egress_path_config does, each time anew', async () => {
    let asked = 0;
    const rig = makeRig({
      events: {
        getEgressPathConfig: async () => {
          asked++;
          throw new Error('error converting Lua nil to EgressPathConfig');
        },
      },
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()[0]).toBe(
      '0 TransientFailure 451 4.4.4 failed to resolve queue box.test: error converting Lua nil to EgressPathConfig',
    );
    expect(asked).toBe(2);
  });

  it('finds the path as the policy has it now, when that of before is a minute old', async () => {
    let ehloDomain = 'before.test';
    let isBroken = false;
    const greeted: (string | null)[] = [];
    const rig = makeRig({
      events: {
        getEgressPathConfig: async () => {
          if (isBroken) throw new Error('broken for a moment');
          return testPath({ ehloDomain });
        },
      },
      connect: ({ settings }) => void greeted.push(settings.path.ehloDomain),
    });
    await rig.receive();
    ehloDomain = 'after.test';
    for (const isFailing of [false, true, false]) {
      isBroken = isFailing;
      await rig.clock.advance(MINUTE);
      await rig.receive();
    }
    expect(greeted).toEqual(['before.test', 'after.test', 'after.test', 'after.test']);
  });

  it('strictly, asks for the path every minute until nobody used it for ten', async () => {
    let asked = 0;
    const rig = makeRig({
      mode: 'strict',
      events: { getEgressPathConfig: async () => (asked++, testPath()) },
    });
    rig.queues.start();
    await rig.receive();
    await rig.clock.advance(3 * MINUTE);
    expect(asked).toBe(4);
    await rig.clock.advance(HOUR);
    expect(asked).toBe(11);
    expect(rig.queues.lists.ready()).toEqual([]);
    await rig.queues.stop();
  });

  it('tells apart a pool without sources and one whose sources may not be used now', async () => {
    const pool = (entries: { name: string; weight: number }[]): Parameters<typeof makeRig>[0] => ({
      config: { egressPool: 'p' },
      events: {
        getEgressPool: async (name) => ({ name, entries, ttlMs: MINUTE }),
        getEgressSource: async (name) => ({ ...SOURCE, name }),
      },
    });
    const empty = makeRig(pool([{ name: 'a', weight: 0 }]));
    await empty.receive();
    expect(empty.told()).toEqual([
      '0 TransientFailure 451 4.4.4 KumoMTA internal: no sources available for box.test pool=`p`',
    ]);
    const held = makeRig(pool([{ name: 'a', weight: 1 }]));
    held.queues.admin.suspendReadyQueue({
      name: 'a->mx_list:127.0.0.1:25@smtp_client',
      reason: 'trouble',
    });
    await held.receive();
    expect(held.told()).toEqual([
      '0 TransientFailure 451 4.4.4 KumoMTA internal: no sources for box.test pool=`p` are eligible for selection at this time',
    ]);
    expect(held.records[0]).toMatchObject({ egressPool: 'p' });
    expect(held.records[0]?.egressSource ?? null).toBeNull();
  });

  it('takes the sources of a pool in turn, and asks for each of them once', async () => {
    const asked: string[] = [];
    const rig = makeRig({
      config: { egressPool: 'mixed' },
      events: {
        getEgressPool: async (name) => (
          asked.push(`pool ${name}`),
          {
            name,
            entries: [
              { name: 'one', weight: 2 },
              { name: 'two', weight: 1 },
            ],
            ttlMs: MINUTE,
          }
        ),
        getEgressSource: async (name) => (asked.push(`source ${name}`), { ...SOURCE, name }),
      },
    });
    for (let i = 0; i < 5; i++) await rig.receive();
    expect(rig.records.map(({ egressSource }) => egressSource)).toEqual([
      'two',
      'one',
      'one',
      'two',
      'one',
    ]);
    expect(asked).toEqual(['pool mixed', 'source one', 'source two']);
  });

  it('puts KumoMTA’s contexts before a failing pool', async () => {
    const rig = makeRig({
      config: { egressPool: 'p' },
      events: {
        getEgressPool: async () => ({ name: 'p', entries: [{ name: 's', weight: 1 }], ttlMs: 1 }),
        getEgressSource: () => Promise.reject(new Error('no such source')),
      },
    });
    await expect(rig.queues.resolve('box.test', null)).rejects.toThrow(
      "resolving egress pool 'p': get_egress_source 's': no such source",
    );
  });

  it('uses another source while the selection rate of one is used up', async () => {
    const rig = makeRig({
      path: { sourceSelectionRate: rate(1, HOUR) },
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()[1]).toBe(
      '0 TransientFailure 451 4.4.4 KumoMTA internal: no sources for box.test pool=`unspecified` are eligible for selection at this time',
    );
  });
});

const SOURCE = {
  ehloDomain: null,
  sourceAddress: null,
  remotePort: null,
  haProxyServer: null,
  haProxySourceAddress: null,
  socks5ProxyServer: null,
  socks5ProxySourceAddress: null,
  ttlMs: MINUTE,
};

describe('custom Lua', () => {
  function lua(
    send: LuaConnection['send'],
    batch: { batchSize?: number; minBatchSize?: number; maxBatchLatencyMs?: number } = {},
  ): ReturnType<typeof makeRig> {
    return makeRig({
      config: {
        retryIntervalMs: SECOND,
        protocol: {
          kind: 'lua',
          constructor_: 'make.door',
          batchSize: 1,
          minBatchSize: 1,
          maxBatchLatencyMs: 0,
          ...batch,
        },
      },
      path: { connectionLimit: 1 },
      events: {
        construct: async () => ({ send, close: async () => {}, release: () => {} }),
      },
    });
  }

  it('goes through a ready queue named after the domain and the constructor', async () => {
    const rig = lua(async () => 'stored as 17');
    await rig.receive();
    expect(rig.told()).toEqual(['0 Delivery 200 stored as 17']);
    expect(rig.records[0]).toMatchObject({
      site: 'unspecified->box.test@lua:make.door',
      peerAddress: { name: 'Lua via make.door', addr: '0.0.0.0' },
      deliveryProtocol: 'Lua',
      egressPool: 'unspecified',
    });
    expect(rig.store.attempts[0]).toMatchObject({ route: 'lua:make.door' });
  });

  it('builds a new object once the policy changed; KumoMTA when the session idled', async () => {
    for (const [mode, expected] of [
      ['ordinary', ['made 1 delivers', 'made 1 closes', 'made 2 delivers']],
      ['strict', ['made 1 delivers', 'made 1 delivers']],
    ] as const) {
      const log: string[] = [];
      let made = 0;
      const rig = makeRig({
        mode,
        config: {
          protocol: {
            kind: 'lua',
            constructor_: 'make.door',
            ...{ batchSize: 1, minBatchSize: 1, maxBatchLatencyMs: 0 },
          },
        },
        events: {
          construct: async () => {
            const name = `made ${++made}`;
            return {
              send: async () => `${log.push(`${name} delivers`)}`,
              close: async () => void log.push(`${name} closes`),
              release: () => {},
            };
          },
        },
      });
      await rig.receive();
      await rig.queues.configChanged();
      await rig.receive();
      expect(log, mode).toEqual(expected);
    }
  });

  it('waits for min_batch_size and sends one result for all', async () => {
    const sent: number[] = [];
    const rig = lua(
      async (messages) => `batch of ${sent.push(messages.length) && messages.length}`,
      {
        batchSize: 3,
        minBatchSize: 3,
        maxBatchLatencyMs: 8 * SECOND,
      },
    );
    for (const user of ['a', 'b', 'c']) await rig.receive({ to: [`${user}@box.test`] });
    expect(rig.told()).toEqual(Array.from({ length: 3 }, () => '0 Delivery 200 batch of 3'));
    await rig.receive({ to: ['d@box.test'] });
    expect(rig.told()).toHaveLength(3);
    await rig.clock.advance(5 * SECOND);
    expect(rig.timeline().at(-1)).toBe('5 s 0 Delivery 200 batch of 1');
    expect(sent).toEqual([3, 1]);
  });

  it('gives a batch that is not full back when the ready queue is suspended', async () => {
    const rig = lua(async () => 'sent', {
      batchSize: 2,
      minBatchSize: 2,
      maxBatchLatencyMs: 4 * SECOND,
    });
    await rig.receive();
    rig.queues.admin.suspendReadyQueue({
      name: 'unspecified->box.test@lua:make.door',
      reason: 'held',
    });
    await rig.clock.settle();
    expect(rig.timeline()).toEqual([
      '0 s 0 TransientFailure 451 4.4.4 KumoMTA internal: no sources for box.test pool=`unspecified` are eligible for selection at this time',
    ]);
  });

  it('ends a batch by its latency when that comes before the idle time', async () => {
    const rig = lua(async (messages) => `${messages.length}`, {
      batchSize: 3,
      minBatchSize: 2,
      maxBatchLatencyMs: 2 * SECOND,
    });
    await rig.receive();
    await rig.clock.advance(10 * SECOND);
    expect(rig.timeline()).toEqual(['2 s 0 Delivery 200 1']);
  });

  it('fails the next message for a session that closed, then builds a new one', async () => {
    const answers = [new Error('jammed'), 'ok'];
    const rig = lua(async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer ?? '';
    });
    await rig.receive({ to: ['a@box.test'] });
    await rig.receive({ to: ['b@box.test'] });
    await rig.clock.advance(2 * SECOND);
    await rig.receive({ to: ['c@box.test'] });
    expect(rig.told().slice(0, 3)).toEqual([
      '0 TransientFailure 400 KumoMTA internal: error in deliver_message: jammed',
      '0 TransientFailure 400 KumoMTA internal: failed to connect to any candidate hosts: only one connection attempt per session',
      '0 Delivery 200 ok',
    ]);
  });

  it('bounces and defers as the script rejects', async () => {
    const codes = [550, 450];
    const rig = lua(async () => {
      throw new PolicyReject(codes.shift() ?? 0, 'because', 'If421');
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()).toEqual(['0 Bounce 550 because', '0 TransientFailure 450 because']);
  });
});

describe('deliveries inside the engine', () => {
  const newTrace = (): CallTrace => new CallTrace(new SimClock());

  it('are logged without egress and session, and leave the queue', async () => {
    const run: string[] = [];
    const rig = makeRig({
      deps: {
        inProcess: {
          generate: async (message) => void run.push(message.id),
          injectDeferred: async () => {},
          newTrace,
        },
      },
    });
    const message = await rig.receive({ to: [''], meta: { queue: 'generator.kumomta.internal' } });
    expect(run).toEqual([message.id]);
    expect(rig.told()).toEqual(['0 Delivery 250 ok']);
    expect(rig.records[0]).toMatchObject({
      site: 'unspecified->generator.kumomta.internal@httpinject:generator',
      deliveryProtocol: 'HttpInjectionGenerator',
    });
    expect(rig.records[0]).not.toHaveProperty('sessionId');
    expect(rig.records[0]).not.toHaveProperty('egressPool');
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('let a message that moved on by itself be', async () => {
    const rig = makeRig({
      deps: {
        inProcess: {
          generate: async () => {},
          injectDeferred: async (message) => {
            delete message.meta['queue'];
            await rig.queues.insert(message, 'Received', null);
            await rig.clock.settle();
          },
          newTrace,
        },
      },
    });
    await rig.receive({ meta: { queue: 'deferred_smtp_inject.kumomta.internal' } });
    await rig.clock.settle();
    expect(rig.told()).toEqual(['0 Delivery 250 2.0.0 queued', '0 DeferredInjectionRebind 250 ok']);
    expect(rig.records[1]).toMatchObject({
      deliveryProtocol: 'DeferredSmtpInjection',
      recipients: ['user@box.test'],
    });
  });
});
