/**
 * What the bodies of the admin routes have to look like. Only their form is checked here, so that
 * complaints say where; what they mean is read by `admin-requests.ts` of the queue.
 *
 * Source: reference `queues-delivery.md` §10.1–10.4.
 */
import { parseDurationMs } from '../../base/duration.ts';
import { isJsonFloat } from '../../mail/json.ts';
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
  if (typeof value === 'number' || isJsonFloat(value)) return Number(value);
  if (typeof value === 'string' && parseDurationMs(value) !== undefined) return value;
  throw reader.data(`invalid value: ${describe(value)}, expected a duration`);
};

function describe(value: string | boolean | null): string {
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`;
  return value === null ? 'null' : `boolean \`${value}\``;
}

const TIMES = {
  duration: optional(nullable(duration), () => null),
  expires: maybeText,
};

export const BOUNCE_BODY = recordOf('BounceV1Request', {
  campaign: maybeText,
  tenant: maybeText,
  domain: maybeText,
  routing_domain: maybeText,
  reason: required(text),
  ...TIMES,
  suppress_logging: optional(flag, () => false),
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
