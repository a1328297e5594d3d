/**
 * A client's socket: replies gathered and written together, input paused when the client does not
 * read, TLS begun on the live connection, silence noticed, and an end that loses no reply.
 *
 * States: open (input is handed on), ending (our side is closed, input is thrown away until the
 * client closes or a grace period is over), closed. `closed` of the handlers is called once.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { SESSION_CLOSE_GRACE_MS, UNREAD_REPLY_BYTES_MAX } from '../base/limits.ts';
import { shakeHands, tlsFacts } from './tls.ts';
import type { ServerTls, TlsFacts } from './tls.ts';

export interface ConnectionHandlers {
  received(chunk: Buffer): void;
  /** The client has closed its side; replies can still be written. */
  ended(): void;
  /** The client took replies again after `isCongested`. */
  drained(): void;
  /** Silence for as long as `watchSilence` said. */
  silent(): void;
  closed(): void;
}

export class Connection {
  readonly #clock: Clock;
  readonly #handlers: ConnectionHandlers;
  #socket: Socket;
  #out = '';
  #state: 'open' | 'ending' | 'closed' = 'open';
  #isPaused = false;
  #silenceMs = 0;
  #heardAt = 0;
  #silence: Timer | null = null;

  /** @param socket made with `allowHalfOpen` */
  constructor(socket: Socket, clock: Clock, handlers: ConnectionHandlers) {
    this.#socket = socket;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#attach(socket);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** More replies are unread than the client may leave. */
  get isCongested(): boolean {
    return this.#socket.writableLength > UNREAD_REPLY_BYTES_MAX;
  }

  /** Gathers; `flush` sends. */
  write(text: string): void {
    this.#out += text;
  }

  flush(): void {
    if (this.#out === '' || this.#state === 'closed') return;
    const out = this.#out;
    this.#out = '';
    if (this.#socket.writable) this.#socket.write(out);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** From now on `silent` is called when nothing was heard for this long; `touch` starts over. */
  watchSilence(silenceMs: number): void {
    this.#silenceMs = silenceMs;
    this.#silence?.cancel();
    this.touch();
    this.#armSilence(silenceMs);
  }

  touch(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /**
   * TLS from here on. The caller has flushed and thrown away what was received in clear.
   *
   * @throws {Error} the handshake failed; the connection is gone
   */
  async startTls(tls: ServerTls): Promise<TlsFacts> {
    const raw = this.#socket;
    this.#detach(raw);
    this.#isPaused = false;
    try {
      const secure = await shakeHands(raw, tls);
      this.#socket = secure;
      this.#attach(secure);
      return tlsFacts(secure);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /**
   * Sends what was gathered and closes once the client has had the time to take it.
   *
   * @param isExpected the client asked for it and has nothing more to say: closed as soon as it is
   *   sent. Otherwise what still arrives is read, since closing over it could cost the client the
   *   last reply.
   */
  end(isExpected = false): void {
    if (this.#state !== 'open') return;
    this.flush();
    this.#state = 'ending';
    this.#isPaused = false;
    if (isExpected) this.#socket.end(() => this.#socket.destroy());
    else {
      this.#socket.resume();
      this.#socket.end();
    }
    this.watchSilence(SESSION_CLOSE_GRACE_MS);
  }

  destroy(): void {
    this.#socket.destroy();
    this.#becomeClosed();
  }

  #attach(socket: Socket): void {
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
  }

  #detach(socket: Socket): void {
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'open') this.#handlers.received(chunk);
  };

  readonly #onEnd = (): void => {
    if (this.#state === 'open') this.#handlers.ended();
    else this.destroy();
  };

  readonly #onDrain = (): void => this.#handlers.drained();

  readonly #onClose = (): void => this.#becomeClosed();

  #becomeClosed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#silence?.cancel();
    this.#handlers.closed();
  }

  #armSilence(delayMs: number): void {
    this.#silence = this.#clock.timer(delayMs, () => {
      const leftMs = this.#heardAt + this.#silenceMs - this.#clock.monotonic();
      if (leftMs > 0) return this.#armSilence(leftMs);
      if (this.#state === 'ending') return this.destroy();
      // Asked again unless the handler ends the connection.
      this.touch();
      this.#armSilence(this.#silenceMs);
      this.#handlers.silent();
    });
  }
}

/** `close` follows every `error`, and says all there is to know. */
function ignore(): void {}
