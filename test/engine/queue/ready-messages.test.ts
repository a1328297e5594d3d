import { describe, expect, it } from 'vitest';
import type { SpoolId } from '../../../engine/base/ids.ts';
import { makeRig, origin, refuse } from '../../support/queue-rig.ts';
import type { Rig, RigOptions } from '../../support/queue-rig.ts';
import { makeMessage } from '../../support/make-message.ts';

/** More than ready queues keep in memory. */
const MANY = 4_100;

/** Nothing goes out until `isOpen`; everything that is received stays in the ready queue. */
function heldRig(options: RigOptions = {}): { rig: Rig; gate: { isOpen: boolean } } {
  const gate = { isOpen: false };
  const rig = makeRig({
    mode: 'strict',
    path: { maxReady: 10_000, connectionLimit: 1, maxDeliveriesPerConnection: 10_000 },
    plan: () => {
      if (!gate.isOpen) throw new Error('no route to a resolver');
    },
    ...options,
  });
  return { rig, gate };
}

async function receiveMany(rig: Rig): Promise<SpoolId[]> {
  const ids: SpoolId[] = [];
  for (let i = 0; i < MANY; i++) {
    const message = makeMessage(rig.ids, { to: [`user${i}@box.test`] });
    message.setMeta('nr', i);
    await rig.store.saveMessage(message, 'box.test', origin());
    await rig.queues.insert(message, 'Received', null);
    ids.push(message.id);
  }
  return ids;
}

describe('a ready queue of more messages than stay in memory', () => {
  it('delivers all of them in order, as they were', async () => {
    const numbers: unknown[] = [];
    const { rig, gate } = heldRig({
      peer: (message) => {
        numbers.push(message.getMeta('nr'));
        return message.data.byteLength > 0 ? '250 ok' : '550 nothing in it';
      },
    });
    const ids = await receiveMany(rig);
    const last = ids.at(-1);
    expect(last && rig.queues.lists.find(last)).toMatchObject({ place: 'ready', rowSeq: MANY });
    expect(rig.queues.lists.detail('box.test', 10)).toMatchObject({
      messages: { length: 10 },
      more: MANY - 10,
    });
    gate.isOpen = true;
    await rig.clock.advance(2_000);
    expect(numbers).toEqual(Array.from({ length: MANY }, (_, i) => i));
    expect(rig.records.every(({ type }) => type === 'Delivery')).toBe(true);
    expect(rig.queues.lists.waitingCount).toBe(0);
  });

  it('fails and requeues all of them when its host cannot be reached', async () => {
    const { rig, gate } = heldRig({
      path: {
        ...{ maxReady: 10_000, connectionLimit: 1 },
        consecutiveConnectionFailuresBeforeDelay: 0,
      },
      connect: refuse('refused'),
    });
    await receiveMany(rig);
    gate.isOpen = true;
    await rig.clock.advance(3_000);
    expect(new Set(rig.told().map((line) => line.slice(0, 18)))).toEqual(
      new Set(['0 TransientFailure']),
    );
    expect(rig.records).toHaveLength(MANY);
    expect(rig.queues.lists.scheduled()).toMatchObject([{ name: 'box.test', depth: MANY }]);
  });

  it('lets go of them at a stop; the store has them all', async () => {
    const { rig } = heldRig();
    await receiveMany(rig);
    const stopped = rig.queues.stop(0);
    await rig.clock.advance(10_000);
    await stopped;
    expect(rig.queues.lists.waitingCount).toBe(0);
    let stored = 0;
    for await (const page of rig.store.waiting()) stored += page.length;
    expect(stored).toBe(MANY);
  });
});
