/**
 * One client of a far end. The protocol is the SMTP server package's; this class stands between it
 * and the wire: before each command is carried out the scenario is asked, and every reply leaves
 * through a writer that can drip, repeat or hold it back. What the package cannot say (several
 * lines, a refused EHLO, DATA or STARTTLS, nonsense) is said here.
 *
 * States: as the package's connection; *down* once the socket has closed, when every wait ends.
 */
import type { Socket } from 'node:net';
import type { SMTPServer, SMTPServerDataStream } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { Clock } from '../base/clock.ts';
import { FAR_END_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import type { TranscriptLine } from '../store/store.ts';
import { ConnectionWaits } from './connection-waits.ts';
import { formatFarEndReply, shownReply } from './far-end-reply.ts';
import type { FarEndReply } from './far-end-reply.ts';
import type { Stage } from './far-end-schema.ts';
import { FarEndTranscript } from './far-end-transcript.ts';
import { decideDot } from './final-dot.ts';
import { ReplyWriter } from './reply-writer.ts';
import { PLAIN } from './scenario.ts';
import type { Asked, Decision, Scenario } from './scenario.ts';

/** A message whose final dot has come. */
export interface ArrivedMail {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly ehlo: string;
  readonly tls: string | null;
  readonly user: string | null;
  readonly bytes: Buffer;
  /** As it was sent; more than `bytes` when only the beginning is kept. */
  readonly sizeBytes: number;
  readonly transcript: readonly TranscriptLine[];
  readonly reply: string;
}

/** What a connection needs of its far end. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly scenario: Scenario;
  nextId(): string;
  /** Resolves when the message is kept; only then is it acknowledged. */
  capture(mail: ArrivedMail): Promise<void>;
  /** A delivery came as far as MAIL, or was ended before. */
  attempted(): void;
  replied(reply: FarEndReply): void;
}

type Done = () => void;
type DataDone = (error?: Error | null, message?: string | (string | Error)[]) => void;

/** What the next reply of the package is replaced by. */
interface Instead {
  readonly reply: FarEndReply;
  /** `accepted`: only if the package accepts; `always`: whatever it says. */
  readonly when: 'accepted' | 'always';
}

const PIECE_BYTES = 8 * 1024;
const GARBAGE = Buffer.from('\u0000\u0001 this is no reply \u00ff\r\n', 'latin1');
/** What the package answers when all is well. */
const OK: Readonly<Record<Stage, readonly [code: number, enhanced: string]>> = {
  connect: [220, ''],
  ehlo: [250, ''],
  starttls: [220, ''],
  auth: [235, '2.7.0'],
  mail: [250, '2.1.0'],
  rcpt: [250, '2.1.5'],
  data: [354, ''],
  content: [354, ''],
  dot: [250, '2.0.0'],
  rset: [250, '2.0.0'],
  quit: [221, '2.0.0'],
};

export class FarEndConnection extends SMTPConnection {
  readonly #host: ConnectionHost;
  readonly #writer: ReplyWriter;
  readonly #waits: ConnectionWaits;
  readonly #transcript: FarEndTranscript;
  readonly #instead: Instead[] = [];
  #decision: Decision = PLAIN;
  #hasMail = false;

  constructor(server: SMTPServer, socket: Socket, host: ConnectionHost) {
    super(server, socket, null);
    this.#host = host;
    this.#waits = new ConnectionWaits(host.clock);
    this.#transcript = new FarEndTranscript(host.clock);
    this.#writer = new ReplyWriter(host.clock, (bytes) => {
      if (!this._socket.destroyed && this._socket.writable) this._socket.write(bytes);
    });
  }

  /** Ends it at once, with everything that waits. */
  destroy(): void {
    this._socket.destroy();
    this.#down();
  }

  override init(): void {
    this._socket.once('close', () => this.#down());
    this._setListeners(() => {
      this._handlerPending = true;
      const go = (): void => {
        this._handlerPending = false;
        this.connectionReady();
      };
      this.#ask('connect', [], () => this.close(), go);
    });
  }

  override _onClose(): void {
    this.#down();
    super._onClose();
  }

  override close(): void {
    if (!this.#writer.isIdle && this._parser) this._socket.unpipe(this._parser);
    this.#writer.whenIdle(() => super.close());
  }

  /** Every reply of the package, and of this class, passes here. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    let reply: FarEndReply = {
      code,
      enhanced: this._getEnhancedStatusCode(code, context),
      lines: [data ?? ''].flat(),
    };
    const instead = code === 334 ? undefined : this.#instead.shift();
    if (instead && (instead.when === 'always' || code < 400)) {
      const heading = instead.reply.lines[0] ?? '';
      const isEhlo = instead.when === 'accepted' && Array.isArray(data);
      reply = isEhlo ? { ...reply, lines: [heading, ...data.slice(1)] } : instead.reply;
    }
    if (!this._useEnhancedStatusCodes()) reply = { ...reply, enhanced: '' };
    if (!this._upgrading) {
      this.#writer.send(formatFarEndReply(reply), this.#decision);
      this.#transcript.note('server', shownReply(reply));
      this.#host.replied(reply);
    }
    if (reply.code >= 400) this.session.error = shownReply(reply);
    const { closeAfter } = this.#decision;
    if (closeAfter !== null && code !== 334) this.#writer.whenIdle(() => this.#drop(closeAfter));
    else if (reply.code === 421) this.close();
  }

  override _onCommand(command: Buffer, callback?: Done): void {
    const verb = command.toString().split(' ').shift()?.toUpperCase() ?? '';
    this.#transcript.note('client', this._redactCredentials(verb, command.toString()).line);
    this.#decision = PLAIN;
    super._onCommand(command, callback);
  }

  override handler_EHLO(command: Buffer, callback: Done): void {
    this.#ask('ehlo', [], callback, () => super.handler_EHLO(command, callback));
  }

  override handler_HELO(command: Buffer, callback: Done): void {
    this.#ask('ehlo', [], callback, () => super.handler_HELO(command, callback));
  }

  override handler_STARTTLS(command: Buffer, callback: Done): void {
    this.#ask('starttls', [], callback, () => {
      if (this.#decision.closeAfter === null) return super.handler_STARTTLS(command, callback);
      this.send(220, 'Ready to start TLS', false);
      callback();
    });
  }

  override handler_AUTH(command: Buffer, callback: Done): void {
    this.#ask('auth', [], callback, () => super.handler_AUTH(command, callback));
  }

  override handler_MAIL(command: Buffer, callback: Done): void {
    const parsed = this._parseAddressCommand('mail from', command);
    if (parsed === false || this.session.envelope.mailFrom !== false)
      return super.handler_MAIL(command, callback);
    this.#hasMail = true;
    this.#host.attempted();
    const { spec } = this.#host.scenario;
    if (spec.tlsRequired && !this.secure) {
      this.send(530, 'Must issue a STARTTLS command first');
      return callback();
    }
    this.#ask('mail', [], callback, () => super.handler_MAIL(command, callback), parsed.address);
  }

  override handler_RCPT(command: Buffer, callback: Done): void {
    const parsed = this._parseAddressCommand('rcpt to', command);
    if (parsed === false || this.session.envelope.mailFrom === false)
      return super.handler_RCPT(command, callback);
    const go = (): void => super.handler_RCPT(command, callback);
    this.#ask('rcpt', [parsed.address], callback, go);
  }

  override handler_DATA(command: Buffer, callback: Done): void {
    const recipients = this.#recipients();
    if (recipients.length === 0) return super.handler_DATA(command, callback);
    this.#ask('data', recipients, callback, () => super.handler_DATA(command, callback));
  }

  override handler_RSET(command: Buffer, callback: Done): void {
    this.#ask('rset', [], callback, () => super.handler_RSET(command, callback));
  }

  override handler_QUIT(command: Buffer, callback: Done): void {
    this.#ask('quit', [], callback, () => super.handler_QUIT(command, callback));
  }

  /** The package has answered DATA with 354; the message comes. */
  async receive(stream: SMTPServerDataStream, callback: DataDone): Promise<void> {
    try {
      const bytes = await this.#read(stream);
      if (bytes === null || this.#waits.isDown) return;
      if (stream.sizeExceeded) return callback(null);
      await this.#finish(bytes, stream.byteLength, callback);
    } catch (error) {
      // The client left in the middle, or the message could not be kept.
      if (!this.#waits.isDown) callback(error as Error);
    }
  }

  /** The message as far as it is kept; null when the scenario ended it. */
  async #read(stream: SMTPServerDataStream): Promise<Buffer | null> {
    const { deed, waitMs } = this.#host.scenario.decide(this.#asked('content', this.#recipients()));
    const isEnding = deed.kind === 'hang' || deed.kind === 'disconnect';
    const endAt = isEnding ? deed.afterBytes : Infinity;
    const chunks: Buffer[] = [];
    let kept = 0;
    let seen = 0;
    if (endAt > 0) {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        seen += chunk.byteLength;
        const room = FAR_END_MESSAGE_BYTES_MAX - kept;
        if (room > 0) chunks.push(chunk.subarray(0, room));
        kept += Math.min(room, chunk.byteLength);
        if (waitMs > 0) await this.#waits.sleep(waitMs * Math.ceil(chunk.byteLength / PIECE_BYTES));
        if (seen >= endAt || this.#waits.isDown) break;
      }
    }
    if (seen < endAt) return Buffer.concat(chunks);
    if (deed.kind === 'disconnect') this.#drop(deed.how);
    else await this.#waits.untilDown();
    return null;
  }

  async #finish(bytes: Buffer, sizeBytes: number, callback: DataDone): Promise<void> {
    const id = this.#host.nextId();
    const asked = { ...this.#asked('dot', this.#recipients()), id };
    const verdict = decideDot(this.#host.scenario, asked);
    await this.#waits.sleep(verdict.waitMs);
    if (verdict.end === 'hang') return this.#waits.untilDown();
    if (verdict.end !== null) return this.#drop(verdict.end);
    const { accepted, replies } = verdict;
    const reply = replies.find(({ code }) => code < 400);
    if (reply) await this.#host.capture(this.#arrived({ id, accepted, bytes, sizeBytes, reply }));
    if (this.#waits.isDown) return;
    this.#decision = verdict.manner;
    if (verdict.isGarbage) return this.#raw(GARBAGE);
    // The package asks for one result per reply; each of them is replaced by ours.
    for (const one of replies) this.#instead.push({ reply: one, when: 'always' });
    callback(null, replies.length === 1 ? 'OK' : replies.map(() => 'OK'));
  }

  #arrived(parts: {
    id: string;
    accepted: readonly string[];
    bytes: Buffer;
    sizeBytes: number;
    reply: FarEndReply;
  }): ArrivedMail {
    const { id, accepted, bytes, sizeBytes, reply } = parts;
    const { envelope, tlsOptions, user } = this.session;
    const shown = shownReply(reply);
    return {
      id,
      sender: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
      recipients: accepted,
      ehlo: this.hostNameAppearsAs === false ? '' : this.hostNameAppearsAs,
      tls: this.secure && tlsOptions !== false ? `${tlsOptions.version} ${tlsOptions.name}` : null,
      user: typeof user === 'string' ? user : null,
      bytes,
      sizeBytes,
      transcript: this.#transcript.endingWith(shown),
      reply: shown,
    };
  }

  /** Asks the scenario, then lets the package go on (`proceed`) or answers in its place. */
  #ask(
    stage: Stage,
    recipients: readonly string[],
    callback: Done,
    proceed: Done,
    sender: string | null = this.#sender(),
  ): void {
    const decision = this.#host.scenario.decide({ ...this.#asked(stage, recipients), sender });
    const act = (): void => {
      this.#decision = decision;
      const { deed } = decision;
      switch (deed.kind) {
        case 'hang':
          return;
        case 'disconnect':
          return this.#drop(deed.how);
        case 'garbage':
          return this.#talkNonsense(stage, callback);
        case 'reply':
          this.#instead.push({ reply: deed.reply, when: 'always' });
          this.send(deed.reply.code);
          return callback();
        case 'proceed':
          if (deed.text !== null) this.#promise(stage, deed.text);
          return proceed();
      }
    };
    if (decision.waitMs > 0) this.#waits.after(decision.waitMs, act);
    else act();
  }

  #promise(stage: Stage, lines: readonly string[]): void {
    const [code, enhanced] = OK[stage];
    this.#instead.push({ reply: { code, enhanced, lines }, when: 'accepted' });
  }

  #talkNonsense(stage: Stage, callback: Done): void {
    if (stage !== 'starttls') {
      this.#raw(GARBAGE);
      return callback();
    }
    this.send(220, 'Ready to start TLS', false);
    this.#raw(GARBAGE);
    this.#writer.whenIdle(() => this._socket.end());
  }

  #raw(bytes: Buffer): void {
    this.#writer.send(bytes, this.#decision);
    this.#transcript.note('server', '(bytes that are no reply)');
  }

  #asked(stage: Stage, recipients: readonly string[]): Asked {
    const ip = this._originalRemoteAddress;
    return { stage, recipients, ip, connectionId: this.id, sender: this.#sender() };
  }

  #sender(): string | null {
    const mailFrom = this.session.envelope?.mailFrom;
    return mailFrom ? mailFrom.address : null;
  }

  #recipients(): readonly string[] {
    return this.session.envelope.rcptTo.map(({ address }) => address);
  }

  #drop(how: 'close' | 'reset'): void {
    if (how === 'reset' && !this.secure && !this._upgrading) this._socket.resetAndDestroy();
    else this._socket.destroy();
  }

  #down(): void {
    if (this.#waits.isDown) return;
    this.#waits.end();
    if (!this.#hasMail) this.#host.attempted();
    this.#writer.stop();
  }
}
