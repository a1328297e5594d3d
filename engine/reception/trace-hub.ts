/**
 * What happens in SMTP sessions, told to whoever watches (`/api/admin/trace-smtp-server/v1`).
 * Nothing is made, let alone kept, while nobody does.
 *
 * Source: reference `http-logs-reception.md` §2.10.
 */
import { chronoDebugUtc } from '../base/chrono-text.ts';
import type { Clock } from '../base/clock.ts';
import type { ConnectionMeta } from '../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { EventCall } from '../policy/event-call.ts';

export interface TraceEvent {
  /** Null for what is about the trace itself. */
  readonly conn_meta: JsonObject | null;
  /** `"Connected"`, `{"Read": text}`, `{"Callback": {…}}` and the like. */
  readonly payload: JsonValue;
  readonly when: string;
}

export class TraceHub {
  readonly #mailClock: Clock;
  readonly #watchers = new Set<(event: TraceEvent) => void>();

  constructor(mailClock: Clock) {
    this.#mailClock = mailClock;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Returns how to stop watching. */
  watch(watcher: (event: TraceEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  event(meta: JsonObject | null, payload: JsonValue): TraceEvent {
    return { conn_meta: meta, payload, when: chronoDebugUtc(this.#mailClock.now()) };
  }

  publish(meta: JsonObject, payload: JsonValue): void {
    const event = this.event(meta, payload);
    for (const watcher of this.#watchers) watcher(event);
  }
}

/** One session's side of it. */
export class SessionTracer {
  readonly #hub: TraceHub;
  readonly #meta: ConnectionMeta;

  constructor(hub: TraceHub, meta: ConnectionMeta) {
    this.#hub = hub;
    this.#meta = meta;
  }

  get isWatched(): boolean {
    return this.#hub.isWatched;
  }

  publish(payload: JsonValue): void {
    if (this.isWatched) this.#hub.publish(this.#meta.snapshot(), payload);
  }

  read(chunk: Buffer): void {
    if (this.isWatched) this.publish({ Read: chunk.toString('utf8') });
  }

  /** @param wire lines with their CRLF */
  wrote(wire: string): void {
    if (!this.isWatched) return;
    for (const line of wire.split('\r\n').slice(0, -1)) this.publish({ Write: `${line}\r\n` });
  }

  /** A call that a handler answered. */
  called(call: EventCall): void {
    if (!this.isWatched) return;
    const { event, args, returned, raised } = call;
    const isOfDomain = event === 'get_listener_domain';
    // Calls of later stages (`get_queue_config`) are no part of the conversation.
    if (!isOfDomain && !event.startsWith('smtp_server_')) return;
    const name = isOfDomain ? listenerDomainCall(bare(args[0])) : event;
    const error = raised && [raised.code, raised.text].filter((part) => part !== undefined);
    this.#callback(name, resultOf(returned ?? []), error?.join(' ') ?? null);
  }

  /** A call that would have been made if the policy had a handler. */
  notHandled(name: string): void {
    if (this.isWatched) this.#callback(name, null, null);
  }

  #callback(name: string, result: JsonValue, error: string | null): void {
    this.publish({ Callback: { name, result, error } });
  }
}

export function listenerDomainCall(domain: string): string {
  return `get_listener_domain domain=${domain}`;
}

/** A text as an argument shows it, without its quotes. */
function bare(shown = ''): string {
  return /^".*"$/s.test(shown) ? shown.slice(1, -1) : shown;
}

function resultOf(returned: readonly string[]): JsonValue {
  const [only, ...more] = returned.map((text): JsonValue => {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      return text === 'nil' ? null : text;
    }
  });
  return more.length > 0 ? [only ?? null, ...more] : (only ?? null);
}
