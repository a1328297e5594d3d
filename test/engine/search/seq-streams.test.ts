/** Streams against sets: whatever is joined, in both directions, gives what the sets give. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import {
  Budget,
  JoinStream,
  step,
  UnionStream,
  WalkStream,
} from '../../../engine/search/seq-streams.ts';
import type { Direction, SeqStream } from '../../../engine/search/seq-streams.ts';
import { TickingClock } from '../../support/store-fixtures.ts';

const endless = new Budget(new SystemClock(), 1e9);

function streamOf(members: readonly number[], direction: Direction): SeqStream {
  const sorted = [...new Set(members)].sort((a, b) => (direction === 'older' ? b - a : a - b));
  return new WalkStream(
    (from) => sorted.filter((m) => (direction === 'older' ? m <= from : m >= from)).values(),
    { direction, budget: endless },
  );
}

function all(stream: SeqStream, direction: Direction): number[] {
  const found: number[] = [];
  let at: number | null = direction === 'older' ? 1_000 : 0;
  for (;;) {
    at = stream.seek(at);
    if (at === null) return found;
    found.push(at);
    at = step(at, direction);
  }
}

const members = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });

test.each(['older', 'newer'] as const)('joined streams going %s are joined sets', (direction) => {
  fc.assert(
    fc.property(
      fc.array(members, { minLength: 1, maxLength: 3 }),
      fc.array(members, { maxLength: 2 }),
      members,
      (wanted, unwanted, either) => {
        const make = (list: readonly number[]): SeqStream => streamOf(list, direction);
        const first = new UnionStream([make(wanted[0] ?? []), make(either)], direction);
        const stream = new JoinStream([first, ...wanted.slice(1).map(make)], unwanted.map(make), {
          direction,
          budget: endless,
        });
        const expected = Array.from({ length: 60 }, (_, i) => i + 1).filter(
          (n) =>
            ((wanted[0] ?? []).includes(n) || either.includes(n)) &&
            wanted.slice(1).every((list) => list.includes(n)) &&
            !unwanted.some((list) => list.includes(n)),
        );
        expect(all(stream, direction)).toEqual(
          direction === 'older' ? expected.reverse() : expected,
        );
      },
    ),
    { seed: 4, numRuns: 500 },
  );
});

test('a stream that is asked for something far away starts anew there', () => {
  let starts = 0;
  const stream = new WalkStream(
    function* (from) {
      starts++;
      for (let n = from; n > 0; n--) yield n;
    },
    { direction: 'older', budget: endless },
  );
  expect(stream.seek(1_000_000)).toBe(1_000_000);
  expect(stream.seek(999_000)).toBe(999_000);
  expect(starts).toBe(1);
  expect(stream.seek(10)).toBe(10);
  expect(starts).toBe(2);
  stream.close();
  expect(stream.seek(5)).toBeNull();
});

test.each(['older', 'newer'] as const)(
  'a search going %s that runs out of time goes on where it stopped',
  (direction) => {
    const clock = new TickingClock();
    const budget = new Budget(clock, 5);
    // Every 5,000th number is a member; those between are passed without a word.
    const walk = function* (from: number): Iterator<number> {
      for (let n = from; n > 0 && n <= 100_000; n = step(n, direction)) {
        if (n % 5_000 === 0) yield n;
        else if (n % 4 === 0) yield -n;
      }
    };
    const all = new WalkStream(walk, { direction, budget });
    const even = new UnionStream([all, new WalkStream(walk, { direction, budget })], direction);
    const search = new JoinStream([even], [], { direction, budget });
    const found: number[] = [];
    let stops = 0;
    for (let at: number | null = direction === 'older' ? 100_000 : 1; at !== null;) {
      const seq = search.seek(at);
      if (seq !== null) {
        found.push(seq);
        at = step(seq, direction);
      } else {
        at = search.stoppedAt;
        if (at !== null) stops++;
        budget.renew(5);
      }
    }
    const expected = Array.from({ length: 20 }, (_, i) => (i + 1) * 5_000);
    expect(found).toEqual(direction === 'older' ? expected.reverse() : expected);
    expect(stops).toBeGreaterThan(3);
  },
);
