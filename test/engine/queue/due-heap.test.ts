import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createdMsOf, SpoolIdSource } from '../../../engine/base/ids.ts';
import { SeededRandom } from '../../../engine/base/random.ts';
import { DueHeap } from '../../../engine/queue/due-heap.ts';
import { idWords, WaitingTable } from '../../../engine/queue/waiting-table.ts';
import { SimClock } from '../../support/sim-clock.ts';

const ids = new SpoolIdSource(new SimClock(), new SeededRandom(1));

function entry(dueMs: number, rowSeq = 1): Parameters<WaitingTable['add']>[0] {
  return { id: ids.next(), rowSeq, dueMs, numAttempts: 0, reason: null };
}

describe('WaitingTable', () => {
  it('gives back what was put in, id and creation time included', () => {
    const table = new WaitingTable();
    const given = {
      ...entry(1234.5, 9_007_199_254),
      numAttempts: 3,
      reason: 'AdminRebind' as const,
    };
    const slot = table.add(given);
    expect(table.entry(slot)).toEqual(given);
    expect(table.createdMs(slot)).toBeCloseTo(createdMsOf(given.id), 2);
    expect(table.hasId(slot, idWords(given.id))).toBe(true);
    expect(table.hasId(slot, idWords(ids.next()))).toBe(false);
  });

  it('reuses slots and grows past its first size', () => {
    const table = new WaitingTable();
    const first = table.add(entry(1));
    table.remove(first);
    expect(table.add(entry(2))).toBe(first);
    const slots = Array.from({ length: 5000 }, (_, i) => table.add(entry(i)));
    expect(new Set(slots).size).toBe(5000);
    expect(slots.every((slot, i) => table.due(slot) === i)).toBe(true);
    expect(table.count).toBe(5001);
  });

  it('takes less than 100 bytes for each of many messages, heap included', () => {
    const table = new WaitingTable();
    const heap = new DueHeap(table);
    const id = ids.next();
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      heap.add(table.add({ id, rowSeq: i, dueMs: i % 977, numAttempts: 0, reason: null }));
    }
    expect(table.byteLength / count + 8).toBeLessThan(100);
  });
});

describe('DueHeap', () => {
  it('hands out due messages in due order, equal ones in order of arrival', () => {
    const table = new WaitingTable();
    const heap = new DueHeap(table);
    [50, 10, 30, 10, 20].forEach((due, i) => heap.add(table.add(entry(due, i))));
    const taken: [number, number][] = [];
    for (let s = heap.takeDue(30); s !== null; s = heap.takeDue(30)) {
      taken.push([table.due(s), table.rowSeq(s)]);
      table.remove(s);
    }
    expect(taken).toEqual([
      [10, 1],
      [10, 3],
      [20, 4],
      [30, 2],
    ]);
    expect(heap.nextDueMs).toBe(50);
  });

  it('pullDue() makes everything due and keeps the order', () => {
    const table = new WaitingTable();
    const heap = new DueHeap(table);
    [7_000_000, 1000, 90_000_000, 3000].forEach((due, i) => heap.add(table.add(entry(due, i))));
    heap.pullDue(5000);
    const taken: number[] = [];
    for (let s = heap.takeDue(5000); s !== null; s = heap.takeDue(5000)) {
      expect(table.due(s)).toBeGreaterThanOrEqual(4000);
      taken.push(table.rowSeq(s));
    }
    expect(taken).toEqual([1, 3, 0, 2]);
  });

  it('behaves like a sorted list under any sequence of changes', () => {
    const change = fc.oneof(
      fc.record({ do: fc.constant('add' as const), due: fc.nat(40) }),
      fc.record({ do: fc.constant('remove' as const), nth: fc.nat() }),
      fc.record({ do: fc.constant('move' as const), nth: fc.nat(), due: fc.nat(40) }),
      fc.record({ do: fc.constant('take' as const), now: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const table = new WaitingTable();
        const heap = new DueHeap(table);
        let model: number[] = [];
        let seq = 0;
        const sorted = (): number[] =>
          [...model].sort(
            (a, b) => table.due(a) - table.due(b) || table.rowSeq(a) - table.rowSeq(b),
          );
        for (const step of changes) {
          if (step.do === 'add') {
            const slot = table.add(entry(step.due, seq++));
            heap.add(slot);
            model.push(slot);
          } else if (step.do === 'take') {
            const expected = sorted()[0];
            const isDue = expected !== undefined && table.due(expected) <= step.now;
            const taken = heap.takeDue(step.now);
            expect(taken).toBe(isDue ? expected : null);
            model = model.filter((slot) => slot !== taken);
          } else {
            const slot = model[step.nth % Math.max(1, model.length)];
            if (slot === undefined) continue;
            if (step.do === 'move') {
              table.setDue(slot, step.due);
              heap.moved(slot);
            } else {
              heap.remove(slot);
              model = model.filter((other) => other !== slot);
            }
          }
          expect(heap.earliest(1000).map((s) => table.due(s))).toEqual(
            sorted().map((s) => table.due(s)),
          );
          expect(heap.size).toBe(model.length);
        }
      }),
      { seed: 42, numRuns: 150 },
    );
  });
});
