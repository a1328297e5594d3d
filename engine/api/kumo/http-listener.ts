/**
 * A listening HTTP socket of the policy (`kumo.start_http_listener`): finds the route, asks who is
 * there and whether they may, reads the body, runs the route and answers.
 *
 * States: open, stopping (no new connections; requests under way are answered), closed.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { toError } from '../../base/assert.ts';
import { splitIpPort } from '../../base/ip.ts';
import { StoreFullError } from '../../store/store.ts';
import type { HttpListenerSettings } from '../../policy/settings.ts';
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

export interface KumoHttpDeps extends KumoApiDeps {
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
const ROUTES: Routes = { ...THEMES, ...openApiRoutes(THEMES) };

export class KumoHttpListener {
  /** `ip:port` as bound. */
  readonly address: string;
  readonly #settings: HttpListenerSettings;
  readonly #deps: KumoHttpDeps;
  readonly #server: Server;
  readonly #authentication: Authentication;
  readonly #access: AccessControl;

  private constructor(server: Server, settings: HttpListenerSettings, deps: KumoHttpDeps) {
    const { address, port } = server.address() as AddressInfo;
    this.address = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    this.#server = server;
    this.#settings = settings;
    this.#deps = deps;
    this.#authentication = new Authentication(deps);
    this.#access = new AccessControl(deps);
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      void this.#serve(incoming, response);
    });
    server.on('error', (error) => deps.diagnostic('error', `HTTP listener: ${error.message}`));
  }

  /** @throws {Error} the address is not `ip:port`, cannot be bound, or a key cannot be read */
  static async open(settings: HttpListenerSettings, deps: KumoHttpDeps): Promise<KumoHttpListener> {
    const { host, port } = parseListen(settings.listen);
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
    const peerIp = plainIp(incoming.socket.remoteAddress);
    const auth = await this.#authentication.identify(
      peerIp,
      this.#settings.trustedHosts,
      incoming.headers.authorization,
    );
    const refusal = await this.#access.refusal(this.address, { method, path }, auth);
    if (refusal !== null) throw new HttpRefusal(401, refusal);
    const handler = handlerFor(route, method);
    if (!handler) throw new HttpRefusal(405, '');
    const request: KumoRequest = {
      method,
      path,
      query: url.searchParams,
      listener: this.address,
      hostname: this.#settings.hostname,
      peerIp,
      localIp: plainIp(incoming.socket.localAddress),
      auth,
      contentType: incoming.headers['content-type'],
      body: await readBody(incoming, this.#settings.requestBodyLimit),
    };
    return handler(request, this.#deps);
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

function parseListen(listen: string): { host: string; port: number } {
  const short = /^0:(\d+)$/.exec(listen);
  const address = short ? { ip: '0.0.0.0', port: Number(short[1]) } : splitIpPort(listen);
  if (!address || address.port === null) {
    throw new Error(`Cannot listen for HTTP: found ${JSON.stringify(listen)}, expected ip:port`);
  }
  return { host: address.ip, port: address.port };
}

/** IPv4 peers of an IPv6 socket are shown by their IPv4 address. */
function plainIp(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '') ?? '';
}
