/**
 * Bytes that arrived and were not yet used: lines are taken off the front, or everything at once
 * for whoever reads a message body. Both ends of SMTP read through this.
 *
 * Invariant: however long a line the peer sends, no more than one line limit plus one chunk is
 * kept; an overlong line is thrown away up to its CRLF and reported once. Only CRLF ends a line.
 *
 * Source: RFC 5321 §2.3.8, §4.5.3.1.
 */
import { isUtf8 } from 'node:buffer';

/** A line without its CRLF, or why it could not be given as text. */
export type Line =
  | { readonly text: string; readonly trouble: null }
  | { readonly text: null; readonly trouble: 'too-long' }
  | { readonly text: null; readonly trouble: 'not-utf8' };

const TOO_LONG: Line = { text: null, trouble: 'too-long' };
const NOT_UTF8: Line = { text: null, trouble: 'not-utf8' };
const EMPTY = Buffer.alloc(0);
const CR = 0x0d;

export class InputBuffer {
  #bytes: Buffer = EMPTY;
  #start = 0;
  /** Inside a line that is already too long: drop until its CRLF. */
  #isDiscarding = false;

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  push(chunk: Buffer): void {
    this.#bytes =
      this.length === 0 ? chunk : Buffer.concat([this.#bytes.subarray(this.#start), chunk]);
    this.#start = 0;
  }

  /** The next line, or null when it has not fully arrived. */
  takeLine(lineBytesMax: number): Line | null {
    const end = this.#bytes.indexOf('\r\n', this.#start, 'latin1');
    if (end < 0) {
      if (this.#isDiscarding || this.length > lineBytesMax + 1) this.#discard();
      return null;
    }
    const start = this.#start;
    this.#start = end + 2;
    if (this.#isDiscarding || end - start > lineBytesMax) {
      this.#isDiscarding = false;
      return TOO_LONG;
    }
    const text = this.#bytes.toString('utf8', start, end);
    // A replacement character may be the peer's own; only then is a second look needed.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, end))) return NOT_UTF8;
    return { text, trouble: null };
  }

  /** Everything that is there; the buffer is empty afterwards. */
  takeAll(): Buffer {
    const bytes = this.#bytes.subarray(this.#start);
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#isDiscarding = false;
  }

  #discard(): void {
    this.#isDiscarding = true;
    const endsInCr = this.length > 0 && this.#bytes.at(-1) === CR;
    this.#bytes = endsInCr ? Buffer.from('\r') : EMPTY;
    this.#start = 0;
  }
}
