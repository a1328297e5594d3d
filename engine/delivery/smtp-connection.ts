/**
 * A connection to a peer: writes commands, reads replies, each within its time, and remembers how
 * it ended. Everything said goes to the transcript.
 *
 * States: open, ended (the peer closed or something failed; replies that had arrived can still be
 * read), destroyed (by us). Invariant: at most one reader waits, and a destroyed connection holds
 * no timer and no listener that could wake anybody.
 *
 * Source: RFC 5321 §3.8, §4.5.3.2; error texts in `smtp-client-error.ts`.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { REPLY_BYTES_MAX } from '../base/limits.ts';
import type { Clock } from '../base/clock.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import { ReplyParser, ReplySyntaxError } from '../smtp/reply-parser.ts';
import { ClientError } from './smtp-client-error.ts';
import type { ClientTrouble } from './smtp-client-error.ts';
import { addressText, systemErrorText } from './smtp-debug-text.ts';
import type { SmtpTranscript } from './smtp-transcript.ts';

/** How long a QUIT may take: nothing depends on its answer. */
const QUIT_TIMEOUT_MS = 1000;

/** Writing never waits longer than this, whatever the command's own time is. */
const WRITE_TIMEOUT_MS_MAX = 60_000;

/** What a peer did while nobody had asked anything. */
type Unsolicited = { readonly kind: 'reply'; readonly text: string } | { readonly kind: 'closed' };

export class SmtpConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #transcript: SmtpTranscript;
  readonly #parser = new ReplyParser();
  #stream: Duplex;
  #unreadBytes = 0;
  #ended: { readonly why: string } | null = null;
  #isDestroyed = false;
  #wake: (() => void) | null = null;
  /** Local address and port, as records show it; null for a unix socket. */
  readonly localAddress: string | null;

  constructor(socket: Socket, clock: Clock, transcript: SmtpTranscript) {
    this.#socket = socket;
    this.#stream = socket;
    this.#clock = clock;
    this.#transcript = transcript;
    const { localAddress, localPort } = socket;
    this.localAddress =
      localAddress === undefined ? null : addressText(localAddress, localPort ?? null);
    this.#listen(socket);
  }

  get isOpen(): boolean {
    return this.#ended === null && !this.#isDestroyed;
  }

  /**
   * The next reply.
   *
   * @param command what it answers, CRLF included; null for the banner
   * @throws {ClientError} timeout, end of the connection, a reply that is none
   */
  async read(command: string | null, timeoutMs: number): Promise<SmtpReply> {
    const deadline = this.#clock.monotonic() + timeoutMs;
    let waitMs: number | null = null;
    for (;;) {
      const reply = this.#parse(command);
      if (reply) {
        this.#transcript.server(reply.code, this.#parser.lastLines);
        return reply;
      }
      if (this.#isDestroyed) throw this.#failure({ kind: 'aborted' });
      if (this.#ended) throw this.#failure({ kind: 'read-failed', why: this.#ended.why, command });
      const leftMs = deadline - this.#clock.monotonic();
      // The text names the time that was left when the waiting began, as KumoMTA does.
      waitMs ??= leftMs;
      if (leftMs <= 0) throw this.#failure({ kind: 'read-timeout', waitMs, command });
      await this.#waitForInput(leftMs);
    }
  }

  /**
   * Writes commands in one piece.
   *
   * @param commands with CRLF
   * @param shown how transcript and errors show them, when not as they are
   * @throws {ClientError}
   */
  async write(
    commands: readonly string[],
    timeoutMs: number,
    shown: readonly string[] = commands,
  ): Promise<void> {
    for (const line of shown) this.#transcript.client(line.replace(/\r\n$/, ''));
    await this.#send(Buffer.from(commands.join('')), timeoutMs, {
      timeout: (waitMs) => ({ kind: 'write-timeout', waitMs, commands: shown }),
      failed: (why) => ({ kind: 'write-failed', why, commands: shown }),
    });
  }

  /** Writes a part of the body; the peer's reading speed is ours. */
  async writePayload(piece: Buffer, timeoutMs: number): Promise<void> {
    await this.#send(piece, timeoutMs, {
      timeout: () => ({ kind: 'payload-timeout' }),
      failed: (why) => ({ kind: 'write-failed', why, commands: ['.\r\n'] }),
    });
  }

  /** What happened since the last reply was read, although nothing was asked. */
  async unsolicited(): Promise<Unsolicited | null> {
    // One round of the event loop: what the system knows by now has arrived here too.
    for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
    try {
      const reply = this.#parse(null);
      if (reply) {
        this.#transcript.server(reply.code, this.#parser.lastLines);
        return { kind: 'reply', text: `${reply.code} ${reply.text}` };
      }
    } catch (error) {
      return { kind: 'reply', text: (error as Error).message };
    }
    if (!this.#parser.isEmpty) return { kind: 'reply', text: 'an incomplete reply' };
    if (this.isOpen) return null;
    this.#transcript.note(this.#ended?.why ?? 'connection closed');
    return { kind: 'closed' };
  }

  /** Whether the peer said more than it was asked for; before TLS that is an attack or a bug. */
  get hasUnreadInput(): boolean {
    return !this.#parser.isEmpty;
  }

  /**
   * Lets `upgrade` take the plain socket and give back what is spoken over from now on. While it
   * runs nothing is read here. When it fails the plain connection goes on.
   */
  async exchangeStream<T extends { readonly stream: Duplex }>(
    upgrade: (socket: Socket) => Promise<T>,
  ): Promise<T> {
    this.#unlisten(this.#socket);
    try {
      const upgraded = await upgrade(this.#socket);
      this.#stream = upgraded.stream;
      return upgraded;
    } finally {
      if (!this.#isDestroyed) this.#listen(this.#stream);
      if (this.#stream === this.#socket && this.#socket.destroyed) this.#onClose();
    }
  }

  note(text: string): void {
    this.#transcript.note(text);
  }

  /** Says QUIT when there is somebody to hear it, and closes. Never throws. */
  async quit(): Promise<void> {
    try {
      if (this.isOpen && this.#parser.isEmpty) {
        await this.write(['QUIT\r\n'], QUIT_TIMEOUT_MS);
        await this.read('QUIT\r\n', QUIT_TIMEOUT_MS);
      }
    } catch {
      // The peer left first, or takes too long: the connection is over either way.
    }
    this.destroy();
  }

  /** Closes at once; whoever is reading fails. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#unlisten(this.#stream);
    this.#unlisten(this.#socket);
    this.#stream.on('error', () => {});
    this.#socket.on('error', () => {});
    this.#stream.destroy();
    this.#socket.destroy();
    this.#wakeUp();
  }

  #parse(command: string | null): SmtpReply | null {
    try {
      const reply = this.#parser.next(command);
      if (this.#parser.isEmpty) this.#unreadBytes = 0;
      return reply;
    } catch (error) {
      if (!(error instanceof ReplySyntaxError)) throw error;
      throw this.#failure({ kind: 'malformed', why: error.message });
    }
  }

  #failure(trouble: ClientTrouble): ClientError {
    const error = new ClientError(trouble);
    this.#transcript.note(error.message);
    return error;
  }

  async #waitForInput(timeoutMs: number): Promise<void> {
    if (this.#stream.isPaused()) this.#stream.resume();
    await new Promise<void>((resolve) => {
      const timer = this.#clock.timer(timeoutMs, () => this.#wakeUp());
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async #send(
    bytes: Buffer,
    timeoutMs: number,
    trouble: {
      readonly timeout: (waitMs: number) => ClientTrouble;
      readonly failed: (why: string) => ClientTrouble;
    },
  ): Promise<void> {
    if (this.#isDestroyed) throw this.#failure({ kind: 'aborted' });
    // A peer that has closed still takes a write; what it says about that is the next read's.
    if (this.#ended || this.#stream.writableEnded) return;
    const waitMs = Math.min(timeoutMs, WRITE_TIMEOUT_MS_MAX);
    const outcome = await new Promise<Error | 'written' | 'timeout'>((resolve) => {
      const timer = this.#clock.timer(waitMs, () => resolve('timeout'));
      this.#stream.write(bytes, (error) => {
        timer.cancel();
        resolve(error ?? 'written');
      });
    });
    if (outcome === 'written') return;
    if (this.#isDestroyed) throw this.#failure({ kind: 'aborted' });
    if (outcome === 'timeout') throw this.#failure(trouble.timeout(waitMs));
    throw this.#failure(trouble.failed(systemErrorText(outcome)));
  }

  #listen(stream: Duplex): void {
    stream.on('data', this.#onData).on('end', this.#onEnd);
    stream.on('error', this.#onError).on('close', this.#onClose);
  }

  #unlisten(stream: Duplex): void {
    stream.off('data', this.#onData).off('end', this.#onEnd);
    stream.off('error', this.#onError).off('close', this.#onClose);
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#parser.push(bytes);
    this.#unreadBytes += bytes.length;
    // Nobody asked for this much: the rest waits in the system's buffers.
    if (this.#unreadBytes > REPLY_BYTES_MAX && this.#wake === null) this.#stream.pause();
    this.#wakeUp();
  };

  readonly #onEnd = (): void => this.#end('Connection closed by peer');
  readonly #onError = (error: Error): void => this.#end(systemErrorText(error));
  readonly #onClose = (): void => this.#end('Connection closed by peer');

  #end(why: string): void {
    this.#ended ??= { why };
    this.#wakeUp();
  }
}
