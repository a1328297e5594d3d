/** Which limit of a path is reached first. */
import { expect, test } from 'vitest';
import type { EgressPathConfig, ThrottleSpec } from '../../../engine/policy/settings.ts';
import { egressConstraints } from '../../../engine/queue/egress-constraints.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';
import { testPath } from '../../support/delivery.ts';

function rate(limit: number, periodMs: number, text: string): ThrottleSpec {
  return { limit, periodMs, maxBurst: null, forceLocal: false, text };
}

const TEN = rate(10, 60_000, '10/m');
const TWO = rate(2, 60_000, '2/m');

function constraints(more: Partial<EgressPathConfig>, queueRate: ThrottleSpec | null): JsonObject {
  return egressConstraints(testPath(more), queueRate);
}

const primary = (value: number | string): object => ({
  value,
  source: { kind: 'primary' },
  display: String(value),
});
const named = (value: number | string, kind: string, name: string): object => ({
  value,
  source: { kind, name },
  display: String(value),
});

test.each<[Partial<EgressPathConfig>, ThrottleSpec | null, object]>([
  [{}, null, { max_concurrent_dispatchers: primary(32) }],
  [
    { additionalConnectionLimits: { wide: 64, narrow: 4 } },
    null,
    { max_concurrent_dispatchers: named(4, 'additional', 'narrow') },
  ],
  [
    { maxMessageRate: TEN, maxConnectionRate: TWO, sourceSelectionRate: TEN },
    null,
    {
      max_concurrent_dispatchers: primary(32),
      max_message_rate: primary('10/m'),
      max_connection_rate: primary('2/m'),
      max_source_selection_rate: primary('10/m'),
    },
  ],
  [
    { maxMessageRate: TEN, additionalMessageRateThrottles: { shared: TWO } },
    null,
    {
      max_concurrent_dispatchers: primary(32),
      max_message_rate: named('2/m', 'additional', 'shared'),
    },
  ],
  [
    { maxMessageRate: TEN },
    TWO,
    {
      max_concurrent_dispatchers: primary(32),
      max_message_rate: named('2/m', 'other', 'scheduled queue max_message_rate'),
      max_message_rate_declared: '10/m',
    },
  ],
  [
    { maxMessageRate: TWO },
    TEN,
    { max_concurrent_dispatchers: primary(32), max_message_rate: primary('2/m') },
  ],
])('%j, the queue %j', (path, queueRate, expected) => {
  expect(constraints(path, queueRate)).toEqual(expected);
});
