import { describe, expect, it } from 'vitest';
import type { MaildirDeliverer } from '../../../engine/delivery/maildir-delivery.ts';
import { makeMessage } from '../../support/make-message.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { fakeMaildirs, makeRig } from '../../support/queue-rig.ts';
import { SimClock } from '../../support/sim-clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const never = new Promise<never>(() => {});
const toMaildir = {
  retryIntervalMs: 2 * SECOND,
  protocol: { kind: 'maildir', path: '/m', dirMode: null, fileMode: null },
} as const;

/** Fails for the named recipients, `count` times. */
function failingFor(emails: readonly string[], count: number): MaildirDeliverer {
  let calls = 0;
  return fakeMaildirs(async ({ message }) => {
    const isFailing = calls++ < count;
    const all = message.recipients.map(({ email }, recipient) => ({ email, recipient }));
    const failed = all.filter(({ email }) => isFailing && emails.includes(email));
    return {
      written: all
        .filter((one) => !failed.includes(one))
        .map(({ recipient }) => ({ recipient, place: '/m', unique: `u${recipient}` })),
      failed: failed.map(({ recipient }) => ({ recipient, text: 'blocked' })),
    };
  });
}

describe('maildir delivery', () => {
  it('is finished inside the insertion in strict mode, behind it otherwise', async () => {
    for (const [isImmediate, told] of [
      [true, 1],
      [false, 0],
    ] as const) {
      let open: () => void = () => {};
      const gate = new Promise<void>((resolve) => (open = resolve));
      const maildirs = fakeMaildirs(async () => {
        if (!isImmediate) await gate;
        return { written: [{ recipient: 0, place: '/m', unique: 'u' }], failed: [] };
      }, isImmediate);
      const rig = makeRig({ config: toMaildir, maildirs });
      await rig.receive();
      expect(rig.told()).toHaveLength(told);
      expect(rig.queues.isQuiet).toBe(isImmediate);
      open();
      await rig.clock.settle();
      expect(rig.told()).toEqual(['0 Delivery 200 user@box.test: wrote to maildir with id=u']);
      expect(rig.queues.isQuiet).toBe(true);
    }
  });

  it('logs one record for several recipients, and their places with the attempt', async () => {
    const rig = makeRig({ config: toMaildir });
    const message = await rig.receive({ to: ['a@b.test', 'c@b.test'] });
    expect(rig.told()).toEqual([
      '0 Delivery 200 a@b.test: wrote to maildir with id=u0, c@b.test: wrote to maildir with id=u1',
    ]);
    expect(rig.records[0]).toMatchObject({
      deliveryProtocol: 'Maildir',
      sessionId: expect.any(String),
      rowSeqs: [1, 2],
    });
    expect(rig.records[0]).not.toHaveProperty('site');
    expect(rig.store.attempts[0]).toMatchObject({
      route: 'maildir',
      end: {
        outcome: 'delivered',
        maildirs: [
          { rowSeq: 1, path: '/m', unique: 'u0' },
          { rowSeq: 2, path: '/m', unique: 'u1' },
        ],
      },
    });
    expect(rig.store.isWaiting(message.id)).toBe(false);
  });

  it('follows the normal schedule when it fails, and says so to requeue_message', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      config: toMaildir,
      maildirs: failingFor(['user@box.test'], 2),
      events: {
        requeueMessage: async (message, ...args) =>
          void asked.push([message.numAttempts, ...args.slice(0, 4)]),
      },
    });
    await rig.receive();
    await rig.clock.advance(20 * SECOND);
    const status = 'user@box.test: failed to write to maildir: blocked';
    expect(rig.timeline()).toEqual([
      `0 s 0 TransientFailure 400 ${status}`,
      `3 s 1 TransientFailure 400 ${status}`,
      '9 s 2 Delivery 200 user@box.test: wrote to maildir with id=u0',
    ]);
    expect(rig.records.map(({ override }) => override?.size)).toEqual([24, 24, 24]);
    const response =
      '451 4.4.4 KumoMTA internal: box.test error while inserting into ready queue: failed maildir store: ' +
      status;
    expect(asked).toEqual([
      [
        0,
        response,
        ['Received', 'LoggedTransientFailure', 'FailedToInsertIntoReadyQueue'],
        true,
        null,
      ],
      [
        1,
        response,
        ['DueTimeWasReached', 'LoggedTransientFailure', 'FailedToInsertIntoReadyQueue'],
        true,
        null,
      ],
    ]);
  });

  it('names all recipients in both records of a partial success, then tries the rest', async () => {
    const rig = makeRig({ config: toMaildir, maildirs: failingFor(['b@x.test'], 1) });
    await rig.receive({ to: ['a@x.test', 'b@x.test'] });
    expect(
      rig.records.map(({ override, recipients, rowSeqs }) => [
        override?.recipient,
        recipients,
        rowSeqs,
      ]),
    ).toEqual([
      [['a@x.test', 'b@x.test'], undefined, [1]],
      [['a@x.test', 'b@x.test'], undefined, [2]],
    ]);
    await rig.clock.advance(5 * SECOND);
    expect(rig.told()[2]).toBe('1 Delivery 200 b@x.test: wrote to maildir with id=u0');
    expect(rig.records[2]?.rowSeqs).toEqual([2]);
    expect([1, 2].map((seq) => rig.store.row(seq).state)).toEqual(['delivered', 'delivered']);
    expect(rig.store.attempts[0]?.end?.maildirs).toEqual([{ rowSeq: 1, path: '/m', unique: 'u0' }]);
  });

  it('counts an attempt but logs no failure when the path cannot be rendered', async () => {
    const asked: unknown[] = [];
    const rig = makeRig({
      config: { ...toMaildir, retryIntervalMs: 3600 * SECOND },
      random: { next: () => 0.5, bytes: (n) => new Uint8Array(n) },
      maildirs: fakeMaildirs(() =>
        Promise.reject(new Error('undefined value (in maildir_path:1)')),
      ),
      events: { requeueMessage: async (_, ...args) => void asked.push(args.slice(0, 3)) },
    });
    await rig.receive();
    expect(rig.told()).toEqual([
      '1 Delayed 400 Context: Received, FailedToInsertIntoReadyQueue. Next due in 1h at 2026-01-05T10:00:00Z',
    ]);
    expect(asked).toEqual([
      [
        '451 4.4.4 KumoMTA internal: box.test error while inserting into ready queue: undefined value (in maildir_path:1)',
        ['Received', 'FailedToInsertIntoReadyQueue'],
        true,
      ],
    ]);
    expect(rig.queues.lists.scheduled()[0]?.lastError).toMatch(/undefined value/);
    expect(rig.store.attempts[0]?.end?.outcome).toBe('deferred');
  });

  it('asks for no ready queue, source or path', async () => {
    const rig = makeRig({
      config: toMaildir,
      events: {
        getEgressPathConfig: () => Promise.reject(new Error('asked for a path')),
      },
    });
    await rig.receive();
    expect(rig.told()).toHaveLength(1);
    expect(rig.queues.lists.ready()).toEqual([]);
  });

  it('says that a delivery may be a repetition from the second attempt on', async () => {
    const repeats: boolean[] = [];
    const maildirs = fakeMaildirs(async ({ isRepeat }) => {
      repeats.push(isRepeat);
      return { written: [], failed: [{ recipient: 0, text: 'no' }] };
    });
    const rig = makeRig({ config: toMaildir, maildirs });
    await rig.receive();
    await rig.clock.advance(4 * SECOND);
    expect(repeats).toEqual([false, true]);
  });

  it('says so also of what waited when the engine stopped: its end may not have been written down', async () => {
    const [clock, store] = [new SimClock(), new MemoryStore()];
    const full = { ...fakeMaildirs(() => never, false), room: () => never };
    void makeRig({ config: toMaildir, clock, store, maildirs: full }).receive();
    await clock.settle();
    const repeats: boolean[] = [];
    const maildirs = fakeMaildirs(async ({ isRepeat }) => {
      repeats.push(isRepeat);
      return { written: [{ recipient: 0, place: '/m', unique: 'u' }], failed: [] };
    });
    const rig = makeRig({ config: toMaildir, clock, store, maildirs });
    await rig.queues.resume();
    await clock.advance(MINUTE);
    await rig.receive();
    // Not stored: it has no row.
    await rig.queues.insert(makeMessage(rig.ids), 'Received', null);
    await clock.settle();
    expect(repeats).toEqual([true, false, false]);
  });

  it('does not go round for ever at one moment when there is no wait at all', async () => {
    const rig = makeRig({
      mode: 'strict',
      config: { ...toMaildir, retryIntervalMs: 500 },
      maildirs: failingFor(['user@box.test'], 2),
    });
    await rig.receive();
    await rig.clock.advance(10 * SECOND);
    expect(rig.timeline().map((line) => line.split(' ')[0])).toEqual(['0', '3', '6']);
  });
});
