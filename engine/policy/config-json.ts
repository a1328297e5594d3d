/**
 * Settings as KumoMTA prints them: the admin API's `queue_config` and `path_config`, and what a
 * script reads from the fields of a config userdata. Keys in the schema's order.
 *
 * Source: recorded answers of the admin API; reference `lua-api.md` §12.
 */
import { formatDuration } from '../base/duration.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { limitJson, type LimitSpec } from './config-scalars.ts';
import type { EGRESS_PATH, LISTENER_DOMAIN, QUEUE_CONFIG } from './config-schema.ts';
import type { ReadOf } from './config-serde.ts';
import type { DeliveryProtocol, KeySource, MxListEntry, ThrottleSpec } from './settings.ts';

/** Keys whose number is a duration in milliseconds. */
const DURATION_KEY = /(?:_interval|_timeout|^max_age|^ttl|^remember_broken_tls)$/;

export function queueConfigJson(read: ReadOf<typeof QUEUE_CONFIG>): JsonObject {
  const { protocol, shrink_policy: shrink, ...plain } = read;
  const json = plainJson(plain);
  // Protocol and shrink policy keep their places.
  return reorder(read, {
    ...json,
    protocol: protocolJson(protocol),
    shrink_policy: shrink.map((s) => ({ interval: formatDuration(s.interval), policy: s.policy })),
  });
}

export function egressPathJson(read: ReadOf<typeof EGRESS_PATH>): JsonObject {
  const { prohibited_hosts: prohibited, skip_hosts: skip, ...plain } = read;
  return reorder(read, {
    ...plainJson(plain),
    prohibited_hosts: [...prohibited.networks()],
    skip_hosts: [...skip.networks()],
  });
}

export function listenerDomainJson(read: ReadOf<typeof LISTENER_DOMAIN>): JsonObject {
  const { relay_from: relayFrom, ...plain } = read;
  return reorder(read, { ...plainJson(plain), relay_from: [...relayFrom.networks()] });
}

function plainJson(read: Readonly<Record<string, unknown>>): JsonObject {
  const json: JsonObject = {};
  for (const [key, value] of Object.entries(read)) json[key] = valueJson(key, value);
  return json;
}

function valueJson(key: string, value: unknown): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return DURATION_KEY.test(key) ? formatDuration(value) : value;
  if (Array.isArray(value)) return value.map((item) => valueJson('', item));
  if (isThrottle(value)) return value.text;
  if (isLimit(value)) return limitJson(value);
  if (isKey(value)) return keyJson(value);
  return plainJson(value as Record<string, unknown>);
}

function isThrottle(value: unknown): value is ThrottleSpec {
  return typeof value === 'object' && value !== null && 'periodMs' in value && 'text' in value;
}

function isLimit(value: unknown): value is LimitSpec {
  return typeof value === 'object' && value !== null && 'forceLocal' in value && 'limit' in value;
}

function isKey(value: unknown): value is KeySource {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** Secrets are not printed. */
function keyJson(key: KeySource): JsonValue {
  switch (key.kind) {
    case 'file':
      return key.path;
    case 'data':
      return { key_data: '••••' };
    case 'event':
      return { event_name: key.event };
    case 'vault':
      return { vault_mount: key.mount, vault_path: key.path };
  }
}

function protocolJson(protocol: DeliveryProtocol): JsonValue {
  switch (protocol.kind) {
    case 'smtp':
      return {
        smtp: {
          mx_list: protocol.mxList.map(mxJson),
          treat_mx_list_as_secure: protocol.treatMxListAsSecure,
        },
      };
    case 'maildir':
      return {
        maildir_path: protocol.path,
        dir_mode: protocol.dirMode,
        file_mode: protocol.fileMode,
      };
    case 'lua':
      return {
        custom_lua: {
          constructor: protocol.constructor_,
          batch_size: protocol.batchSize,
          min_batch_size: protocol.minBatchSize,
          max_batch_latency: formatDuration(protocol.maxBatchLatencyMs),
        },
      };
    case 'xfer':
      return { xfer: { target: protocol.target } };
    case 'httpInjectionGenerator':
      return 'HttpInjectionGenerator';
    case 'deferredSmtpInjection':
      return 'DeferredSmtpInjection';
    case 'null':
      return 'Null';
  }
}

function mxJson(entry: MxListEntry): JsonValue {
  return entry.kind === 'name' ? entry.label : { name: entry.name, addr: entry.addr };
}

function reorder(order: object, values: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(order).map((key) => [key, values[key] ?? null]));
}
