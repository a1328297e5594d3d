import { expect, test, vi } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SpoolIdSource, createdMsOf, uuidV4 } from '../../../engine/base/ids.ts';
import { SeededRandom } from '../../../engine/base/random.ts';

test('SpoolIdSource.next() never repeats and carries its moment', () => {
  const clock = new SystemClock();
  const ids = new SpoolIdSource(clock, new SeededRandom(1));
  const before = clock.now();
  const made = Array.from({ length: 10_000 }, () => ids.next());
  expect(new Set(made).size).toBe(10_000);
  const [first = made[0]] = made;
  expect(first).toMatch(/^[0-9a-f]{12}1[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  expect(Math.abs(createdMsOf(first as (typeof made)[0]) - before)).toBeLessThan(1_000);
});

test('SpoolIdSource.next() follows a clock that was set back, and repeats nothing', () => {
  const startMs = Date.UTC(2026, 0, 5);
  const aheadMs = startMs + 3_600_000;
  const clock = new SystemClock();
  const now = vi.spyOn(clock, 'now').mockReturnValue(startMs);
  const ids = new SpoolIdSource(clock, new SeededRandom(1));
  const early = Array.from({ length: 1_000 }, () => ids.next());
  now.mockReturnValue(aheadMs);
  const ahead = ids.next();
  now.mockReturnValue(startMs);
  const back = Array.from({ length: 1_000 }, () => ids.next());
  expect(createdMsOf(ahead)).toBe(aheadMs);
  expect(createdMsOf(back[0] ?? ahead)).toBe(startMs);
  expect(new Set([...early, ahead, ...back]).size).toBe(2_001);
});

test('createdMsOf() reads the moment of a known UUID version 1', () => {
  // RFC 9562 appendix A.1: C232AB00-9414-11EC-B3C8-9F6BDECED846 is 2022-02-22T19:22:22Z.
  const id = 'c232ab00941411ecb3c89f6bdeced846' as Parameters<typeof createdMsOf>[0];
  expect(createdMsOf(id)).toBe(Date.parse('2022-02-22T19:22:22Z'));
});

test('uuidV4() sets version and variant', () => {
  expect(uuidV4(new SeededRandom(5))).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});
