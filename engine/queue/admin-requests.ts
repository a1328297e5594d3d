/**
 * Requests of KumoMTA's admin API as rules: which keys there are, what they may hold, and serde's
 * words for anything else. The HTTP routes and `kumo.api.admin` share them.
 *
 * Source: reference `queues-delivery.md` §10.1-10.4; `http-logs-reception.md` §2.2-2.5.
 */
import type { EpochMs } from '../base/clock.ts';
import { parseDurationMs } from '../base/duration.ts';
import { describeNumber, isJsonFloat, type JsonObject, type JsonValue } from '../mail/json.ts';
import { parseMoment } from '../mail/scheduling.ts';
import type { Criteria } from './admin-rules.ts';
import type { RebindRequest } from './admin-sweeps.ts';

export interface RuleRequest {
  readonly criteria: Criteria;
  readonly reason: string;
  readonly durationMs: number;
}

/**
 * A bounce request of the admin API.
 * @throws {Error} in serde's words: an unknown key, a missing reason, a value of another kind
 */
export function parseBounceRequest(
  body: JsonObject,
  nowMs: EpochMs,
): RuleRequest & { readonly suppressLogging: boolean } {
  refuseUnknown(body, [
    'campaign',
    'tenant',
    'domain',
    'routing_domain',
    'reason',
    'duration',
    'suppress_logging',
    'expires',
    'queue_names',
  ]);
  return {
    ...parseRule(body, nowMs),
    suppressLogging: optional(body, 'suppress_logging', 'a boolean', isBoolean) ?? false,
  };
}

/** Unknown keys are ignored, `routing_domain` among them. */
export function parseSuspendRequest(body: JsonObject, nowMs: EpochMs): RuleRequest {
  const rule = parseRule(body, nowMs);
  return { ...rule, criteria: { ...rule.criteria, routingDomain: null } };
}

export function parseReadySuspendRequest(
  body: JsonObject,
  nowMs: EpochMs,
): { readonly name: string; readonly reason: string; readonly durationMs: number } {
  return {
    name: required(body, 'name'),
    reason: required(body, 'reason'),
    durationMs: durationOf(body, nowMs),
  };
}

export function parseRebindRequest(body: JsonObject): RebindRequest {
  refuseUnknown(body, [
    'campaign',
    'tenant',
    'domain',
    'routing_domain',
    'reason',
    'suppress_logging',
    'data',
    'trigger_rebind_event',
    'always_flush',
  ]);
  const reason = required(body, 'reason');
  const data = body['data'];
  if (data === undefined) throw new Error('missing field `data`');
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    throw new Error(`${wrongType(data)}, expected a map`);
  }
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    if (typeof value !== 'string') throw new Error(`${wrongType(value)}, expected a string`);
    texts[key] = value;
  }
  const flag = (key: string): boolean => optional(body, key, 'a boolean', isBoolean) ?? false;
  return {
    criteria: { ...criteriaOf(body), queueNames: [] },
    reason,
    suppressLogging: flag('suppress_logging'),
    data: texts,
    triggerEvent: flag('trigger_rebind_event'),
    alwaysFlush: flag('always_flush'),
  };
}

function parseRule(body: JsonObject, nowMs: EpochMs): RuleRequest {
  return {
    criteria: criteriaOf(body),
    reason: required(body, 'reason'),
    durationMs: durationOf(body, nowMs),
  };
}

function criteriaOf(body: JsonObject): Criteria {
  const text = (key: string): string | null => optional(body, key, 'a string', isText) ?? null;
  return {
    campaign: text('campaign'),
    tenant: text('tenant'),
    domain: text('domain'),
    routingDomain: text('routing_domain'),
    queueNames: optional(body, 'queue_names', 'a sequence', isTexts) ?? [],
  };
}

/** `expires` wins over `duration`; the past means no time at all. */
function durationOf(body: JsonObject, nowMs: EpochMs): number {
  const expires = optional(
    body,
    'expires',
    'a formatted date and time string or a unix timestamp',
    isText,
  );
  if (expires !== undefined) return Math.max(0, parseMoment(expires).epochMs - nowMs);
  const duration = body['duration'];
  if (duration === undefined || duration === null) return 300_000;
  const seconds = typeof duration === 'number' || isJsonFloat(duration) ? Number(duration) : null;
  if (seconds !== null && seconds >= 0) return seconds * 1000;
  if (seconds !== null) {
    const isFloat = isJsonFloat(duration) || !Number.isInteger(seconds);
    const why = isFloat
      ? 'cannot convert float seconds to Duration: value is negative'
      : 'out of range integral type conversion attempted';
    throw new Error(
      `duration must either be a string or a positive integer specifying the number of seconds. (error: ${why})`,
    );
  }
  const parsed = typeof duration === 'string' ? parseDurationMs(duration) : undefined;
  if (parsed === undefined) {
    throw new Error(`invalid value: ${valueText(duration)}, expected a duration`);
  }
  return parsed;
}

function refuseUnknown(body: JsonObject, known: readonly string[]): void {
  for (const key of Object.keys(body)) {
    if (known.includes(key)) continue;
    const expected = known.map((name) => `\`${name}\``).join(', ');
    throw new Error(`unknown field \`${key}\`, expected one of ${expected}`);
  }
}

function required(body: JsonObject, key: string): string {
  const value = body[key];
  if (value === undefined) throw new Error(`missing field \`${key}\``);
  if (typeof value !== 'string') throw new Error(`${wrongType(value)}, expected a string`);
  return value;
}

function optional<T extends JsonValue>(
  body: JsonObject,
  key: string,
  expected: string,
  is: (value: JsonValue) => value is T,
): T | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw new Error(`${wrongType(value)}, expected ${expected}`);
  return value;
}

function isText(value: JsonValue): value is string {
  return typeof value === 'string';
}

function isBoolean(value: JsonValue): value is boolean {
  return typeof value === 'boolean';
}

function isTexts(value: JsonValue): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

function wrongType(value: JsonValue): string {
  return `invalid type: ${valueText(value)}`;
}

function valueText(value: JsonValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`;
  if (typeof value === 'boolean') return `boolean \`${value}\``;
  return describeNumber(value) ?? (Array.isArray(value) ? 'sequence' : 'map');
}
