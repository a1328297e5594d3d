import { describe, expect, it } from 'vitest';
import { explainWaiting, predictAttempts } from '../../../engine/queue/predict.ts';
import type { WhyWaiting } from '../../../engine/queue/predict.ts';
import { parseScheduling } from '../../../engine/mail/scheduling.ts';

const MINUTE = 60_000;
const settings = {
  retryIntervalMs: 20 * MINUTE,
  maxRetryIntervalMs: null,
  maxAgeMs: 3 * 60 * MINUTE,
};
const fresh = { createdMs: 0, dueMs: null, numAttempts: 0, scheduling: null };

describe('predictAttempts()', () => {
  it('lists the whole schedule up to the expiry', () => {
    expect(predictAttempts(fresh, settings, 0)).toEqual([
      { atMs: 0, expires: false, arithmetic: 'due now' },
      { atMs: 20 * MINUTE, expires: false, arithmetic: '20 m × 2⁰' },
      { atMs: 60 * MINUTE, expires: false, arithmetic: '20 m × 2¹' },
      { atMs: 140 * MINUTE, expires: false, arithmetic: '20 m × 2²' },
      { atMs: 300 * MINUTE, expires: true, arithmetic: '20 m × 2³, beyond max_age 3 h' },
    ]);
  });

  it('goes on from where the message is', () => {
    const waiting = { ...fresh, dueMs: 61 * MINUTE, numAttempts: 2 };
    expect(predictAttempts(waiting, settings, 0).map((p) => p.atMs / MINUTE)).toEqual([
      61, 141, 301,
    ]);
  });

  it('follows expires instead of max_age when the message has it', () => {
    const scheduling = parseScheduling({ expires: '1970-01-01T01:00:00Z' });
    const predicted = predictAttempts({ ...fresh, scheduling }, settings, 0);
    expect(predicted.map((p) => [p.atMs / MINUTE, p.expires])).toEqual([
      [0, false],
      [20, false],
      [60, true],
    ]);
  });

  it('does not go on for ever when there is no wait at all', () => {
    expect(predictAttempts(fresh, { ...settings, retryIntervalMs: 10 }, 0)).toHaveLength(1);
  });
});

describe('explainWaiting()', () => {
  const why: WhyWaiting = {
    place: 'scheduled',
    dueMs: 20 * MINUTE,
    nowMs: 0,
    numAttempts: 1,
    reason: 'LoggedTransientFailure',
    arithmetic: '20 m × 2⁰',
    lastError: '451 4.7.1 greylisted',
    suspendedBecause: null,
    readyQueue: null,
    readyState: null,
  };

  it.each<[Partial<WhyWaiting>, string]>([
    [{}, 'Waits 20 m more (20 m × 2⁰) after attempt 1: 451 4.7.1 greylisted'],
    [
      { reason: 'MessageRateThrottle', arithmetic: null },
      'Waits 20 m more: the message rate is used up',
    ],
    [
      { dueMs: 0, suspendedBecause: 'maintenance' },
      'Due now, at the next tick; its queue is suspended: maintenance',
    ],
    [{ place: 'ready', readyQueue: 'a->b' }, 'Waits in a->b for a free connection'],
    [{ place: 'attempt', readyQueue: 'a->b' }, 'Attempt 2 is under way in a->b'],
  ])('of %j', (change, sentence) => {
    expect(explainWaiting({ ...why, ...change })).toBe(sentence);
  });
});
