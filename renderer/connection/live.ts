/**
 * The one WebSocket. It authenticates with its first message, continues after the last event it saw,
 * and tries again with growing waits when the engine goes away.
 *
 * States: `connecting` (no answer yet) → `live` (welcome came) → `lost` (closed; a wait runs, then
 * connecting again) → … ; `refused` when the token is not taken: only a new token leaves it.
 */
import type { LiveEvent, LiveRequest } from '../../engine/api/protocol.ts';
import { FrameBatch } from './frame-batch.ts';

export type LinkState = 'connecting' | 'live' | 'lost' | 'refused';

export interface LiveListener {
  onevent(event: LiveEvent): void;
  /** @param retryAtMs when it tries again, on the page's own clock; null while it does not wait */
  onstate(state: LinkState, retryAtMs: number | null): void;
}

const RETRY_WAITS_MS = [500, 1000, 2000, 4000, 8000];
/** Close code of a WebSocket whose token was not taken. */
const REFUSED_CODE = 4401;

export class LiveConnection {
  readonly #token: () => string | null;
  readonly #listener: LiveListener;
  readonly #batch: FrameBatch<LiveEvent>;
  #socket: WebSocket | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #since: number | null = null;
  #watched: string | null = null;
  #isStopped = false;

  constructor(token: () => string | null, listener: LiveListener) {
    this.#token = token;
    this.#listener = listener;
    this.#batch = new FrameBatch((event) => listener.onevent(event));
  }

  start(): void {
    this.#isStopped = false;
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#clearRetry();
    this.#socket?.close();
    this.#socket = null;
  }

  /** Now instead of when the wait is over. */
  reconnect(): void {
    this.#clearRetry();
    this.#socket?.close();
    this.#connect();
  }

  /** Asks for changes of one maildir on disk; null for none. */
  watch(maildir: string | null): void {
    this.#watched = maildir;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: 'watch', maildir });
  }

  #connect(): void {
    const token = this.#token();
    if (token === null) return this.#listener.onstate('refused', null);
    this.#listener.onstate('connecting', null);
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}/api/v1/live`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#send({ type: 'hello', token, since: this.#since });
      if (this.#watched !== null) this.#send({ type: 'watch', maildir: this.#watched });
    };
    socket.onmessage = (message) => this.#receive(JSON.parse(String(message.data)) as LiveEvent);
    socket.onclose = (close) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (close.code === REFUSED_CODE) this.#listener.onstate('refused', null);
      else this.#retryLater();
    };
  }

  #receive(event: LiveEvent): void {
    // A welcome stands before what was missed; the missed events then count up to where it is.
    if (event.type !== 'welcome' || this.#since === null) this.#since = event.seq;
    if (event.type === 'welcome') {
      this.#failures = 0;
      this.#listener.onstate('live', null);
    }
    if (event.type === 'resync') this.#batch.clear();
    this.#batch.push(event);
  }

  #retryLater(): void {
    if (this.#isStopped) return;
    const waitMs = RETRY_WAITS_MS[Math.min(this.#failures, RETRY_WAITS_MS.length - 1)] ?? 8000;
    this.#failures++;
    this.#listener.onstate('lost', Date.now() + waitMs);
    this.#retryTimer = setTimeout(() => this.#connect(), waitMs);
  }

  #clearRetry(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #send(request: LiveRequest): void {
    this.#socket?.send(JSON.stringify(request));
  }
}
