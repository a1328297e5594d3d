/**
 * `/api/admin/trace-smtp-server/v1` and `…/trace-smtp-client/v1`: WebSockets that show what happens
 * in SMTP sessions, as the server and as the client of one. The watcher's first text says which
 * sessions; what happened since it connected is shown from then on.
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
import type { JsonValue } from '../../mail/json.ts';
import type { TraceEvent, TraceHub } from '../../reception/trace-hub.ts';
import type { Wanted, WantedOf } from './trace-wanted.ts';

/** Events that are kept for a client that has not said yet what it wants. */
const KEPT_EVENTS_MAX = 131_072;
/** A client with this much unread misses what happens until it has read. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
const REQUEST_BYTES_MAX = 64 * 1024;

export class TraceSockets {
  readonly #hub: TraceHub;
  readonly #wantedOf: WantedOf;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: REQUEST_BYTES_MAX });

  constructor(hub: TraceHub, wantedOf: WantedOf) {
    this.#hub = hub;
    this.#wantedOf = wantedOf;
  }

  /** Watches before it answers, so that nothing is lost in between. */
  accept(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const watcher = new Watcher(this.#hub, this.#wantedOf);
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
  readonly #wantedOf: WantedOf;
  readonly #stop: () => void;
  #client: WebSocket | null = null;
  #wanted: Wanted | null = null;
  #kept: TraceEvent[] = [];
  #missedCount = 0;

  constructor(hub: TraceHub, wantedOf: WantedOf) {
    this.#hub = hub;
    this.#wantedOf = wantedOf;
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
      this.#wanted = this.#wantedOf(JSON.parse(textOf(data)) as JsonValue);
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
    if (client === null || this.#wanted === null || !this.#wanted.isWanted(event)) return;
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
    client.send(JSON.stringify(this.#wanted.shown(event)));
  }
}

function textOf(data: RawData): string {
  const parts = Array.isArray(data) ? data : [Buffer.isBuffer(data) ? data : Buffer.from(data)];
  return Buffer.concat(parts).toString();
}
