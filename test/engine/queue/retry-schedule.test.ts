import { describe, expect, it } from 'vitest';
import {
  describeDelay,
  inferAttempts,
  retryDelayMs,
  retryJitterMs,
  unspecifiedDelayMs,
} from '../../../engine/queue/retry-schedule.ts';
import { SeededRandom } from '../../../engine/base/random.ts';

const MINUTE = 60_000;
const settings = (
  retryIntervalMs: number,
  maxRetryIntervalMs: number | null = null,
): { retryIntervalMs: number; maxRetryIntervalMs: number | null } => ({
  retryIntervalMs,
  maxRetryIntervalMs,
});
const schedule = (count: number, of: ReturnType<typeof settings>): number[] =>
  Array.from({ length: count }, (_, i) => retryDelayMs(i, of) / 1000);
const always = (value: number): { next(): number; bytes(n: number): Uint8Array } => ({
  next: () => value,
  bytes: (n) => new Uint8Array(n),
});

describe('retryDelayMs()', () => {
  it('doubles from retry_interval', () => {
    expect(schedule(6, settings(2000))).toEqual([2, 4, 8, 16, 32, 64]);
    expect(schedule(4, settings(20 * MINUTE))).toEqual([1200, 2400, 4800, 9600]);
  });

  it('stops growing at max_retry_interval', () => {
    expect(schedule(6, settings(2000, 8000))).toEqual([2, 4, 8, 8, 8, 8]);
    expect(schedule(3, settings(20_000, 5000))).toEqual([5, 5, 5]);
  });

  it('drops fractions of a second, so that half a second is none', () => {
    expect(schedule(3, settings(500))).toEqual([0, 0, 0]);
    expect(schedule(3, settings(1900, 3999))).toEqual([1, 2, 3]);
  });

  it('stays finite however many attempts there were', () => {
    expect(retryDelayMs(65_535, settings(1000))).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });
});

describe('retryJitterMs()', () => {
  it('is 0 up to a retry_interval of 40 s', () => {
    const random = new SeededRandom(7);
    const values = Array.from({ length: 500 }, () => retryJitterMs(settings(40_000), random));
    expect(new Set(values)).toEqual(new Set([0]));
  });

  it('is -1, 0 or 1 s for one minute, two thirds of the time 0', () => {
    const random = new SeededRandom(1);
    const counts = new Map<number, number>();
    for (let i = 0; i < 6000; i++) {
      const jitter = retryJitterMs(settings(MINUTE), random);
      counts.set(jitter, (counts.get(jitter) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-1000, 0, 1000]);
    expect((counts.get(0) ?? 0) / 6000).toBeCloseTo(2 / 3, 1);
  });

  it('spans half a minute each way from 20 minutes on', () => {
    for (const interval of [20 * MINUTE, 600 * MINUTE]) {
      expect(retryJitterMs(settings(interval), always(0))).toBe(-30_000);
      expect(retryJitterMs(settings(interval), always(0.999_999))).toBe(29_000);
    }
  });
});

it('unspecifiedDelayMs() is between 0 and 59 whole seconds', () => {
  expect([unspecifiedDelayMs(always(0)), unspecifiedDelayMs(always(0.999_99))]).toEqual([
    0, 59_000,
  ]);
});

describe('inferAttempts()', () => {
  it.each([
    [0, 0],
    [2 * MINUTE - 1, 0],
    [2 * MINUTE, 1],
    [5 * MINUTE, 1],
    [6 * MINUTE, 2],
    [14 * MINUTE, 3],
  ])('of an age of %i ms with a retry_interval of 2 minutes is %i', (age, count) => {
    expect(inferAttempts(age, settings(2 * MINUTE))).toBe(count);
  });

  it('ends when the interval is below a second', () => {
    expect(inferAttempts(MINUTE, settings(500))).toBe(0);
  });
});

describe('describeDelay()', () => {
  it.each([
    [0, settings(20 * MINUTE), 12_000, '20 m × 2⁰ + 12 s jitter'],
    [2, settings(90 * MINUTE), -3000, '1 h 30 m × 2² − 3 s jitter'],
    [10, settings(2000, 8000), 0, '8 s (max_retry_interval)'],
  ])('says attempt %i', (count, of, jitter, words) => {
    expect(describeDelay(count, of, jitter)).toBe(words);
  });
});
