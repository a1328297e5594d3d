/**
 * `/api/admin/trace-smtp-server/v1`: a WebSocket that shows what happens in SMTP sessions. The
 * client's first text says which sessions; what happened since it connected is shown from then on.
 *
 * States of a client: waiting (events are kept until it has said what it wants), watching, closed.
 * A client that reads too slowly misses events and is told how many.
 *
 * Source: reference `http-logs-reception.md` §2.10.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import { CidrSet } from '../../base/cidr.ts';
import { splitIpPort } from '../../base/ip.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import type { TraceEvent, TraceHub } from '../../reception/trace-hub.ts';

export const TRACE_SERVER_PATH = '/api/admin/trace-smtp-server/v1';

/** Events that are kept for a client that has not said yet what it wants. */
const KEPT_EVENTS_MAX = 131_072;
/** A client with this much unread misses what happens until it has read. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
const REQUEST_BYTES_MAX = 64 * 1024;

interface Wanted {
  readonly sources: CidrSet | null;
  readonly isTerse: boolean;
}

export class TraceSockets {
  readonly #hub: TraceHub;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: REQUEST_BYTES_MAX });

  constructor(hub: TraceHub) {
    this.#hub = hub;
  }

  /** Watches before it answers, so that nothing is lost in between. */
  accept(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const watcher = new Watcher(this.#hub);
    socket.once('close', () => watcher.close());
    this.#server.handleUpgrade(incoming, socket, head, (client) => watcher.serve(client));
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }
}

class Watcher {
  readonly #hub: TraceHub;
  readonly #stop: () => void;
  #client: WebSocket | null = null;
  #wanted: Wanted | null = null;
  #kept: TraceEvent[] = [];
  #missedCount = 0;

  constructor(hub: TraceHub) {
    this.#hub = hub;
    this.#stop = hub.watch((event) => this.#take(event));
  }

  serve(client: WebSocket): void {
    this.#client = client;
    client.once('message', (data) => this.#begin(data));
    client.on('close', () => this.close());
    client.on('error', () => client.terminate());
  }

  close(): void {
    this.#stop();
    this.#kept = [];
  }

  #begin(data: RawData): void {
    try {
      this.#wanted = wantedOf(JSON.parse(textOf(data)) as JsonValue);
    } catch {
      this.#client?.close(1007, 'not a request to trace');
      return;
    }
    for (const event of this.#kept.splice(0)) this.#send(event);
  }

  #take(event: TraceEvent): void {
    if (this.#wanted !== null) return this.#send(event);
    if (this.#kept.length < KEPT_EVENTS_MAX) this.#kept.push(event);
    else this.#missedCount++;
  }

  #send(event: TraceEvent): void {
    const client = this.#client;
    if (client === null || this.#wanted === null || !isWanted(event, this.#wanted)) return;
    if (client.bufferedAmount > UNREAD_BYTES_MAX) {
      this.#missedCount++;
      return;
    }
    if (this.#missedCount > 0) {
      const message = `Tracer Lagged behind and missed ${this.#missedCount} events`;
      this.#missedCount = 0;
      client.send(
        JSON.stringify(this.#hub.event(null, { Diagnostic: { level: 'ERROR', message } })),
      );
    }
    client.send(JSON.stringify(this.#wanted.isTerse ? terse(event) : event));
  }
}

/** @throws {Error} it is not an object, or names sources that are no networks */
function wantedOf(request: JsonValue): Wanted {
  if (!isObject(request)) throw new Error('Cannot trace: found no object');
  const { source_addr: sources, terse: isTerse } = request;
  return {
    sources: Array.isArray(sources) ? new CidrSet(sources.map(String)) : null,
    isTerse: isTerse === true,
  };
}

function textOf(data: RawData): string {
  const parts = Array.isArray(data) ? data : [Buffer.isBuffer(data) ? data : Buffer.from(data)];
  return Buffer.concat(parts).toString();
}

function isWanted({ conn_meta: meta }: TraceEvent, { sources }: Wanted): boolean {
  if (sources === null || meta === null) return true;
  const from = meta['received_from'];
  const ip = typeof from === 'string' ? splitIpPort(from)?.ip : undefined;
  return ip !== undefined && sources.contains(ip);
}

/** A read of several lines, shown by its first. */
function terse(event: TraceEvent): TraceEvent {
  const text = isObject(event.payload) ? event.payload['Read'] : null;
  if (typeof text !== 'string') return event;
  const end = text.indexOf('\r\n');
  if (end < 0 || end + 2 === text.length) return event;
  const snippet = text.slice(0, end);
  return { ...event, payload: { AbbreviatedRead: { snippet, len: Buffer.byteLength(text) } } };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
