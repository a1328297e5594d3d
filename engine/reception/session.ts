/**
 * One SMTP session: takes commands off the input in order, has each carried out by its file in
 * `commands/`, writes the reply. The one place where an error becomes a reply.
 *
 * States: greeting (PROXY header, TLS, policy hooks), ready, reading a body, waiting for a line of
 * AUTH, over. While a command waits for the policy or the store (`#isBusy`) input only gathers, up
 * to a bound. A command that needs to wait for nothing is carried out at once, so that a pipelined
 * transaction costs no turns of the event loop.
 *
 * Invariant: at most one command is being carried out, and its reply is written before the next
 * one is looked at.
 *
 * Source: RFC 5321 §3, §4; order, texts and records as recorded from KumoMTA.
 */
import type { Socket } from 'node:net';
import { toError } from '../base/assert.ts';
import type { EpochMs, MonotonicMs } from '../base/clock.ts';
import { newSessionId } from '../base/ids.ts';
import type { SessionId } from '../base/ids.ts';
import { PIPELINE_BYTES_MAX } from '../base/limits.ts';
import { ConnectionMeta } from '../mail/connection-meta.ts';
import { SmtpReplyError } from '../mail/smtp-reply-error.ts';
import { singleLine } from '../mail/smtp-reply.ts';
import { PolicyReject } from '../policy/events.ts';
import type { EsmtpListenerParams, EsmtpListenerSettings } from '../policy/settings.ts';
import { parseCommand } from '../smtp/command-line.ts';
import { InputBuffer } from '../smtp/input-buffer.ts';
import type { Line } from '../smtp/input-buffer.ts';
import { execute } from './commands/execute.ts';
import { Connection } from './connection.ts';
import { DataReader } from './data-reader.ts';
import type { Endpoint } from './endpoint.ts';
import { finishBody } from './finish-body.ts';
import { greet, introduce } from './greeting.ts';
import type { ReceptionMode } from './mode.ts';
import { parseProxyHeader } from './proxy-header.ts';
import type { ReceptionDeps } from './reception-deps.ts';
import { RelayCheck } from './relay.ts';
import type { RelayPeer } from './relay.ts';
import { respond } from './respond.ts';
import { redactAuth } from './secrets.ts';
import { accept, refuse } from './server-reply.ts';
import type { ServerReply } from './server-reply.ts';
import { storeUnaccepted } from './store-transaction.ts';
import type { TlsFacts } from './tls.ts';
import { SessionTracer } from './trace-hub.ts';
import { Trail } from './trail.ts';
import type { Transaction } from './transaction.ts';

/** What a session is told of the listener that accepted it. */
export interface SessionListener {
  /** `ip:port` as bound: the label of metrics and of stored transactions. */
  readonly address: string;
  readonly settings: EsmtpListenerSettings;
  readonly mode: ReceptionMode;
  readonly isImplicitTls: boolean;
  /** Counts inserts that run after their 250; see `INSERTS_IN_FLIGHT_MAX`. */
  readonly inserts: { count: number };
}

/** Thrown into a command that waits for the client when the session ends under it. */
class SessionOver extends Error {}

export class Session {
  readonly id: SessionId;
  readonly deps: ReceptionDeps;
  readonly listener: SessionListener;
  readonly connection: Connection;
  readonly meta = new ConnectionMeta();
  readonly trail: Trail;
  readonly tracer: SessionTracer;
  readonly relay: RelayCheck;
  readonly startedMs: EpochMs;
  readonly startedRealMs: EpochMs;
  params: EsmtpListenerParams;
  peer: Endpoint;
  local: Endpoint;
  relayPeer: RelayPeer;
  ehlo: string | null = null;
  tls: TlsFacts | null = null;
  /** Who logged in; null before. */
  identity: string | null = null;
  transaction: Transaction | null = null;
  /** RCPTs that got as far as the policy, over the whole connection. */
  recipientCount = 0;
  /** The line being worked on, as Rejection records show it; null between commands. */
  line: string | null = null;
  /** A MAIL or RCPT being worked on: what a refusal of it is about. */
  subject: { readonly verb: 'MAIL' | 'RCPT'; readonly address: string } | null = null;
  readonly #onClosed: () => void;
  readonly #input = new InputBuffer();
  #reader: DataReader | null = null;
  #bodyBeganMs: MonotonicMs = 0;
  #waiter: { readonly bytesMax: number; readonly resolve: (line: Line) => void } | null = null;
  #abandonWaiter: ((reason: SessionOver) => void) | null = null;
  #isBusy = false;
  #isAwaitingProxy = false;
  #isHandshaking = false;
  #isStopping = false;
  #hasClientEnded = false;

  constructor(
    socket: Socket,
    listener: SessionListener,
    deps: ReceptionDeps,
    addresses: { readonly peer: Endpoint; readonly local: Endpoint },
    onClosed: () => void,
  ) {
    this.id = newSessionId(deps.random);
    this.deps = deps;
    this.listener = listener;
    this.#onClosed = onClosed;
    this.peer = addresses.peer;
    this.local = addresses.local;
    this.tracer = new SessionTracer(deps.tracer, this.meta);
    this.trail = new Trail(deps.clock, this.tracer);
    this.relay = new RelayCheck(deps.events, this.meta, this.trail);
    this.startedMs = deps.mailClock.now();
    this.startedRealMs = deps.clock.now();
    this.params = listener.settings.paramsFor(this.peer.ip, this.local.ip);
    this.relayPeer = {
      ip: this.peer.ip,
      isRelayHost: false,
      isOwnClient: false,
      listener: listener.address,
    };
    this.connection = new Connection(socket, deps.clock, {
      received: (chunk) => this.#received(chunk),
      ended: () => {
        this.#hasClientEnded = true;
        this.#pump();
      },
      drained: () => this.#pump(),
      silent: () => this.#silent(),
      closed: () => this.#closed(),
    });
  }

  get mode(): ReceptionMode {
    return this.listener.mode;
  }

  start(): void {
    this.connection.watchSilence(this.params.clientTimeoutMs);
    introduce(this);
    this.tracer.publish('Connected');
    if (this.listener.isImplicitTls) {
      // What arrives before the certificate is at hand belongs to TLS.
      this.connection.pause();
      this.#run(async () => {
        await this.startTls();
        if (this.connection.isOpen) await this.#greetOrAwaitProxy();
      });
    } else {
      this.#run(() => this.#greetOrAwaitProxy());
    }
    this.#pump();
  }

  /** Nothing that the client sent is still to be looked at. */
  get hasReadAll(): boolean {
    return this.#input.length === 0;
  }

  /** The listener stops: says goodbye at once, or when the command under way is answered. */
  stop(): void {
    this.#isStopping = true;
    if (this.#isWaitingForClient && this.connection.isOpen) this.#notice('shutting down');
  }

  /** Ends the session; an open transaction is stored with what ended it. */
  end(code: number | null, text: string, isExpected = false): void {
    this.abandonTransaction(code, text, code === null ? 'aborted' : 'rejected');
    this.connection.end(isExpected);
    this.#abandonWaiter?.(new SessionOver(text));
  }

  abandonTransaction(code: number | null, text: string, state: 'rejected' | 'aborted'): void {
    const transaction = this.transaction;
    if (!transaction) return;
    this.transaction = null;
    storeUnaccepted(this, transaction, transaction.rowsWithout(state, code, text), {
      code: transaction.refusal?.code ?? code,
      text: transaction.refusal?.text ?? text,
      body: null,
    });
  }

  /** Reads a body from here on, after the 354 was written. */
  beginBody(): void {
    this.#bodyBeganMs = this.deps.clock.monotonic();
    this.#reader = new DataReader({
      messageBytesMax: this.params.maxMessageSize,
      readBytesMax: this.params.dataBufferSize,
      isFirstBodyLineALine: this.mode.isFirstBodyLineALine,
    });
  }

  /** The client's next line, whatever it says: a response inside AUTH. */
  nextLine(bytesMax: number): Promise<Line> {
    this.connection.flush();
    return new Promise((resolve, reject) => {
      this.#waiter = { bytesMax, resolve };
      this.#abandonWaiter = reject;
      // Input that is already here is used once this command has returned its promise.
      queueMicrotask(() => this.#pump());
    });
  }

  /** @throws {Error} certificate or handshake; after a failed handshake the connection is gone */
  async startTls(): Promise<void> {
    const tls = await this.deps.tls.contextFor(this.params);
    await this.handshake(tls);
  }

  async handshake(tls: Parameters<Connection['startTls']>[0]): Promise<void> {
    this.connection.flush();
    // What was sent in clear after STARTTLS must not count as sent under TLS (RFC 3207 §4).
    this.#input.clear();
    this.#isHandshaking = true;
    try {
      this.tls = await this.connection.startTls(tls);
    } catch (error) {
      this.trail.line('note', `TLS failed: ${toError(error).message}`);
      this.connection.destroy();
      return;
    } finally {
      this.#isHandshaking = false;
    }
    this.trail.line('note', `${this.tls.version} ${this.tls.cipher}`);
    this.meta.set('tls_cipher', this.tls.cipher);
    this.meta.set('tls_protocol_version', this.tls.version);
    this.meta.set('tls_peer_subject_name', [...this.tls.peerSubject]);
  }

  /** The reply to anything that was thrown while a command was carried out. */
  replyTo(thrown: unknown): ServerReply {
    if (thrown instanceof PolicyReject) {
      const { code, text, mode } = thrown;
      const then =
        mode === 'ForceDisconnect'
          ? 'close'
          : mode === 'FollowWith421'
            ? 'follow-with-421'
            : 'continue';
      return { code, text, command: this.line, then };
    }
    if (thrown instanceof SmtpReplyError) {
      const { reply } = thrown;
      return refuse(reply.code, singleLine(reply).slice(4), this.line);
    }
    const message = toError(thrown).message;
    this.deps.diagnostic('error', `Error in SmtpServerSession ${this.id}: ${message}`);
    this.tracer.publish({ Diagnostic: { level: 'ERROR', message } });
    return refuse(
      421,
      `4.3.0 ${this.params.hostname} technical difficulties`,
      `Error in SmtpServerSession: ${message}`,
    );
  }

  get #isWaitingForClient(): boolean {
    return !this.#isBusy || this.#waiter !== null;
  }

  #greetOrAwaitProxy(): void | Promise<void> {
    if (!this.params.requireProxyProtocol) return greet(this);
    this.#isAwaitingProxy = true;
  }

  #received(chunk: Buffer): void {
    this.connection.touch();
    this.tracer.read(chunk);
    this.#input.push(chunk);
    if (this.#isBusy && this.#input.length > PIPELINE_BYTES_MAX) this.connection.pause();
    this.#pump();
  }

  /** Does whatever can be done with the input that is there. */
  #pump(): void {
    while (this.connection.isOpen && !this.connection.isCongested && this.#step());
    this.connection.flush();
    if (this.#isBusy && this.#waiter === null) return;
    if (!this.connection.isOpen) return;
    if (this.connection.isCongested) return this.connection.pause();
    if (this.#hasClientEnded) return this.end(null, 'the client closed the connection');
    this.connection.resume();
  }

  /** One line, or one chunk of a body. False when there is not enough input, or none is wanted. */
  #step(): boolean {
    if (this.#waiter) {
      const line = this.#input.takeLine(this.#waiter.bytesMax);
      if (!line) return false;
      const { resolve } = this.#waiter;
      this.#waiter = null;
      this.#abandonWaiter = null;
      resolve(line);
      return false;
    }
    if (this.#isBusy) return false;
    if (this.#isStopping) {
      this.#notice('shutting down');
      return false;
    }
    if (this.#isAwaitingProxy) return this.#readProxyHeader();
    if (this.#reader) return this.#readBody(this.#reader);
    const line = this.#input.takeLine(this.params.lineLengthHardLimit);
    if (!line) return false;
    this.#run(() => this.#carryOut(line));
    return true;
  }

  #readBody(reader: DataReader): boolean {
    if (this.#input.length === 0) return false;
    const end = reader.push(this.#input.takeAll());
    if (!end) return false;
    this.#reader = null;
    const { clock, metrics } = this.deps;
    metrics.took('read_data', (clock.monotonic() - this.#bodyBeganMs) / 1000);
    if (end.rest.length > 0) this.#input.push(end.rest);
    this.trail.line('client', `(${reader.byteCount} bytes of message data)`);
    this.line = 'DATA';
    this.#run(() => this.#answer(finishBody(this, end.body)));
    return true;
  }

  #readProxyHeader(): boolean {
    const bytes = this.#input.takeAll();
    const header = parseProxyHeader(bytes);
    if (header.kind === 'bad') {
      this.connection.destroy();
      return false;
    }
    if (header.kind === 'incomplete') {
      if (bytes.length > 0) this.#input.push(bytes);
      return false;
    }
    this.#isAwaitingProxy = false;
    if (bytes.length > header.length) this.#input.push(bytes.subarray(header.length));
    this.#run(() => greet(this, header.addresses));
    return true;
  }

  #carryOut(line: Line): void | Promise<void> {
    if (line.trouble === 'too-long') {
      this.trail.line('client', '(a line over the limit)');
      return this.#answer(refuse(500, '5.2.3 line too long', null));
    }
    if (line.trouble === 'not-utf8') {
      this.trail.line('client', '(a line that is not UTF-8)');
      return this.#answer(refuse(501, '5.5.2 Invalid UTF-8 in command', null));
    }
    this.line = this.mode.redactRecords ? redactAuth(line.text) : line.text;
    let reply: ServerReply | Promise<ServerReply>;
    try {
      reply = execute(this, parseCommand(line.text), line.text);
    } catch (error) {
      reply = this.replyTo(error);
    }
    return this.#answer(reply);
  }

  #answer(reply: ServerReply | Promise<ServerReply>): void | Promise<void> {
    if (!(reply instanceof Promise)) return respond(this, reply);
    return reply
      .catch((error: unknown) => (error instanceof SessionOver ? null : this.replyTo(error)))
      .then((settled) => (settled ? respond(this, settled) : undefined));
  }

  #run(step: () => void | Promise<void>): void {
    const pending = step();
    if (pending === undefined) return;
    this.#isBusy = true;
    void pending
      .catch((error: unknown) => {
        this.deps.diagnostic('error', `SMTP session ${this.id} failed: ${String(error)}`);
        this.connection.destroy();
      })
      .then(() => {
        this.#isBusy = false;
        this.connection.touch();
        this.#pump();
      });
  }

  #silent(): void {
    if (this.#isHandshaking || this.#isAwaitingProxy) return this.connection.destroy();
    if (this.#isWaitingForClient) this.#notice('idle too long');
  }

  /** 421 4.3.2 and goodbye; not a Rejection. */
  #notice(why: string): void {
    const text = `4.3.2 ${this.params.hostname} ${why}`;
    this.#abandonWaiter?.(new SessionOver(why));
    this.#waiter = null;
    this.#run(() => respond(this, { ...accept(421, text), then: 'close' }));
  }

  #closed(): void {
    this.abandonTransaction(null, 'the connection was lost', 'aborted');
    this.#abandonWaiter?.(new SessionOver('the connection was lost'));
    this.tracer.publish('Closed');
    this.#onClosed();
  }
}
