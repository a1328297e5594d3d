/**
 * One far end: its listener on loopback, its scenario, what it remembers and what it received. A
 * changed scenario holds for the connections that come after; the listener stays where it is unless
 * the port changed.
 *
 * States: off (connections are refused), listening, failed (its port is taken; says why).
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { FAR_END_CLIENTS_MAX } from '../base/limits.ts';
import { SeededRandom } from '../base/random.ts';
import type { CapturedMails } from './captured-mail.ts';
import type { FarEndCertificates } from './certificates.ts';
import { FarEndConnection } from './far-end-connection.ts';
import type { ArrivedMail, ConnectionHost } from './far-end-connection.ts';
import { FarEndMemory } from './far-end-memory.ts';
import { shownReply } from './far-end-reply.ts';
import type { FarEndReply } from './far-end-reply.ts';
import type { FarEndSpec } from './far-end-schema.ts';
import { Scenario } from './scenario.ts';

interface FarEndParts {
  /** Greylists and rates. */
  readonly mailClock: Clock;
  /** Sockets: slow, drip. */
  readonly clock: Clock;
  readonly certificates: FarEndCertificates;
  readonly captured: CapturedMails;
  /** Something that `status` shows has changed. */
  readonly onChange: () => void;
}

interface FarEndStatus {
  readonly state: 'listening' | 'off' | 'failed';
  readonly problem: string | null;
  readonly port: number | null;
  readonly connections: number;
  /** Deliveries that came by. */
  readonly hits: number;
  readonly received: number;
  /** Triplets, counts and rates it remembers. */
  readonly remembered: number;
  readonly lastReply: string | null;
  readonly lastHitMs: number | null;
}

const HOST = '127.0.0.1';
const SOCKET_TIMEOUT_MS = 3_600_000;

export class FarEnd {
  readonly #parts: FarEndParts;
  readonly #memory = new FarEndMemory();
  readonly #connections = new Set<FarEndConnection>();
  #scenario: Scenario;
  #server: SMTPServer | null = null;
  #listener: Server | null = null;
  #problem: string | null = null;
  #hits = 0;
  #lastId = 0;
  #lastReply: string | null = null;
  #lastHitMs: number | null = null;

  constructor(spec: FarEndSpec, parts: FarEndParts) {
    this.#parts = parts;
    this.#scenario = this.#scenarioOf(spec);
  }

  get spec(): FarEndSpec {
    return this.#scenario.spec;
  }

  get captured(): CapturedMails {
    return this.#parts.captured;
  }

  get port(): number | null {
    return (this.#listener?.address() as AddressInfo | null | undefined)?.port ?? null;
  }

  get status(): FarEndStatus {
    const state = this.#listener ? 'listening' : this.#problem === null ? 'off' : 'failed';
    return {
      state,
      problem: this.#problem,
      port: this.port,
      connections: this.#connections.size,
      hits: this.#hits,
      received: this.captured.count,
      remembered: this.#memory.size,
      lastReply: this.#lastReply,
      lastHitMs: this.#lastHitMs,
    };
  }

  /**
   * Begins to listen, unless it is off. A port that cannot be had makes it *failed*.
   *
   * @param wanted ports in the order in which they are tried; 0 is any
   */
  async start(wanted: readonly number[]): Promise<void> {
    if (!this.spec.on || this.#listener) return;
    this.#server = await this.#makeServer();
    for (const port of wanted) {
      try {
        this.#listener = await listen(port, (socket) => this.#accept(socket));
        this.#problem = null;
        break;
      } catch (error) {
        this.#problem = `port ${port}: ${toError(error).message}`;
      }
    }
    this.#parts.onChange();
  }

  /** Another scenario from the next connection on; the port stays. */
  async apply(spec: FarEndSpec): Promise<void> {
    this.#scenario = this.#scenarioOf(spec);
    if (this.#listener) this.#server = await this.#makeServer();
    this.#parts.onChange();
  }

  /** Connections end at once. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    this.#problem = null;
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    if (listener) await new Promise<void>((resolve) => listener.close(() => resolve()));
    await this.captured.close();
    this.#parts.onChange();
  }

  /** As on the first day: nothing remembered, the luck from the beginning, counters at zero. */
  reset(): void {
    this.#memory.clear();
    this.#scenario = this.#scenarioOf(this.spec);
    this.#hits = 0;
    this.#lastReply = null;
    this.#lastHitMs = null;
    this.#parts.onChange();
  }

  #scenarioOf(spec: FarEndSpec): Scenario {
    const random = new SeededRandom(spec.seed ?? seedOf(spec.name));
    return new Scenario(spec, this.#memory, this.#parts.mailClock, random);
  }

  async #makeServer(): Promise<SMTPServer> {
    const { spec } = this;
    const hostname = spec.hostname ?? `${spec.name}.far-end.test`;
    const options: SMTPServerOptions = {
      name: hostname,
      lmtp: spec.protocol === 'lmtp',
      logger: false,
      disableReverseLookup: true,
      disabledCommands: [
        ...(spec.tls === 'none' ? ['STARTTLS'] : []),
        ...(spec.auth === 'none' ? ['AUTH'] : []),
        'XCLIENT',
        'XFORWARD',
        'WIZ',
        'SHELL',
        'KILL',
      ],
      hidePIPELINING: spec.without.includes('PIPELINING'),
      hide8BITMIME: spec.without.includes('8BITMIME'),
      hideSMTPUTF8: spec.without.includes('SMTPUTF8'),
      hideENHANCEDSTATUSCODES: spec.without.includes('ENHANCEDSTATUSCODES'),
      // Without a size the package offers no SIZE; the limit goes with it.
      ...(!spec.without.includes('SIZE') && { size: spec.sizeMax, rejectOversized: true }),
      maxRecipients: spec.recipientsMax,
      lenientAddressParsing: true,
      authOptional: !spec.authRequired,
      allowInsecureAuth: true,
      socketTimeout: SOCKET_TIMEOUT_MS,
      onAuth: (auth, _session, callback) => {
        const { username, password } = auth;
        const wanted = spec.auth;
        const isRight =
          typeof wanted === 'string' || (username === wanted.user && password === wanted.password);
        if (isRight) callback(null, { user: username ?? 'somebody' });
        else callback(null, { message: 'Authentication credentials invalid' });
      },
      onData: (stream, session, callback) => {
        const connection = [...this.#connections].find((one) => one.session === session);
        void connection?.receive(stream, callback);
      },
      ...(spec.tls !== 'none' && {
        ...(await this.#parts.certificates.optionsFor(spec.tls, hostname)),
      }),
    };
    const server = new SMTPServer(options);
    server.on('error', () => {});
    return server;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    const server = this.#server;
    if (!server) return void socket.destroy();
    if (this.#connections.size >= FAR_END_CLIENTS_MAX) {
      return void socket.end('421 4.3.2 Too many clients of this far end\r\n');
    }
    const connection = new FarEndConnection(server, socket, this.#host());
    this.#connections.add(connection);
    connection.on('error', () => {});
    socket.once('close', () => {
      connection.destroy();
      this.#connections.delete(connection);
      this.#parts.onChange();
    });
    connection.init();
    this.#parts.onChange();
  }

  #host(): ConnectionHost {
    const { clock, mailClock, captured, onChange } = this.#parts;
    return {
      clock,
      scenario: this.#scenario,
      nextId: () => {
        this.#lastId = Math.max(this.#lastId + 1, Math.floor(clock.now()));
        return this.#lastId.toString(36);
      },
      capture: async (mail: ArrivedMail) => {
        await captured.add(mail, { mailMs: mailClock.now(), realMs: clock.now() });
        onChange();
      },
      attempted: () => {
        this.#hits++;
        this.#lastHitMs = mailClock.now();
        onChange();
      },
      replied: (reply: FarEndReply) => {
        if (reply.code >= 400 || (reply.code === 250 && reply.lines[0]?.startsWith('OK')))
          this.#lastReply = shownReply(reply);
      },
    };
  }
}

function listen(port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: false }, onSocket);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** The same for the same name, so that a far end without a seed still repeats itself. */
function seedOf(name: string): number {
  let seed = 5381;
  for (const char of name) seed = (Math.imul(seed, 33) ^ char.charCodeAt(0)) >>> 0;
  return seed;
}
