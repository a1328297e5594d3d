import { describe, expect, it } from 'vitest';
import { MailClock } from '../../../engine/base/mail-clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { parseScheduling } from '../../../engine/mail/scheduling.ts';
import { PolicyReject } from '../../../engine/policy/events.ts';
import { DEFAULT_QUEUE_CONFIG } from '../../../engine/queue/built-in-queues.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { makeRig, SINK_QUEUE } from '../../support/queue-rig.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Fails until `count` attempts were made. */
function failing(count: number): () => string {
  let attempts = 0;
  return () => (attempts++ < count ? '451 4.2.0 not yet' : '250 2.0.0 queued');
}

describe('the retry schedule', () => {
  it('is found on the ticks of the wheel: 2 s become 3, 4 s become 6', async () => {
    const rig = makeRig({
      config: { retryIntervalMs: 2 * SECOND, maxRetryIntervalMs: 4 * SECOND },
      peer: failing(3),
    });
    await rig.receive();
    await rig.clock.advance(MINUTE);
    expect(rig.timeline()).toEqual([
      '0 s 0 TransientFailure 451 4.2.0 not yet',
      '3 s 1 TransientFailure 451 4.2.0 not yet',
      '9 s 2 TransientFailure 451 4.2.0 not yet',
      '15 s 3 Delivery 250 2.0.0 queued',
    ]);
  });

  it('is exact with a SkipList', async () => {
    const rig = makeRig({
      config: { retryIntervalMs: SECOND, strategy: 'SkipList' },
      peer: failing(4),
    });
    await rig.receive();
    await rig.clock.advance(MINUTE);
    expect(rig.timeline().map((line) => line.split(' ')[0])).toEqual(['0', '1', '3', '7', '15']);
  });

  it('ticks a twentieth of the interval with a TimerWheel', async () => {
    const rig = makeRig({
      config: { retryIntervalMs: 50 * SECOND, strategy: 'TimerWheel' },
      random: { next: () => 0.99, bytes: (n) => new Uint8Array(n) },
      peer: failing(1),
    });
    await rig.receive();
    await rig.clock.advance(2 * MINUTE);
    // Due after 51 s, jitter included; ticks are 2.5 s apart.
    expect(rig.timeline()[1]).toBe('52.5 s 1 Delivery 250 2.0.0 queued');
  });

  it('runs a week of retries to the expiry, in due order, with seeded jitter', async () => {
    const rig = makeRig({ random: new SeededRandom(2026), peer: () => '451 4.7.1 greylisted' });
    await rig.receive();
    await rig.clock.advance(8 * 24 * HOUR);
    const seconds = rig.timeline().map((line) => Number(line.split(' ')[0]));
    expect(seconds).toEqual([
      0, 1197, 3624, 8424, 18_000, 37_173, 75_573, 152_364, 305_991, 305_991,
    ]);
    expect(rig.told().at(-1)).toMatch(
      /^9 Expiration 551 5\.4\.7 Next delivery time would be 7days \S+.* after creation, which exceeds max_age=7days$/,
    );
    expect(rig.store.row(1)).toMatchObject({ state: 'expired', nextDueMs: null });
    expect(rig.store.attempts.map(({ end }) => end?.details['arithmetic'] ?? null)).toMatchObject([
      expect.stringMatching(/^20 m × 2⁰ [+−] \d+ s jitter$/),
      ...Array.from({ length: 7 }, () => expect.any(String)),
      null,
    ]);
  });

  it('ends with an Expiration at once when max_age comes before the first retry', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      config: { retryIntervalMs: 2 * SECOND, maxAgeMs: SECOND },
      peer: () => '451 4.7.1 greylisted',
      events: {
        requeueMessage: async (message, ...args) =>
          void asked.push([message.numAttempts, ...args.slice(0, 4)]),
      },
    });
    await rig.receive();
    expect(rig.told()).toEqual([
      '0 TransientFailure 451 4.7.1 greylisted',
      '1 Expiration 551 5.4.7 Next delivery time would be 2s after creation, which exceeds max_age=1s',
    ]);
    expect(asked).toEqual([[0, '451 4.7.1 greylisted', ['LoggedTransientFailure'], true, null]]);
    expect(rig.records[1]).toMatchObject({ site: '', egressPool: null, providerName: null });
    expect(rig.store.isWaiting(rig.records[0]?.message?.id ?? ('' as never))).toBe(false);
  });
});

describe('the mail clock', () => {
  it('forwards a week as discrete events, each settled before the next', async () => {
    const real = new SimClock();
    const mail = new MailClock(real);
    const times: number[] = [];
    const start = mail.now();
    const rig = makeRig({
      clock: real,
      peer: () => (times.push((mail.now() - start) / HOUR), '451 4.7.1 greylisted'),
      random: { next: () => 0.5, bytes: (n) => new Uint8Array(n) },
      deps: { clock: mail },
    });
    await rig.receive();
    await mail.forward(8 * 24 * HOUR, { settled: () => rig.queues.whenQuiet() });
    expect(times.map((hours) => Math.round(hours * 3) / 3)).toEqual([
      0,
      1 / 3,
      1,
      7 / 3,
      5,
      31 / 3,
      21,
      127 / 3,
      85,
    ]);
    expect(rig.told().at(-1)).toContain('Expiration');
    expect(mail.now()).toBe(start + 8 * 24 * HOUR);
    expect(real.now()).toBe(start);
  });

  it('frozen, nothing is sent again; going on, it is', async () => {
    const real = new SimClock();
    const mail = new MailClock(real);
    const rig = makeRig({ clock: real, deps: { clock: mail }, peer: failing(1) });
    await rig.receive();
    mail.setSpeed(0);
    await real.advance(24 * HOUR);
    expect(rig.told()).toHaveLength(1);
    mail.setSpeed(3600);
    await real.advance(SECOND);
    expect(rig.told()).toHaveLength(2);
  });
});

describe('scheduling constraints', () => {
  it('hold a message back with a Delayed record and no attempt', async () => {
    const rig = makeRig();
    await rig.receive({}, (message) => {
      const at = new Date(rig.clock.now() + 4 * SECOND).toISOString();
      message.scheduling = parseScheduling({ first_attempt: at });
      message.due = rig.clock.now() + 4 * SECOND;
    });
    await rig.clock.advance(10 * SECOND);
    expect(rig.timeline()).toEqual([
      '0 s 0 Delayed 400 Context: Received, ScheduledForLater. Next due in 4s at 2026-01-05T09:00:04Z',
      '6 s 0 Delivery 250 2.0.0 queued',
    ]);
    expect(rig.records.map((record) => record.override?.size)).toEqual([24, 24]);
  });

  it('let expires decide instead of max_age, with its own words', async () => {
    const rig = makeRig({
      config: { maxAgeMs: SECOND, retryIntervalMs: 30 * SECOND },
      peer: () => '451 4.2.0 wait',
    });
    await rig.receive({}, (message) => {
      message.scheduling = parseScheduling({ expires: '2026-01-05T09:01:00Z' });
    });
    await rig.clock.advance(5 * MINUTE);
    expect(rig.told()).toEqual([
      '0 TransientFailure 451 4.2.0 wait',
      '1 TransientFailure 451 4.2.0 wait',
      '2 Expiration 551 5.4.7 Next delivery time would be at 2026-01-05 09:01:30 UTC which ' +
        'exceeds the expiry time 2026-01-05 09:01:00 +00:00 configured via set_scheduling',
    ]);
  });
});

describe('requeue_message', () => {
  it('moves the message to another queue at once, the attempt counted', async () => {
    const rig = makeRig({
      config: { retryIntervalMs: SECOND },
      peer: (message) => (message.getMeta('campaign') === 'b' ? '250 2.0.0 ok' : '450 4.2.1 busy'),
      events: {
        requeueMessage: async (message) => {
          if (message.numAttempts >= 1) message.setMeta('campaign', 'b');
        },
      },
    });
    const message = await rig.receive();
    await rig.clock.advance(10 * SECOND);
    expect(rig.timeline()).toEqual([
      '0 s 0 TransientFailure 450 4.2.1 busy',
      '3 s 1 TransientFailure 450 4.2.1 busy',
      '3 s 2 Delivery 250 2.0.0 ok',
    ]);
    expect(rig.store.queueOf(message.id)).toBe('b:@box.test');
  });

  it('bounces with whatever it rejects, a 4xx included', async () => {
    const rig = makeRig({
      peer: () => '450 4.2.1 busy',
      events: {
        requeueMessage: async () => {
          throw new PolicyReject(421, 'no more', 'If421');
        },
      },
    });
    const message = await rig.receive();
    expect(rig.told()).toEqual(['0 TransientFailure 450 4.2.1 busy', '0 Bounce 421 no more']);
    expect(rig.records[1]).not.toHaveProperty('site');
    expect(rig.store.isWaiting(message.id)).toBe(false);
    expect(rig.store.attempts[0]?.end).toMatchObject({ outcome: 'deferred', nextDueMs: null });
  });

  it('is only reported when it fails otherwise', async () => {
    const rig = makeRig({
      peer: failing(1),
      events: { requeueMessage: () => Promise.reject(new Error('oops')) },
      config: { retryIntervalMs: SECOND },
    });
    await rig.receive();
    await rig.clock.advance(5 * SECOND);
    expect(rig.told().at(-1)).toBe('1 Delivery 250 2.0.0 queued');
    expect(rig.diagnostics).toEqual(['error: requeue_message: oops']);
  });

  it('keeps a message whose name it broke, in the queue where it was', async () => {
    const rig = makeRig({
      peer: () => '450 4.2.1 busy',
      events: {
        requeueMessage: async (message) => message.setMeta('tenant', 42),
      },
    });
    const message = await rig.receive();
    expect(rig.store.queueOf(message.id)).toBe('box.test');
    expect(rig.queues.lists.find(message.id)).toMatchObject({ numAttempts: 1 });
  });
});

describe('throttles', () => {
  it('max_message_rate delays without an attempt, by whole seconds', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      config: {
        maxMessageRate: {
          limit: 2,
          periodMs: HOUR,
          maxBurst: null,
          forceLocal: false,
          text: '2/h',
        },
      },
      events: {
        requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 4)),
      },
    });
    for (const user of ['a', 'b', 'c']) await rig.receive({ to: [`${user}@rate.test`] });
    expect(rig.told()).toEqual([
      '0 Delivery 250 2.0.0 queued',
      '0 Delivery 250 2.0.0 queued',
      '0 Delayed 400 Context: Received, MessageRateThrottle. Next due in 30m at 2026-01-05T09:30:00Z',
    ]);
    expect(asked).toEqual([
      [
        '451 4.4.4 KumoMTA internal: rate.test throttled message rate, delay=TimeDelta { secs: 1800, nanos: 0 }',
        ['Received', 'MessageRateThrottle'],
        false,
        1_800_000,
      ],
    ]);
    expect(rig.store.attempts).toHaveLength(2);
    await rig.clock.advance(HOUR);
    expect(rig.timeline().at(-1)).toBe('1800 s 0 Delivery 250 2.0.0 queued');
  });

  it('a throttled message that expires meanwhile says so in the other words', async () => {
    const rig = makeRig({
      config: {
        maxAgeMs: MINUTE,
        maxMessageRate: {
          limit: 1,
          periodMs: HOUR,
          maxBurst: null,
          forceLocal: false,
          text: '1/h',
        },
      },
    });
    await rig.receive();
    await rig.receive();
    expect(rig.told()[1]).toBe('0 Expiration 551 5.4.7 Next delivery time PT3600S > PT60S');
    expect(rig.records[1]?.site).toBe('localhost');
  });

  it('throttle_insert_ready_queue puts off by up to a minute, not by what it chose', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      random: { next: () => 0.5, bytes: (n) => new Uint8Array(n) },
      events: {
        throttleInsertReadyQueue: async (message) => {
          if (asked.length === 0) message.due = rig.clock.now() + HOUR;
        },
        requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 4)),
      },
    });
    await rig.receive();
    expect(rig.told()).toEqual([
      '0 Delayed 400 Context: Received, ThrottledByThrottleInsertReadyQueue. Next due in 30s at 2026-01-05T09:00:30Z',
    ]);
    expect(asked).toEqual([
      [
        '451 4.4.4 KumoMTA internal: box.test throttle_insert_ready_queue event throttled message rate, due=2026-01-05T10:00:00Z',
        ['Received', 'ThrottledByThrottleInsertReadyQueue'],
        false,
        null,
      ],
    ]);
    await rig.clock.advance(MINUTE);
    expect(rig.timeline().at(-1)).toBe('30 s 0 Delivery 250 2.0.0 queued');
  });

  it('an error in throttle_insert_ready_queue reaches whoever inserted', async () => {
    const rig = makeRig({
      events: {
        throttleInsertReadyQueue: () => Promise.reject(new PolicyReject(550, 'no', 'If421')),
      },
    });
    await expect(rig.receive()).rejects.toThrow('550 no');
  });

  it('strictly, one on the way out of a queue with a wheel of its own is the last thing it does', async () => {
    for (const [strategy, expected] of [
      ['SingletonTimerWheel', ['0 s', '2 s', '6 s']],
      ['TimerWheel', ['0 s', '2 s']],
      ['SkipList', ['0 s', '2 s']],
    ] as const) {
      let asked = 0;
      const rig = makeRig({
        mode: 'strict',
        config: { retryIntervalMs: 4 * SECOND, strategy },
        peer: failing(2),
        events: {
          throttleInsertReadyQueue: async () => {
            if (++asked === 3) throw new PolicyReject(550, 'no', 'If421');
          },
        },
      });
      await rig.receive();
      await rig.clock.advance(2 * SECOND);
      await rig.receive();
      await rig.clock.advance(MINUTE);
      const times = rig.timeline().map((line) => line.split(' ').slice(0, 2).join(' '));
      expect(times, strategy).toEqual(expected);
    }
  });
});

describe('get_queue_config', () => {
  it('fails for 60 s without being asked again', async () => {
    let asked = 0;
    const rig = makeRig({
      events: {
        getQueueConfig: async () => {
          asked++;
          throw new Error('error converting Lua nil to QueueConfig');
        },
      },
    });
    const resolve = (): Promise<void> => rig.queues.resolve('nil.test', null);
    await expect(resolve()).rejects.toThrow('error converting Lua nil to QueueConfig');
    await expect(resolve()).rejects.toThrow('error converting Lua nil to QueueConfig');
    expect(asked).toBe(1);
    await rig.clock.advance(MINUTE);
    await expect(resolve()).rejects.toThrow();
    expect(asked).toBe(2);
  });

  it('is asked once by messages that come together, and again when it is a minute old', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({ config: (domain) => (asked.push(domain), {}) });
    await Promise.all([rig.queues.resolve('a.test', null), rig.queues.resolve('a.test', null)]);
    await rig.clock.advance(MINUTE - 1);
    await rig.queues.resolve('a.test', null);
    expect(asked).toEqual(['a.test']);
    await rig.clock.advance(1);
    await rig.queues.resolve('a.test', null);
    expect(asked).toEqual(['a.test', 'a.test']);
  });

  it('strictly, is asked for every minute on a tick of ten seconds, used or not', async () => {
    const asked: string[] = [];
    const rig = makeRig({
      mode: 'strict',
      config: (domain) => {
        asked.push(`${rig.clock.monotonic() / SECOND} s ${domain}`);
        if (asked.length === 3) throw new Error('broken for a moment');
        return { refreshStrategy: domain === 'ttl.test' ? 'Ttl' : 'Epoch' };
      },
    });
    rig.queues.start();
    await rig.clock.advance(5 * SECOND);
    await rig.queues.resolve('ttl.test', null);
    await rig.queues.resolve('epoch.test', null);
    await rig.clock.advance(63 * SECOND);
    await rig.queues.resolve('ttl.test', null);
    await rig.clock.advance(3 * MINUTE);
    await rig.queues.stop();
    expect(asked).toEqual([
      '5 s ttl.test',
      '5 s epoch.test',
      '70 s ttl.test',
      '130 s ttl.test',
      '190 s ttl.test',
    ]);
  });

  it('is not asked for reserved queues, and null swallows', async () => {
    const rig = makeRig({
      config: () => {
        throw new Error('asked');
      },
    });
    const message = await rig.receive({ meta: { queue: 'null' } });
    expect(rig.told()).toEqual([]);
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('keeps the old answer when a refresh fails, and says so', async () => {
    let isBroken = false;
    const rig = makeRig({
      config: () => {
        if (isBroken) throw new Error('broken now');
        return {};
      },
    });
    await rig.receive();
    isBroken = true;
    await rig.queues.configChanged();
    await rig.receive();
    expect(rig.told()).toHaveLength(2);
    expect(rig.queues.lists.scheduled()[0]).toMatchObject({ configError: 'broken now' });
  });

  it('is asked again an interval after a refresh that failed', async () => {
    const asked: string[] = [];
    const rig = makeRig({
      config: () => {
        asked.push(`${rig.clock.monotonic() / SECOND} s`);
        if (asked.length === 2) throw new Error('broken for a moment');
        return {};
      },
    });
    await rig.queues.resolve('a.test', null);
    for (let minute = 0; minute < 3; minute++) {
      await rig.clock.advance(MINUTE);
      await rig.queues.resolve('a.test', null);
    }
    expect(asked).toEqual(['0 s', '60 s', '120 s', '180 s']);
  });

  it('follows a change of the policy at once; KumoMTA only where the queue asks for it', async () => {
    for (const [mode, strategy, expected] of [
      ['ordinary', 'Ttl', 2],
      ['strict', 'Ttl', 1],
      ['strict', 'Epoch', 2],
    ] as const) {
      let asked = 0;
      const rig = makeRig({ mode, config: () => (asked++, { refreshStrategy: strategy }) });
      await rig.queues.resolve('a.test', null);
      await rig.queues.configChanged();
      expect(asked, `${mode} ${strategy}`).toBe(expected);
    }
  });

  it('comes with the pool as it is now; KumoMTA knows it until its ttl', async () => {
    for (const [mode, expected] of [
      ['ordinary', 2],
      ['strict', 1],
    ] as const) {
      let asked = 0;
      const rig = makeRig({
        mode,
        config: { egressPool: 'p', refreshStrategy: 'Epoch' },
        events: { getEgressPool: async (name) => (asked++, { name, entries: [], ttlMs: MINUTE }) },
      });
      await rig.queues.resolve('a.test', null);
      await rig.queues.configChanged();
      expect(asked, mode).toBe(expected);
      await rig.clock.advance(MINUTE);
      await rig.queues.configChanged();
      expect(asked, mode).toBe(expected + 1);
    }
  });

  it('changes the strategy of a live queue, which KumoMTA only warns about', async () => {
    for (const [mode, seconds] of [
      ['ordinary', ['180', '182']],
      ['strict', ['180', '183']],
    ] as const) {
      let strategy: 'SkipList' | 'SingletonTimerWheel' = 'SingletonTimerWheel';
      const rig = makeRig({
        mode,
        config: () => ({ strategy, retryIntervalMs: 2 * SECOND }),
        peer: failing(1),
      });
      await rig.queues.resolve('box.test', null);
      await rig.clock.advance(3 * MINUTE);
      strategy = 'SkipList';
      await rig.receive();
      await rig.clock.advance(MINUTE);
      expect(
        rig.timeline().map((line) => line.split(' ')[0]),
        mode,
      ).toEqual(seconds);
    }
  });

  it('gives way to a route that answers for the queue', async () => {
    const rig = makeRig({
      deps: {
        overlay: {
          answer: (domain) =>
            domain === 'routed.test'
              ? {
                  route: 'capture all',
                  config: {
                    ...DEFAULT_QUEUE_CONFIG,
                    protocol: { kind: 'maildir', path: '/m', dirMode: null, fileMode: null },
                  },
                }
              : null,
        },
      },
    });
    await rig.receive({ to: ['a@routed.test'] });
    await rig.receive({ to: ['b@other.test'] });
    expect(rig.told()).toEqual([
      '0 Delivery 200 a@routed.test: wrote to maildir with id=u0',
      '0 Delivery 250 2.0.0 queued',
    ]);
    expect(rig.store.attempts.map(({ route }) => route)).toEqual(['capture all', 'smtp']);
  });
});

describe('Queues', () => {
  it('drops queues and ready queues that nobody used for ten minutes', async () => {
    const rig = makeRig();
    rig.queues.start();
    await rig.receive();
    await rig.clock.advance(9 * MINUTE);
    expect([rig.queues.lists.scheduled().length, rig.queues.lists.ready().length]).toEqual([1, 1]);
    await rig.clock.advance(2 * MINUTE);
    expect([rig.queues.lists.scheduled().length, rig.queues.lists.ready().length]).toEqual([0, 0]);
  });

  it('tells what is where, and why', async () => {
    const rig = makeRig({ peer: () => '451 4.7.1 greylisted' });
    const message = await rig.receive();
    expect(rig.queues.lists.scheduled()).toMatchObject([
      {
        name: 'box.test',
        depth: 1,
        lastError: '451 4.7.1 greylisted',
        protocol: 'smtp_client',
        suspended: null,
        bouncing: null,
        configError: null,
      },
    ]);
    expect(rig.queues.lists.ready()).toMatchObject([
      { name: SINK_QUEUE, depth: 0, connections: 1, lastReply: '451 4.7.1 greylisted' },
    ]);
    const detail = rig.queues.lists.detail('box.test', 10);
    expect(detail?.messages[0]).toMatchObject({ messageId: message.id, numAttempts: 1 });
    expect(detail?.messages[0]?.why).toMatch(
      /^Waits .* after attempt 1, last reply in its queue: 451 4\.7\.1 greylisted$/,
    );
    expect(rig.queues.lists.waitingCount).toBe(1);
    expect(rig.queues.lists.nextDueMs).toBe(rig.store.row(1).nextDueMs);
  });

  it('tells about changes, several at once', async () => {
    const rig = makeRig();
    let told = 0;
    rig.queues.onChange(() => told++);
    for (let i = 0; i < 20; i++) await rig.receive({ to: [`u${i}@box.test`] });
    await rig.clock.advance(200);
    expect(told).toBe(1);
  });

  it('sends a captured message to its maildir, with the plan it would have had', async () => {
    const rig = makeRig({
      deps: {
        leaving: {
          captureInstead: async ({ domain }) =>
            domain === 'out.test'
              ? {
                  protocol: { kind: 'maildir', path: '/cap', dirMode: null, fileMode: null },
                  route: 'capture what would leave',
                  details: { plan: 'mx.out.test' },
                }
              : null,
        },
      },
    });
    await rig.receive({ to: ['a@out.test'] });
    await rig.receive({ to: ['a@local.test'] });
    expect(rig.told()).toEqual([
      '0 Delivery 200 a@out.test: wrote to maildir with id=u0',
      '0 Delivery 250 2.0.0 queued',
    ]);
    expect(rig.store.attempts[0]).toMatchObject({
      route: 'capture what would leave',
      end: { details: { plan: 'mx.out.test' }, maildirs: [{ path: '/cap', unique: 'u0' }] },
    });
  });
});
