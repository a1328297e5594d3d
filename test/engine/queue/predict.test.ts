import { describe, expect, it } from 'vitest';
import { predictAttempts } from '../../../engine/queue/predict.ts';
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
