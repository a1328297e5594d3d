import { describe, expect, it } from 'vitest';
import { parseScheduling } from '../../../engine/mail/scheduling.ts';
import { makeMessage } from '../../support/make-message.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { makeRig, outcome, report } from '../../support/queue-rig.ts';
import type { Rig, RigOptions } from '../../support/queue-rig.ts';
import { SimClock } from '../../support/sim-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Runs until something waits, stops, and starts again on the same store and clock. */
async function restarted(
  options: RigOptions,
  prepare: (rig: Rig) => Promise<unknown>,
  downMs: number,
): Promise<Rig> {
  const clock = new SimClock();
  const store = new MemoryStore();
  const first = makeRig({ ...options, clock, store, peer: () => '451 4.2.0 wait' });
  await prepare(first);
  const stopping = first.queues.stop();
  await clock.advance(SECOND);
  await stopping;
  await clock.advance(downMs);
  const second = makeRig({ ...options, clock, store });
  await second.queues.resume();
  await clock.advance(0);
  return second;
}

describe('resume in ordinary mode', () => {
  it('keeps due times and attempts exactly', async () => {
    const rig = await restarted({ mode: 'ordinary' }, (first) => first.receive(), 5 * MINUTE);
    const before = rig.store.row(1).nextDueMs;
    expect(rig.queues.lists.nextDueMs).toBe(before);
    expect(rig.told()).toEqual([]);
    await rig.clock.advance(HOUR);
    expect(rig.told()).toEqual(['1 Delivery 250 2.0.0 queued']);
  });

  it('sends what became due meanwhile at once', async () => {
    const rig = await restarted({ mode: 'ordinary' }, (first) => first.receive(), 5 * HOUR);
    await rig.clock.advance(0);
    expect(rig.told()).toEqual(['1 Delivery 250 2.0.0 queued']);
    expect(rig.records[0]?.override?.size).toBe(24);
  });

  it('tries an interrupted attempt again at once, as the next one', async () => {
    const clock = new SimClock();
    const store = new MemoryStore();
    const first = makeRig({
      clock,
      store,
      deps: {
        smtp: {
          open: ({ sessionId }) => ({
            id: sessionId,
            isExhausted: false,
            phase: '',
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
    await first.receive();
    const second = makeRig({ clock, store });
    expect(await second.queues.resume()).toEqual({
      messageCount: 1,
      interruptedCount: 1,
      ignoredCount: 0,
    });
    await clock.advance(0);
    expect(second.told()).toEqual(['1 Delivery 250 2.0.0 queued']);
  });

  it('asks for no configuration before something is due, and waits while it fails', async () => {
    let isBroken = true;
    let asked = 0;
    const rig = await restarted(
      {
        mode: 'ordinary',
        config: () => {
          asked++;
          if (isBroken && asked > 1) throw new Error('script is broken');
          return {};
        },
      },
      (first) => first.receive(),
      5 * HOUR,
    );
    expect(asked).toBe(2);
    expect(rig.queues.lists.scheduled()[0]).toMatchObject({
      depth: 1,
      configError: 'script is broken',
    });
    isBroken = false;
    await rig.clock.advance(2 * MINUTE);
    expect(rig.told()).toEqual(['1 Delivery 250 2.0.0 queued']);
  });

  it('lets the policy look at every message, and rename its queue', async () => {
    const rig = await restarted(
      {
        mode: 'ordinary',
        events: {
          spoolMessageEnumerated: async (message) => message.setMeta('tenant', 'seen'),
        },
      },
      (first) => first.receive(),
      MINUTE,
    );
    expect(rig.queues.lists.scheduled().map(({ name }) => name)).toEqual(['seen@box.test']);
    expect(
      rig.store.queueOf(
        rig.queues.lists.detail('seen@box.test', 1)?.messages[0]?.messageId ?? ('' as never),
      ),
    ).toBe('seen@box.test');
  });
});

describe('resume in strict mode', () => {
  it('makes everything due at once, attempts inferred from the age, without a record', async () => {
    const config = { retryIntervalMs: 2 * MINUTE };
    const young = await restarted({ mode: 'strict', config }, (first) => first.receive(), SECOND);
    expect(young.told()).toEqual(['0 Delivery 250 2.0.0 queued']);
    const older = await restarted(
      { mode: 'strict', config },
      (first) => first.receive(),
      5 * MINUTE,
    );
    expect(older.told()).toEqual(['1 Delivery 250 2.0.0 queued']);
  });

  it('expires what is too old, with size 0, no attempts and no pool', async () => {
    const config = { retryIntervalMs: MINUTE, maxAgeMs: 10 * MINUTE, egressPool: 'unspecified' };
    const rig = await restarted(
      { mode: 'strict', config },
      (first) => first.receive(),
      15 * MINUTE,
    );
    expect(rig.told()).toEqual([
      '0 Expiration 551 5.4.7 Next delivery time would be 15m 1s after creation, which exceeds max_age=10m',
    ]);
    expect(rig.records[0]).toMatchObject({ site: '', egressPool: null, override: { size: 0 } });
  });

  it('honours expires and first_attempt', async () => {
    const rig = await restarted(
      { mode: 'strict' },
      async (first) => {
        await first.receive({}, (message) => {
          message.scheduling = parseScheduling({ expires: '2026-01-05T09:30:00Z' });
        });
        await first.receive({}, (message) => {
          message.scheduling = parseScheduling({ first_attempt: '2026-01-05T12:00:00Z' });
          message.due = Date.UTC(2026, 0, 5, 12);
        });
      },
      40 * MINUTE,
    );
    expect(rig.told()).toEqual([
      '0 Expiration 551 5.4.7 Next delivery time would be at 2026-01-05 09:40:01 UTC which exceeds ' +
        'the expiry time 2026-01-05 09:30:00 +00:00 configured via set_scheduling',
    ]);
    expect(rig.queues.lists.nextDueMs).toBe(Date.UTC(2026, 0, 5, 12));
  });

  it('ends a message without a queue name, and leaves one without a configuration alone', async () => {
    let isBroken = false;
    const rig = await restarted(
      {
        mode: 'strict',
        config: () => {
          if (isBroken) throw new Error('broken');
          return {};
        },
        events: {
          spoolMessageEnumerated: async (message) => {
            isBroken = true;
            if (message.recipients[0]?.user === 'nameless') message.setMeta('tenant', 7);
          },
        },
      },
      async (first) => {
        await first.receive({ to: ['nameless@box.test'] });
        await first.receive({ to: ['kept@box.test'] });
      },
      MINUTE,
    );
    expect(rig.told()).toEqual([
      "0 Expiration 551 5.1.3 Failed to compute queue name: expected 'tenant' to be a string value, got Ok(Number(7))",
    ]);
    expect(rig.records[0]?.site).toBe('localhost');
    expect(rig.store.row(2).state).toBe('deferred');
    expect(rig.diagnostics.at(-1)).toBe('error: Queue box.test: broken');
  });
});

describe('stop', () => {
  it('lets a running attempt end, saves what was waiting, and starts nothing new', async () => {
    const clock = new SimClock();
    const store = new MemoryStore();
    let open: () => void = () => {};
    const rig = makeRig({
      clock,
      store,
      path: { connectionLimit: 1 },
      deps: {
        smtp: {
          open: ({ sessionId }) => ({
            id: sessionId,
            isExhausted: false,
            phase: '',
            peer: 'x',
            plan: async () => {},
            connect: async () => {},
            deliver: () =>
              new Promise((resolve) => {
                open = () =>
                  resolve({
                    outcomes: [],
                    address: { peerAddress: null, sourceAddress: null, tls: null },
                    transcript: [],
                    events: [],
                    details: {},
                    connectionBroken: false,
                  });
              }),
            close: async () => {},
            abort: () => {},
          }),
        },
      },
    });
    const first = await rig.receive();
    const second = await rig.receive();
    const stopping = rig.queues.stop();
    await clock.advance(SECOND);
    open();
    await clock.advance(SECOND);
    await stopping;
    expect([first, second].map(({ id }) => store.isWaiting(id))).toEqual([true, true]);
    expect(rig.queues.lists.ready()[0]).toMatchObject({ connections: 0 });
  });

  it('writes down what came in without being stored, whether it was tried or not', async () => {
    const clock = new SimClock();
    const rig = makeRig({
      mode: 'strict',
      clock,
      path: { connectionLimit: 1 },
      deps: {
        smtp: {
          open: ({ sessionId }) => ({
            id: sessionId,
            isExhausted: false,
            phase: '',
            peer: 'x',
            plan: async () => {},
            connect: async () => {},
            deliver: async () => {
              await clock.sleep(SECOND);
              return report([outcome('451 4.2.0 wait')]);
            },
            close: async () => {},
            abort: () => {},
          }),
        },
      },
    });
    const messages = [makeMessage(rig.ids), makeMessage(rig.ids)];
    for (const message of messages) await rig.queues.insert(message, 'Received', null);
    await clock.settle();
    const stopping = rig.queues.stop();
    await clock.advance(2 * SECOND);
    await stopping;
    expect(rig.told()).toEqual(['0 TransientFailure 451 4.2.0 wait']);
    expect(messages.map(({ id }) => rig.store.isWaiting(id))).toEqual([true, true]);
  });

  it('records nothing about a connection that the stop cut off', async () => {
    const rig = makeRig({
      deps: {
        smtp: {
          open: ({ sessionId }) => {
            let end: (error: Error) => void = () => {};
            return {
              id: sessionId,
              isExhausted: false,
              phase: '',
              peer: null,
              plan: async () => {},
              connect: () => new Promise((_, reject) => (end = reject)),
              deliver: () => Promise.reject(new Error('not connected')),
              close: async () => {},
              abort: () => end(new Error('aborted')),
            };
          },
        },
      },
    });
    const message = await rig.receive();
    const stopping = rig.queues.stop(SECOND);
    await rig.clock.advance(3 * SECOND);
    await stopping;
    expect(rig.told()).toEqual([]);
    expect(rig.store.isWaiting(message.id)).toBe(true);
    expect(rig.store.attempts[0]?.end?.outcome).toBe('cancelled');
  });

  it('aborts what does not end, and leaves nothing running', async () => {
    const rig = makeRig({
      deps: {
        smtp: {
          open: ({ sessionId }) => {
            let end: (error: Error) => void = () => {};
            return {
              id: sessionId,
              isExhausted: false,
              phase: '',
              peer: null,
              plan: async () => {},
              connect: async () => {},
              deliver: () => new Promise((_, reject) => (end = reject)),
              close: async () => {},
              abort: () => end(new Error('aborted')),
            };
          },
        },
      },
    });
    rig.queues.start();
    const message = await rig.receive();
    const stopping = rig.queues.stop(2 * SECOND);
    await rig.clock.advance(4 * SECOND);
    await stopping;
    expect(rig.told()).toEqual([]);
    expect(rig.store.isWaiting(message.id)).toBe(true);
    expect(rig.clock.pendingCount).toBe(0);
  });

  it('strictly, lets a session go on for as long as its path says', async () => {
    for (const [mode, systemShutdownTimeoutMs, expected] of [
      ['strict', null, ['0 Delivery 250 2.0.0 queued']],
      ['strict', SECOND, []],
      ['ordinary', null, []],
    ] as const) {
      const clock = new SimClock();
      const rig = makeRig({
        mode,
        clock,
        path: { systemShutdownTimeoutMs },
        deps: {
          smtp: {
            open: ({ sessionId }) => ({
              id: sessionId,
              isExhausted: false,
              phase: '',
              peer: null,
              plan: async () => {},
              connect: async () => {},
              deliver: async () => {
                await clock.sleep(15 * SECOND);
                return report([outcome('250 2.0.0 queued')]);
              },
              close: async () => {},
              abort: () => {},
            }),
          },
        },
      });
      const message = await rig.receive();
      const stopping = rig.queues.stop();
      await clock.advance(20 * SECOND);
      await stopping;
      expect(rig.told(), `${mode} ${systemShutdownTimeoutMs}`).toEqual(expected);
      expect(rig.store.isWaiting(message.id)).toBe(expected.length === 0);
    }
  });
});
