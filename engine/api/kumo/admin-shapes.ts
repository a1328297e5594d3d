/**
 * What the bodies of the admin routes have to look like. Only their form is checked here, so that
 * complaints say where; what they mean is read by `admin-requests.ts` of the queue.
 *
 * Source: reference `queues-delivery.md` §10.1–10.4.
 */
import { toError } from '../../base/assert.ts';
import { parseDurationMs } from '../../base/duration.ts';
import { isJsonFloat } from '../../mail/json.ts';
import { parseMoment } from '../../mail/scheduling.ts';
import type { Shape } from './json-reader.ts';
import {
  flag,
  listOf,
  mapOf,
  nullable,
  optional,
  recordOf,
  required,
  text,
} from './json-shapes.ts';

const maybeText = optional(nullable(text), () => null);

/** Seconds, or a text like `1h 30m`. */
const duration: Shape<string | number> = (reader) => {
  const value = reader.scalar();
  if (typeof value === 'string' && parseDurationMs(value) !== undefined) return value;
  const isFloat = isJsonFloat(value);
  const seconds = isFloat || typeof value === 'number' ? Number(value) : null;
  if (seconds === null) throw reader.data(`invalid value: ${describe(value)}, expected a duration`);
  if (seconds >= 0) return seconds;
  const why = isFloat
    ? 'cannot convert float seconds to Duration: value is negative'
    : 'out of range integral type conversion attempted';
  throw reader.data(
    `duration must either be a string or a positive integer specifying the number of seconds. (error: ${why})`,
  );
};

/** A moment as RFC 3339 writes it. */
const moment: Shape<string> = (reader) => {
  const value = reader.text();
  try {
    parseMoment(value);
    return value;
  } catch (error) {
    throw reader.data(toError(error).message);
  }
};

function describe(value: string | number | boolean | null): string {
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`;
  if (typeof value === 'number') return `integer \`${value}\``;
  return value === null ? 'null' : `boolean \`${value}\``;
}

const maybeDuration = optional(nullable(duration), () => null);
const maybeMoment = optional(nullable(moment), () => null);
const TIMES = { duration: maybeDuration, expires: maybeMoment };

export const BOUNCE_BODY = recordOf('BounceV1Request', {
  campaign: maybeText,
  tenant: maybeText,
  domain: maybeText,
  routing_domain: maybeText,
  reason: required(text),
  duration: maybeDuration,
  suppress_logging: optional(flag, () => false),
  expires: maybeMoment,
  queue_names: optional(listOf(text), () => []),
});

export const SUSPEND_BODY = recordOf(
  'SuspendV1Request',
  {
    campaign: maybeText,
    tenant: maybeText,
    domain: maybeText,
    reason: required(text),
    ...TIMES,
    queue_names: optional(listOf(text), () => []),
  },
  'skip',
);

export const SUSPEND_READY_BODY = recordOf(
  'SuspendReadyQueueV1Request',
  { name: required(text), reason: required(text), ...TIMES },
  'skip',
);

export const REBIND_BODY = recordOf('RebindV1Request', {
  campaign: maybeText,
  tenant: maybeText,
  domain: maybeText,
  routing_domain: maybeText,
  reason: required(text),
  suppress_logging: optional(flag, () => false),
  data: required(mapOf(text)),
  trigger_rebind_event: optional(flag, () => false),
  always_flush: optional(flag, () => false),
});
