/**
 * A listening HTTP socket of the policy (`kumo.start_http_listener`): finds the route, asks who is
 * there and whether they may, reads the body, runs the route and answers.
 *
 * States: open, stopping (no new connections; requests under way are answered), closed.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import { STATUS_CODES, createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { toError } from '../../base/assert.ts';
import { parseListen } from '../../base/ip.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import { StoreFullError } from '../../store/store.ts';
import type { HttpListenerSettings } from '../../policy/settings.ts';
import type { TraceHub } from '../../reception/trace-hub.ts';
import { AccessControl } from './access-control.ts';
import { ADMIN_ROUTES } from './admin-routes.ts';
import { Authentication } from './authentication.ts';
import { readBody, sendAnswer } from './http-exchange.ts';
import type { Answer, KumoRequest } from './http-exchange.ts';
import { HttpProblem, HttpRefusal } from './http-problem.ts';
import { INJECT_ROUTES } from './inject-route.ts';
import { INSPECT_ROUTES } from './inspect-routes.ts';
import { openApiRoutes } from './openapi-routes.ts';
import type { Handler, KumoApiDeps, Routes } from './route.ts';
import { SERVICE_ROUTES } from './service-routes.ts';
import { TraceSockets } from './trace-socket.ts';
import {
  clientWanted,
  serverWanted,
  TRACE_CLIENT_PATH,
  TRACE_SERVER_PATH,
} from './trace-wanted.ts';

export interface KumoHttpDeps extends KumoApiDeps {
  readonly tracer: TraceHub;
  readonly clientTracer: TraceHub;
  /** Key and certificate of a listener with `use_tls`. */
  readonly tls: {
    identity(
      settings: Pick<HttpListenerSettings, 'tlsCertificate' | 'tlsPrivateKey' | 'hostname'>,
    ): Promise<{ key: string; cert: string }>;
  };
}

const THEMES: Routes = {
  ...INJECT_ROUTES,
  ...ADMIN_ROUTES,
  ...INSPECT_ROUTES,
  ...SERVICE_ROUTES,
};
/** What is a WebSocket, asked for without wanting one. */
const SOCKETS: Routes = Object.fromEntries(
  [TRACE_SERVER_PATH, TRACE_CLIENT_PATH].map((path) => [
    path,
    {
      GET: () => {
        throw new HttpRefusal(400, "Connection header did not include 'upgrade'");
      },
    },
  ]),
);
const ROUTES: Routes = { ...THEMES, ...SOCKETS, ...openApiRoutes({ ...THEMES, ...SOCKETS }) };

export class KumoHttpListener {
  /** `ip:port` as bound. */
  readonly address: string;
  readonly #settings: HttpListenerSettings;
  readonly #deps: KumoHttpDeps;
  readonly #server: Server;
  readonly #authentication: Authentication;
  readonly #access: AccessControl;
  readonly #traces: Readonly<Record<string, TraceSockets>>;

  private constructor(server: Server, settings: HttpListenerSettings, deps: KumoHttpDeps) {
    const { address, port } = server.address() as AddressInfo;
    this.address = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    this.#server = server;
    this.#settings = settings;
    this.#deps = deps;
    this.#authentication = new Authentication(deps);
    this.#access = new AccessControl(deps);
    this.#traces = {
      [TRACE_SERVER_PATH]: new TraceSockets(deps.tracer, serverWanted),
      [TRACE_CLIENT_PATH]: new TraceSockets(deps.clientTracer, clientWanted),
    };
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      void this.#serve(incoming, response);
    });
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(incoming, socket, head);
    });
    server.on('error', (error) => deps.diagnostic('error', `HTTP listener: ${error.message}`));
  }

  /** @throws {Error} the address is not `ip:port`, cannot be bound, or a key cannot be read */
  static async open(settings: HttpListenerSettings, deps: KumoHttpDeps): Promise<KumoHttpListener> {
    const { host, port } = listenAddress(settings.listen);
    const server = settings.useTls
      ? createTlsServer(await deps.tls.identity(settings))
      : createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return new KumoHttpListener(server, settings, deps);
  }

  /** Resolves when the last request under way is answered. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    for (const sockets of Object.values(this.#traces)) sockets.close();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(incoming);
    } catch (error) {
      answer = this.#failure(error);
    }
    // What the client still sends of a body that nobody wants would block the connection.
    incoming.resume();
    if (!response.destroyed) sendAnswer(incoming, response, answer);
  }

  async #answer(incoming: IncomingMessage): Promise<Answer> {
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const method = incoming.method ?? 'GET';
    const path = url.pathname;
    const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
    if (!route) return { status: 404, body: '' };
    const auth = await this.#admit(incoming, { method, path });
    const handler = handlerFor(route, method);
    if (!handler) throw new HttpRefusal(405, '');
    const request: KumoRequest = {
      method,
      path,
      query: url.searchParams,
      listener: this.address,
      hostname: this.#settings.hostname,
      peerIp: plainIp(incoming.socket.remoteAddress),
      localIp: plainIp(incoming.socket.localAddress),
      auth,
      contentType: incoming.headers['content-type'],
      body: await readBody(incoming, this.#settings.requestBodyLimit),
    };
    return handler(request, this.#deps);
  }

  /** @throws {HttpRefusal} who asks is nobody they claim to be, or may not */
  async #admit(
    incoming: IncomingMessage,
    request: { readonly method: string; readonly path: string },
  ): Promise<AuthInfo> {
    const auth = await this.#authentication.identify(
      plainIp(incoming.socket.remoteAddress),
      this.#settings.trustedHosts,
      incoming.headers.authorization,
    );
    const refusal = await this.#access.refusal(this.address, request, auth);
    if (refusal !== null) throw new HttpRefusal(401, refusal);
    return auth;
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // A client that leaves meanwhile is nothing to report.
    socket.on('error', () => socket.destroy());
    const path = new URL(incoming.url ?? '/', 'http://localhost').pathname;
    try {
      const sockets = Object.hasOwn(this.#traces, path) ? this.#traces[path] : undefined;
      if (!sockets) throw new HttpRefusal(404, '');
      await this.#admit(incoming, { method: 'GET', path });
      sockets.accept(incoming, socket, head);
    } catch (error) {
      const { status = 500, body } = this.#failure(error);
      const text = String(body);
      const headers = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}`;
      socket.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers}\r\nconnection: close\r\n\r\n${text}`,
      );
    }
  }

  #failure(error: unknown): Answer {
    if (error instanceof HttpRefusal) return { status: error.status, body: error.message };
    if (error instanceof HttpProblem) {
      return { status: error.status, body: `Error: ${error.message}` };
    }
    if (error instanceof StoreFullError) return { status: 503, body: 'Error: disk is too full' };
    const { message, stack } = toError(error);
    this.#deps.diagnostic('error', `HTTP API: ${stack ?? message}`);
    return { status: 500, body: `Error: ${message}` };
  }
}

function handlerFor(route: Readonly<Record<string, Handler>>, method: string): Handler | undefined {
  return route[method] ?? (method === 'HEAD' ? route['GET'] : undefined);
}

function listenAddress(listen: string): { host: string; port: number } {
  const address = parseListen(listen);
  if (address === undefined) {
    throw new Error(`Cannot listen for HTTP: found ${JSON.stringify(listen)}, expected ip:port`);
  }
  return address;
}

/** IPv4 peers of an IPv6 socket are shown by their IPv4 address. */
function plainIp(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '') ?? '';
}
