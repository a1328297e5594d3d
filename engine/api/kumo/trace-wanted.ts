/**
 * Which events a watcher of traces wants, and how they are shown to it.
 *
 * A filter leaves an event out only when the event says something else in a text: a list
 * (`recipient`) or a key of another name (`ready_queue_name`) never leaves out anything.
 *
 * Source: reference `http-logs-reception.md` §2.10.
 */
import { CidrSet } from '../../base/cidr.ts';
import { splitIpPort } from '../../base/ip.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import type { TraceEvent } from '../../reception/trace-hub.ts';

export const TRACE_SERVER_PATH = '/api/admin/trace-smtp-server/v1';
export const TRACE_CLIENT_PATH = '/api/admin/trace-smtp-client/v1';

export interface Wanted {
  isWanted(event: TraceEvent): boolean;
  shown(event: TraceEvent): TraceEvent;
}

/** @throws {Error} the request is not an object, or names networks that are none */
export type WantedOf = (request: JsonValue) => Wanted;

export const serverWanted: WantedOf = (request) =>
  wanted(request, { networks: { source_addr: 'received_from' }, texts: {}, terse: 'Read' });

export const clientWanted: WantedOf = (request) =>
  wanted(request, {
    networks: { source_addr: 'source_address', mx_addr: 'mx_address' },
    texts: {
      ...{ campaign: 'campaign', tenant: 'tenant', domain: 'domain' },
      ...{ routing_domain: 'routing_domain', mail_from: 'sender', rcpt_to: 'recipient' },
      ...{ egress_pool: 'egress_pool', egress_source: 'egress_source' },
      ...{ mx_host: 'mx_host', ready_queue: 'ready_queue' },
    },
    terse: 'Write',
  });

interface Filters {
  /** Key of the request to key of the event's metadata. */
  readonly networks: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
  /** The payload that a terse watcher sees the first line of. */
  readonly terse: 'Read' | 'Write';
}

function wanted(request: JsonValue, { networks, texts, terse }: Filters): Wanted {
  if (!isObject(request)) throw new Error('Cannot trace: found no object');
  const tests = [
    ...Object.entries(networks).flatMap(([key, metaKey]) => {
      const asked = request[key];
      if (!Array.isArray(asked)) return [];
      const set = new CidrSet(asked.map(String));
      return [(meta: JsonObject): boolean => isWithin(set, meta[metaKey])];
    }),
    ...Object.entries(texts).flatMap(([key, metaKey]) => {
      const asked = request[key];
      if (!Array.isArray(asked) || asked.length === 0) return [];
      return [
        (meta: JsonObject): boolean => {
          const found = meta[metaKey];
          return typeof found !== 'string' || asked.includes(found);
        },
      ];
    }),
  ];
  return {
    isWanted: ({ conn_meta: meta }) => meta === null || tests.every((test) => test(meta)),
    shown: (event) => (request['terse'] === true ? abbreviated(event, terse) : event),
  };
}

/** What has no address yet is not left out for it. */
function isWithin(set: CidrSet, address: JsonValue | undefined): boolean {
  if (typeof address !== 'string') return true;
  const ip = splitIpPort(address)?.ip;
  return ip !== undefined && set.contains(ip);
}

/** A text of several lines, shown by its first. */
function abbreviated(event: TraceEvent, kind: Filters['terse']): TraceEvent {
  const text = isObject(event.payload) ? event.payload[kind] : null;
  if (typeof text !== 'string') return event;
  const end = text.indexOf('\r\n');
  if (end < 0 || end + 2 === text.length) return event;
  const short = { snippet: text.slice(0, end), len: Buffer.byteLength(text) };
  return { ...event, payload: { [`Abbreviated${kind}`]: short } };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
