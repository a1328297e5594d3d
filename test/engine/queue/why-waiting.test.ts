import { describe, expect, it } from 'vitest';
import { explainWaiting } from '../../../engine/queue/why-waiting.ts';
import type { WhyWaiting } from '../../../engine/queue/why-waiting.ts';

const MINUTE = 60_000;

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
    configError: null,
    readyQueue: null,
    readyState: null,
  };

  it.each<[Partial<WhyWaiting>, string]>([
    [
      {},
      'Waits 20 m more (20 m × 2⁰) after attempt 1, last reply in its queue: 451 4.7.1 greylisted',
    ],
    [
      { reason: 'MessageRateThrottle', arithmetic: null },
      'Waits 20 m more: the message rate is used up',
    ],
    [
      { dueMs: 0, suspendedBecause: 'maintenance' },
      'Due now, at the next tick; its queue is suspended: maintenance',
    ],
    [{ place: 'ready', readyQueue: 'a->b' }, 'Waits in a->b for a free connection'],
    [
      { place: 'ready', readyQueue: 'a->b', readyState: 'the message rate of its path' },
      'Waits in a->b for the message rate of its path',
    ],
    [{ place: 'attempt', readyQueue: 'a->b' }, 'Attempt 2 is under way in a->b'],
    [
      { place: 'attempt', readyQueue: 'a->b', readyState: 'connecting' },
      'Attempt 2 is connecting in a->b',
    ],
    [
      { configError: 'init.lua:3: boom' },
      'Waits for a configuration of its queue: init.lua:3: boom',
    ],
  ])('of %j', (change, sentence) => {
    expect(explainWaiting({ ...why, ...change })).toBe(sentence);
  });
});
