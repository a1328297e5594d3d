/**
 * An open file of Lua's `io` library over a real file descriptor.
 *
 * Position and look-ahead are kept here, because Node has no `lseek`: regular files are read and
 * written at explicit positions, pipes and devices as they come. Writes go through at once.
 * Invariant: `#position` is where the next byte of `#ahead` was read from.
 *
 * Source: Lua 5.4 reference manual §6.8.
 */
import { closeSync, fstatSync, fsyncSync, readSync, writeSync } from 'node:fs';
import { HostObject, LuaFloat, type LuaValue } from '../lua/lua-value.ts';

const CHUNK_BYTES = 8 * 1024;
/** Longest numeral that `read("n")` takes. */
const NUMERAL_LENGTH_MAX = 200;

/** What a standard stream does instead of a descriptor. */
export interface StandardStream {
  write(bytes: Uint8Array): void;
}

export class LuaFile extends HostObject {
  readonly luaTypeName = 'FILE*';
  #fd: number | null;
  readonly #stream: StandardStream | null;
  readonly #isSeekable: boolean;
  readonly #isAppending: boolean;
  #position = 0;
  #ahead: Buffer = Buffer.alloc(0);
  #isClosed = false;
  readonly #onClose: (() => LuaValue[]) | null;

  constructor(
    target: number | StandardStream,
    options: { append?: boolean; onClose?: () => LuaValue[] } = {},
  ) {
    super();
    this.#fd = typeof target === 'number' ? target : null;
    this.#stream = typeof target === 'number' ? null : target;
    this.#isSeekable = typeof target === 'number' && fstatSync(target).isFile();
    this.#isAppending = options.append ?? false;
    this.#onClose = options.onClose ?? null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A standard stream: never closed, it belongs to everybody. */
  get isStandard(): boolean {
    return this.#stream !== null && this.#onClose === null;
  }

  override dispose(): void {
    if (this.#isClosed || this.isStandard) return;
    try {
      this.close();
    } catch {
      // Nobody is left to be told.
    }
  }

  /** @returns what `file:close()` returns */
  close(): LuaValue[] {
    this.#isClosed = true;
    if (this.#fd !== null) {
      const fd = this.#fd;
      this.#fd = null;
      closeSync(fd);
    }
    return this.#onClose?.() ?? [true];
  }

  write(bytes: Uint8Array): void {
    if (this.#stream) return this.#stream.write(bytes);
    const fd = this.#fd ?? -1;
    this.#ahead = Buffer.alloc(0);
    let done = 0;
    while (done < bytes.byteLength) {
      const at = this.#isSeekable && !this.#isAppending ? this.#position : null;
      const written = writeSync(fd, bytes, done, bytes.byteLength - done, at);
      done += written;
      this.#position += written;
    }
    if (this.#isAppending && this.#isSeekable) this.#position = fstatSync(fd).size;
  }

  flush(): void {
    if (this.#fd !== null && this.#isSeekable) fsyncSync(this.#fd);
  }

  seek(whence: 'set' | 'cur' | 'end', offset: number): number {
    if (!this.#isSeekable || this.#fd === null) {
      throw Object.assign(new Error('Illegal seek'), { errno: -29, code: 'ESPIPE' });
    }
    const base =
      whence === 'set' ? 0 : whence === 'cur' ? this.#position : fstatSync(this.#fd).size;
    if (base + offset < 0) {
      throw Object.assign(new Error('Invalid argument'), { errno: -22, code: 'EINVAL' });
    }
    this.#position = base + offset;
    this.#ahead = Buffer.alloc(0);
    return this.#position;
  }

  /** The next line; undefined at the end of the file. */
  readLine(keepEnd: boolean): Uint8Array | undefined {
    let from = 0;
    for (;;) {
      const at = this.#ahead.indexOf(10, from);
      if (at >= 0) {
        const line = this.#take(at + 1);
        return keepEnd ? line : line.subarray(0, -1);
      }
      from = this.#ahead.length;
      if (!this.#fill()) break;
    }
    return this.#ahead.length > 0 ? this.#take(this.#ahead.length) : undefined;
  }

  readAll(): Uint8Array {
    while (this.#fill());
    return this.#take(this.#ahead.length);
  }

  /** Up to `count` bytes; undefined at the end. With 0: an empty string unless it is the end. */
  readCount(count: number): Uint8Array | undefined {
    while (this.#ahead.length < Math.max(count, 1) && this.#fill(count));
    if (this.#ahead.length === 0) return undefined;
    return this.#take(Math.min(count, this.#ahead.length));
  }

  /** A numeral in Lua's syntax; undefined when what follows is none (it is consumed all the same). */
  readNumber(): number | bigint | LuaFloat | undefined {
    while (this.#ahead.length < NUMERAL_LENGTH_MAX + 64 && this.#fill());
    const text = this.#ahead.toString('latin1');
    const blanks = /^[ \f\n\r\t\v]*/.exec(text)?.[0].length ?? 0;
    const numeral = NUMERAL.exec(text.slice(blanks, blanks + NUMERAL_LENGTH_MAX))?.[0] ?? '';
    this.#take(blanks + numeral.length);
    return parseNumeral(numeral);
  }

  #take(count: number): Buffer {
    const taken = Buffer.from(this.#ahead.subarray(0, count));
    this.#ahead = this.#ahead.subarray(count);
    this.#position += count;
    return taken;
  }

  /** @returns false at the end of the file */
  #fill(atLeast = 0): boolean {
    if (this.#fd === null) return false;
    const buffer = Buffer.alloc(Math.max(CHUNK_BYTES, Math.min(atLeast, 1 << 20)));
    const at = this.#isSeekable ? this.#position + this.#ahead.length : null;
    const count = readSync(this.#fd, buffer, 0, buffer.length, at);
    if (count === 0) return false;
    const fresh = buffer.subarray(0, count);
    this.#ahead = this.#ahead.length === 0 ? fresh : Buffer.concat([this.#ahead, fresh]);
    return true;
  }
}

/** The longest prefix that may be a numeral: what C's reader consumes. */
const NUMERAL =
  /^[+-]?(?:0[xX][\da-fA-F]*\.?[\da-fA-F]*(?:[pP][+-]?\d*)?|\d*\.?\d*(?:[eE][+-]?\d*)?)/;

/** A number from Lua's notation; undefined when it is not one. */
export function parseNumeral(text: string): number | bigint | LuaFloat | undefined {
  const negative = text.startsWith('-');
  const body = text.replace(/^[+-]/, '');
  const sign = negative ? -1 : 1;
  const hex = /^0[xX]([\da-fA-F]*)\.?([\da-fA-F]*)(?:[pP]([+-]?\d+))?$/.exec(body);
  if (hex) {
    const [, whole = '', fraction = '', exponent] = hex;
    if (whole === '' && fraction === '') return undefined;
    if (!body.includes('.') && exponent === undefined) {
      const value = BigInt.asIntN(64, BigInt(`0x${whole}`) * BigInt(sign));
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    const digits = Number(`0x${whole}${fraction}`);
    return asFloat(sign * digits * 2 ** (Number(exponent ?? 0) - 4 * fraction.length));
  }
  if (/^\d+$/.test(body)) {
    const value = BigInt(body) * BigInt(sign);
    if (value === BigInt.asIntN(64, value)) {
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    return asFloat(Number(value));
  }
  if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(body)) return undefined;
  return asFloat(sign * Number(body));
}

function asFloat(value: number): number | LuaFloat {
  return Number.isInteger(value) ? new LuaFloat(value) : value;
}
