/**
 * A websocket a policy listens to: messages wait in a bounded row until they are received. When
 * the row is full the connection is paused, so that the server waits.
 *
 * Source: RFC 6455; reference `lua-api.md` §3.14.
 */
import type { IncomingMessage } from 'node:http';
import { connect as tlsConnect } from 'node:tls';
import { WebSocket } from 'ws';
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject, MultiValue } from '../lua/lua-value.ts';
import type { BindingDeps } from './bindings.ts';
import { dialFirst } from './http-exchange.ts';
import { HttpResponse } from './http-response.ts';
import { durationNs } from './time.ts';

const WAITING_MAX = 1_000;

/** @throws {Error} why the handshake failed */
export async function connectWebSocket(deps: BindingDeps, url: URL): Promise<MultiValue> {
  const isSecure = url.protocol === 'wss:' || url.protocol === 'https:';
  const port = Number(url.port || (isSecure ? 443 : 80));
  const plain = await dialFirst(deps, url.hostname, port, 'websocket');
  const socket = isSecure ? tlsConnect({ socket: plain, servername: url.hostname }) : plain;
  const target = url.href.replace(/^http/, 'ws').replace(/^wss:/, 'ws:');
  const client = new WebSocket(target, {
    createConnection: () => socket,
    headers: { host: url.host },
    perMessageDeflate: false,
  });
  // Messages may arrive together with the answer: whoever keeps them must be there before.
  const stream = new PolicyWebSocket(deps, client);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    client.once('upgrade', resolve);
    client.once('error', reject);
    client.once('unexpected-response', (_, answer) =>
      reject(new Error(`HTTP error: ${answer.statusCode} ${answer.statusMessage}`)),
    );
  });
  const headers = Object.entries(response.headers).map(
    ([name, value]) => [name, String(value)] as const,
  );
  const answer = { status: response.statusCode ?? 101, headers, body: new Uint8Array(), url };
  return new MultiValue(stream, new HttpResponse(answer));
}

/** Open until the peer or the policy ends it; then `recv` gives what waits and after that nil. */
class PolicyWebSocket extends HostObject {
  readonly luaTypeName = 'WebSocketStream';
  readonly #deps: BindingDeps;
  readonly #client: WebSocket;
  readonly #waiting: (string | Uint8Array)[] = [];
  #isOver = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(deps: BindingDeps, client: WebSocket) {
    super();
    this.#deps = deps;
    this.#client = client;
    client.on('message', (data: Buffer, isBinary) => {
      this.#waiting.push(isBinary ? data : data.toString('utf8'));
      if (this.#waiting.length >= WAITING_MAX) client.pause();
      this.#wake?.();
    });
    client.on('error', (error) => (this.#failure = error));
    client.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  /** The next message, `undefined` when the connection has ended. */
  async receive(): Promise<string | Uint8Array | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) await this.#next(Infinity);
    const message = this.#waiting.shift();
    this.#client.resume();
    if (message === undefined && this.#failure) throw this.#failure;
    return message;
  }

  /** At least one message, and all that arrive within `waitMs` of it. */
  async receiveBatch(waitMs: number): Promise<(string | Uint8Array)[]> {
    const first = await this.receive();
    if (first === undefined) return [];
    const batch = [first];
    const end = this.#deps.clock.monotonic() + waitMs;
    for (;;) {
      batch.push(...this.#waiting.splice(0));
      const leftMs = end - this.#deps.clock.monotonic();
      if (leftMs <= 0 || this.#isOver || batch.length >= WAITING_MAX) break;
      await this.#next(leftMs);
    }
    this.#client.resume();
    return batch;
  }

  override dispose(): void {
    this.#client.terminate();
  }

  #next(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer =
        waitMs === Infinity ? null : this.#deps.clock.timer(waitMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        timer?.cancel();
        resolve();
      };
    });
  }
}

export const WEB_SOCKET_TYPE: UserdataType<PolicyWebSocket> = {
  name: 'WebSocketStream',
  class: PolicyWebSocket,
  methods: {
    recv: {
      effect: 'network',
      signature: 'recv() -> string?',
      doc: 'Waits for the next message; nil when the connection has ended.',
      run: (socket) => socket.receive(),
    },
    recv_batch: {
      effect: 'network',
      signature: 'recv_batch(duration) -> list',
      doc: 'Waits for a message and gathers those that follow within the duration.',
      run: (socket, call) => socket.receiveBatch(Number(durationNs(call.value(1))) / 1e6),
    },
  },
};
