/**
 * Stands between the TLS machinery and the plain socket during a handshake.
 *
 * Node tells us about a bad certificate when the handshake is over; by then a TLS 1.3 server
 * believes it is talking to a satisfied client. The gate holds back the client's last flight until
 * the certificate was looked at, so that a refused server sees a handshake that was broken off, as
 * it does with KumoMTA. It also keeps the plain socket alive when TLS fails, for those modes that
 * go on in the clear.
 *
 * Source: RFC 8446 §4.4, §5.1: after the hello everything a client sends is in records of type 23.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const APPLICATION_DATA = 23;
const HEADER_BYTES = 5;

export class TlsGate extends Duplex {
  readonly #socket: Socket;
  #held: Buffer[] | null;
  /** Bytes of the current record still to come, and where they go. */
  #recordBytesLeft = 0;
  #isHolding = false;
  #header: Buffer = Buffer.alloc(0);
  #isEnded = false;

  /** @param mode `hold` keeps encrypted records back until `release` */
  constructor(socket: Socket, mode: 'hold' | 'pass') {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#held = mode === 'hold' ? [] : null;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
    socket.on('error', this.#onError);
  }

  /** The certificate is good: what was held goes out, and everything after it passes. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (held.length > 0) this.#socket.write(Buffer.concat(held));
  }

  /** Gives the plain socket back; what was held is forgotten. */
  detach(): void {
    this.#held = null;
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
    this.#socket.off('error', this.#onError);
    this.#socket.pause();
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(
    chunk: Buffer,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    if (this.#held === null) {
      this.#socket.write(chunk, callback);
      return;
    }
    const passing = this.#sort(chunk, this.#held);
    if (passing.length === 0) callback();
    else this.#socket.write(passing, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(callback);
  }

  /** Splits at record borders; returns what may pass, appends the rest to `held`. */
  #sort(chunk: Buffer, held: Buffer[]): Buffer {
    const passing: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#recordBytesLeft === 0) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.#header.length);
        this.#header = Buffer.concat([this.#header, part]);
        at += part.length;
        if (this.#header.length < HEADER_BYTES) break;
        this.#isHolding = held.length > 0 || this.#header[0] === APPLICATION_DATA;
        this.#recordBytesLeft = this.#header.readUInt16BE(3);
        (this.#isHolding ? held : passing).push(this.#header);
        this.#header = Buffer.alloc(0);
        continue;
      }
      const part = chunk.subarray(at, at + this.#recordBytesLeft);
      (this.#isHolding ? held : passing).push(part);
      this.#recordBytesLeft -= part.length;
      at += part.length;
    }
    return Buffer.concat(passing);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#isEnded && !this.push(bytes)) this.#socket.pause();
  };
  readonly #onEnd = (): void => {
    if (this.#isEnded || this.destroyed) return;
    this.#isEnded = true;
    this.push(null);
  };
  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };
}
