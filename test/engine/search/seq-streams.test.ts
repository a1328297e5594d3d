/** Streams against sets: whatever is joined, in both directions, gives what the sets give. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JoinStream, step, UnionStream, WalkStream } from '../../../engine/search/seq-streams.ts';
import type { Direction, SeqStream } from '../../../engine/search/seq-streams.ts';

function streamOf(members: readonly number[], direction: Direction): SeqStream {
  const sorted = [...new Set(members)].sort((a, b) => (direction === 'older' ? b - a : a - b));
  return new WalkStream(
    (from) => sorted.filter((m) => (direction === 'older' ? m <= from : m >= from)).values(),
    direction,
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
        const stream = new JoinStream(
          [first, ...wanted.slice(1).map(make)],
          unwanted.map(make),
          direction,
        );
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
  const stream = new WalkStream(function* (from) {
    starts++;
    for (let n = from; n > 0; n--) yield n;
  }, 'older');
  expect(stream.seek(1_000_000)).toBe(1_000_000);
  expect(stream.seek(999_000)).toBe(999_000);
  expect(starts).toBe(1);
  expect(stream.seek(10)).toBe(10);
  expect(starts).toBe(2);
  stream.close();
  expect(stream.seek(5)).toBeNull();
});
