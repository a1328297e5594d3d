/**
 * `kumo.http.*`: clients whose requests leave through the guard, and URLs with parameters.
 *
 * Source: reference `lua-api.md` §3.14; reqwest 0.12.
 */
import type { UserdataType } from '../lua/host-function.ts';
import { HostObject, LuaTable } from '../lua/lua-value.ts';
import type { BindingDeps, Bindings } from './bindings.ts';
import { HttpConnections, parseUrl } from './http-exchange.ts';
import { HttpRequest, REQUEST_TYPE } from './http-request.ts';
import { HEADER_MAP_TYPE, RESPONSE_TYPE } from './http-response.ts';
import { connectWebSocket, WEB_SOCKET_TYPE } from './http-websocket.ts';
import { isAbsent, textOf, textPairs } from './lua-data.ts';
import { durationNs } from './time.ts';

const TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 90_000;

export function httpBindings(deps: BindingDeps): Bindings {
  const clients = new Set<HttpClient>();
  return {
    modules: [
      {
        path: ['kumo', 'http'],
        functions: {
          build_client: {
            effect: 'pure',
            signature: 'build_client(options) -> Client',
            doc: 'A client that keeps its connections; options: user_agent, timeout, pool_idle_timeout, accept_invalid_certs.',
            run: (call) => {
              const options = call.value(1);
              if (!(options instanceof LuaTable)) {
                throw call.badArgument(1, `error converting Lua ${call.typeName(1)} to table`);
              }
              const client = new HttpClient(deps, options, (closed) => clients.delete(closed));
              clients.add(client);
              return client;
            },
          },
          build_url: {
            effect: 'pure',
            signature: 'build_url(url, parameters) -> string',
            doc: 'The URL with parameters appended to its query.',
            run: (call) => {
              const url = parseUrl(call.string(1));
              for (const [key, value] of textPairs(call.value(2)))
                url.searchParams.append(key, value);
              return url.href;
            },
          },
          connect_websocket: {
            effect: 'network',
            signature: 'connect_websocket(url) -> WebSocket, Response',
            doc: 'Opens a websocket and tells the answer to its handshake.',
            run: (call) => connectWebSocket(deps, parseUrl(call.string(1))),
          },
        },
      },
    ],
    types: [CLIENT_TYPE, REQUEST_TYPE, RESPONSE_TYPE, HEADER_MAP_TYPE, WEB_SOCKET_TYPE],
    close: () => clients.forEach((client) => client.destroy()),
  };
}

class HttpClient extends HostObject {
  readonly luaTypeName = 'Client';
  readonly #deps: BindingDeps;
  readonly #connections: HttpConnections;
  readonly #userAgent: string | undefined;
  readonly #timeoutMs: number;
  readonly #onClose: (client: HttpClient) => void;
  #isClosed = false;

  constructor(deps: BindingDeps, options: LuaTable, onClose: (client: HttpClient) => void) {
    super();
    const duration = (key: string, usual: number): number => {
      const value = options.get(key);
      return isAbsent(value) ? usual : Number(durationNs(value)) / 1e6;
    };
    this.#deps = deps;
    this.#userAgent = textOf(options.get('user_agent'));
    this.#timeoutMs = duration('timeout', TIMEOUT_MS);
    this.#onClose = onClose;
    this.#connections = new HttpConnections(deps, {
      idleTimeoutMs: duration('pool_idle_timeout', IDLE_TIMEOUT_MS),
      acceptInvalidCerts: options.get('accept_invalid_certs') === true,
    });
  }

  request(method: string, url: string): HttpRequest {
    if (this.#isClosed) throw new Error('client has been closed');
    const request = new HttpRequest(this.#deps, this.#connections, method, url, this.#timeoutMs);
    if (this.#userAgent !== undefined) request.setHeader('user-agent', this.#userAgent);
    return request;
  }

  /** Requests under way go on; idle connections end. */
  close(): void {
    this.#isClosed = true;
    this.#connections.close();
    if (this.#connections.isIdle) this.#onClose(this);
  }

  /** For the end of the host: what is under way fails. */
  destroy(): void {
    this.#isClosed = true;
    this.#connections.destroy();
  }

  override dispose(): void {
    this.close();
  }
}

const verb = (method: string): NonNullable<UserdataType<HttpClient>['methods']>[string] => ({
  effect: 'network',
  signature: `${method.toLowerCase()}(url) -> Request`,
  doc: `Begins a ${method} request.`,
  run: (client, call) => client.request(method, call.string(1)),
});

const CLIENT_TYPE: UserdataType<HttpClient> = {
  name: 'Client',
  class: HttpClient,
  methods: {
    get: verb('GET'),
    post: verb('POST'),
    put: verb('PUT'),
    delete: verb('DELETE'),
    close: {
      effect: 'pure',
      signature: 'close()',
      doc: 'Closes the connections that idle; the client makes no more requests.',
      run: (client) => void client.close(),
    },
  },
};
