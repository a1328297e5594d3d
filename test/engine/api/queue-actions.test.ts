import { expect, it, vi } from 'vitest';
import { QueueActions } from '../../../engine/api/queue-actions.ts';
import { EVERYTHING } from '../../../engine/queue/admin-rules.ts';
import { makeMessage } from '../../support/make-message.ts';
import { makeRig, origin } from '../../support/queue-rig.ts';

/** More than an undo may name. */
const MANY = 10_001;
const MINUTE = 60_000;

async function rigWithLongQueue(): Promise<ReturnType<typeof makeRig>> {
  const rig = makeRig({ config: { protocol: { kind: 'null' } } });
  rig.queues.admin.suspend({ criteria: EVERYTHING, reason: 'test', durationMs: 60 * MINUTE });
  for (let i = 0; i < MANY; i++) {
    const message = makeMessage(rig.ids, { to: [`user${i}@long.test`] });
    message.due = rig.clock.now() + 10 * MINUTE;
    await rig.store.saveMessage(message, 'long.test', origin());
    await rig.queues.insert(message, 'Received', null);
  }
  return rig;
}

it('rebind of a long queue answers at once, says that there is no undo, and moves all of it', async () => {
  const rig = await rigWithLongQueue();
  const actions = new QueueActions(rig.queues, rig.clock, () => Promise.resolve());
  const done = await actions.act({
    ...{ verb: 'rebind', queue: 'long.test', data: { queue: 'other.test' }, reason: 'test' },
  });
  expect(done).toEqual({
    changed: MANY,
    text: '10001 messages of long.test are being bound elsewhere, which takes a while and cannot be undone',
    undo: null,
  });
  await rig.clock.settle();
  await expect
    .poll(() => rig.queues.lists.summary('other.test')?.depth, { timeout: 15_000 })
    .toBe(MANY);
  expect(rig.queues.lists.summary('long.test')?.depth ?? 0).toBe(0);
});

it('set-due of a long queue moves all of it at once, in the store too, and says that there is no undo', async () => {
  const rig = await rigWithLongQueue();
  const onShift = vi.fn(() => Promise.resolve());
  const actions = new QueueActions(rig.queues, rig.clock, onShift);
  const dueMs = rig.clock.now() + 3 * MINUTE;
  const done = await actions.act({ verb: 'set-due', queue: 'long.test', dueMs });
  expect(done).toEqual({
    changed: MANY,
    text: `10001 messages are due at ${new Date(dueMs).toISOString()}, which cannot be undone`,
    undo: null,
  });
  expect(rig.queues.lists.summary('long.test')).toMatchObject({ depth: MANY, nextDueMs: dueMs });
  expect(new Set(rig.queues.admin.dueTimes('long.test').map((each) => each.dueMs))).toEqual(
    new Set([dueMs]),
  );
  expect(rig.store.row(MANY).nextDueMs).toBe(dueMs);
  expect(onShift).toHaveBeenCalledOnce();
});

it('a queue that there is not is said, where something in it was meant', async () => {
  const rig = makeRig({ config: { protocol: { kind: 'null' } } });
  const actions = new QueueActions(rig.queues, rig.clock, () => Promise.resolve());
  for (const action of [
    { verb: 'deliver-now', queue: 'typo.test' },
    { verb: 'set-due', queue: 'typo.test', inMs: 1 },
    { verb: 'rebind', queue: 'typo.test', data: { queue: 'other.test' }, reason: 'test' },
  ] as const) {
    await expect(actions.act(action), action.verb).rejects.toThrow('no scheduled queue typo.test');
  }
  // What comes later is meant too.
  const suspended = await actions.act({ verb: 'suspend', queue: 'typo.test', reason: 'test' });
  expect(suspended.text).toBe('typo.test is suspended; there is no queue of that name now');
});

it('suspend, resume and bounce note that there is no queue of that name now', async () => {
  const rig = makeRig({ config: { protocol: { kind: 'null' } } });
  const actions = new QueueActions(rig.queues, rig.clock, () => Promise.resolve());
  const text = async (verb: 'resume' | 'suspend' | 'bounce', queue: string): Promise<string> =>
    (await actions.act({ verb, queue, reason: 'test' })).text;
  const note = /; there is no queue of that name now$/;
  for (const verb of ['resume', 'suspend', 'bounce'] as const)
    expect(await text(verb, 'nope')).toMatch(note);
  const message = makeMessage(rig.ids, { to: ['user@there.test'] });
  message.due = rig.clock.now() + MINUTE;
  await rig.store.saveMessage(message, 'there.test', origin());
  await rig.queues.insert(message, 'Received', null);
  for (const verb of ['resume', 'suspend', 'bounce'] as const)
    expect(await text(verb, 'there.test')).not.toMatch(note);
});
