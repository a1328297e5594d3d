/**
 * A listening SMTP socket: accepts clients, counts them against the limit, starts their sessions,
 * and stops without cutting anybody off in the middle.
 *
 * Source: `kumo.start_esmtp_listener`; recorded connection phase of KumoMTA.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { parseListen } from '../base/ip.ts';
import { SESSION_CLOSE_GRACE_MS } from '../base/limits.ts';
import type { EsmtpListenerSettings } from '../policy/settings.ts';
import { formatEndpoint, wantedEndpoint } from './endpoint.ts';
import type { ReceptionMode } from './mode.ts';
import type { ReceptionDeps } from './reception-deps.ts';
import { Session } from './session.ts';
import type { SessionListener } from './session.ts';

export interface ListenerOptions {
  readonly settings: EsmtpListenerSettings;
  readonly mode: ReceptionMode;
  /** TLS from the first byte. Default: STARTTLS only. */
  readonly isImplicitTls?: boolean;
  /** `ip:port` to listen on instead of the policy's, which is told its own all the same. */
  readonly at?: string;
}

/** Connections the kernel may keep until we accept them. */
const BACKLOG = 1024;

export class EsmtpListener {
  /** `ip:port` as bound. */
  readonly address: string;
  readonly #deps: ReceptionDeps;
  readonly #server: Server;
  readonly #listener: SessionListener;
  readonly #isElsewhere: boolean;
  readonly #sessions = new Set<Session>();
  #isStopping = false;
  #onEmpty: (() => void) | null = null;

  private constructor(server: Server, options: ListenerOptions, deps: ReceptionDeps) {
    const bound = server.address() as AddressInfo;
    this.address = formatEndpoint({ ip: bound.address, port: bound.port });
    this.#server = server;
    this.#deps = deps;
    this.#isElsewhere = options.at !== undefined;
    this.#listener = {
      address: this.address,
      settings: options.settings,
      mode: options.mode,
      isImplicitTls: options.isImplicitTls ?? false,
      inserts: { count: 0 },
    };
    server.on('connection', (socket) => this.#accepted(socket));
    server.on('error', (error) => deps.diagnostic('error', `SMTP listener: ${error.message}`));
  }

  /** @throws {Error} the address is not `ip:port` or cannot be bound */
  static async open(options: ListenerOptions, deps: ReceptionDeps): Promise<EsmtpListener> {
    const { host, port } = listenAddress(options.at ?? options.settings.listen);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return new EsmtpListener(server, options, deps);
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  /**
   * Accepts nobody any more; idle clients are told so at once, others after the answer to what
   * they are doing. Resolves when the last one is gone, at most a grace period after its answer.
   */
  async close(): Promise<void> {
    this.#isStopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    for (const session of this.#sessions) session.stop();
    if (this.#sessions.size > 0) await empty;
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accepted(socket: Socket): void {
    const { deps, listener } = { deps: this.#deps, listener: this.#listener };
    const peer = { ip: plainIp(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const bound = { ip: plainIp(socket.localAddress), port: socket.localPort ?? 0 };
    const local = this.#isElsewhere ? wantedEndpoint(listener.settings.listen, bound) : bound;
    if (peer.ip === '') return void socket.destroy();
    const refusal = this.#refusal();
    if (refusal !== null) {
      deps.metrics.connectionDenied(this.address);
      const { hostname } = listener.settings.paramsFor(peer.ip, local.ip);
      return this.#turnAway(socket, `421 4.3.2 ${hostname} ${refusal}\r\n`);
    }
    deps.metrics.connectionOpened(this.address);
    const session = new Session(socket, listener, deps, { peer, local }, () => {
      deps.metrics.connectionClosed(this.address);
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
    this.#sessions.add(session);
    session.start();
  }

  #refusal(): string | null {
    if (this.#sessions.size >= this.#listener.settings.maxConnections) {
      return 'too many concurrent sessions. Try later';
    }
    return this.#isStopping ? 'shutting down' : this.#deps.refusal();
  }

  #turnAway(socket: Socket, line: string): void {
    socket.on('error', () => {});
    socket.end(line);
    // Until the client has closed its side too; what it says meanwhile is of no interest.
    socket.resume();
    socket.on('end', () => socket.destroy());
    const timer = this.#deps.clock.timer(SESSION_CLOSE_GRACE_MS, () => socket.destroy());
    socket.on('close', () => timer.cancel());
  }
}

function listenAddress(listen: string): { host: string; port: number } {
  const address = parseListen(listen);
  if (address === undefined) {
    throw new Error(`Cannot listen for SMTP: found ${JSON.stringify(listen)}, expected ip:port`);
  }
  return address;
}

/** IPv4 clients of an IPv6 socket are shown by their IPv4 address. */
function plainIp(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '') ?? '';
}
