import { describe, expect, it } from 'vitest';
import { burstOf, GcraStore, gcraStep } from '../../../engine/base/gcra.ts';

const HOUR = 3_600_000;
const twoPerHour = { limit: 2, periodMs: HOUR, maxBurst: null };

describe('gcraStep()', () => {
  it('lets the limit through as a burst and then one per period/limit', () => {
    const store = new GcraStore();
    const waits = [0, 0, 0, 1_799_000, 1_800_000, 1_800_001].map(
      (now) => store.take('q', twoPerHour, now).retryAfterSeconds,
    );
    expect(waits).toEqual([null, null, 1800, 1, null, 1800]);
  });

  it('rounds waits up to whole seconds and counts what remains', () => {
    const store = new GcraStore();
    const perMinute = { limit: 7, periodMs: 60_000, maxBurst: null };
    const results = Array.from({ length: 8 }, () => store.take('k', perMinute, 1000));
    expect(results.map((r) => r.remaining)).toEqual([6, 5, 4, 3, 2, 1, 0, 0]);
    expect(results[7]).toEqual({
      isThrottled: true,
      limit: 7,
      remaining: 0,
      resetAfterSeconds: 60,
      retryAfterSeconds: 9,
    });
  });

  it.each([
    [{ limit: 1, periodMs: HOUR, maxBurst: null }, 1],
    [{ limit: 2, periodMs: HOUR, maxBurst: null }, 2],
    [{ limit: 500, periodMs: HOUR, maxBurst: 1 }, 2],
    [{ limit: 3, periodMs: HOUR, maxBurst: 50 }, 3],
  ])('bursts %o is %i', (limit, burst) => {
    expect(burstOf(limit)).toBe(burst);
  });

  it('leaves the arrival time of a throttled key where it was', () => {
    const one = { limit: 1, periodMs: HOUR, maxBurst: null };
    const first = gcraStep(one, undefined, 0);
    const second = gcraStep(one, first.arrivalMs, 1000);
    expect(second.result.isThrottled).toBe(true);
    expect(second.arrivalMs).toBe(first.arrivalMs);
  });

  it('keeps budgets of equal names with different limits apart', () => {
    const store = new GcraStore();
    const one = { limit: 1, periodMs: HOUR, maxBurst: null };
    expect(store.take('a', one, 0).isThrottled).toBe(false);
    expect(store.take('a', one, 0).isThrottled).toBe(true);
    expect(store.take('a', twoPerHour, 0).isThrottled).toBe(false);
  });
});
