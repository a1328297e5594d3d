/**
 * Reads a message body off the wire: everything up to CRLF.CRLF, wherever chunks were cut. Chunks
 * are kept as they came and joined once at the end; nothing is looked at byte by byte.
 *
 * KumoMTA looks at `max_message_size` only while the end has not arrived, each time it has read up
 * to `data_buffer_size` bytes. So a body that comes in one read passes however big it is; the
 * arithmetic below gives the same answer for the same reads. Once too big, the rest is thrown away
 * up to the end, with bounded memory.
 *
 * Source: RFC 5321 §4.1.1.4, §4.5.2; reference of KumoMTA's reception; recorded scenarios.
 */
const TERMINATOR = '\r\n.\r\n';

export interface DataLimits {
  readonly messageBytesMax: number;
  /** How many bytes KumoMTA would take in one read. */
  readonly readBytesMax: number;
  /** Whether a dot that is the whole first line ends the (empty) body. */
  readonly isFirstBodyLineALine: boolean;
}

export interface DataEnd {
  /** The body with its last CRLF, dots still stuffed; null when it was too big. */
  readonly body: Buffer | null;
  /** Bytes after the end: pipelined commands. */
  readonly rest: Buffer;
}

export class DataReader {
  readonly #limits: DataLimits;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isTooBig = false;
  /** The last bytes seen, at most four: where a terminator may have begun. */
  #tail: Buffer;

  constructor(limits: DataLimits) {
    this.#limits = limits;
    // As if the line before the body had just ended.
    this.#tail = limits.isFirstBodyLineALine ? Buffer.from('\r\n') : Buffer.alloc(0);
  }

  /** Bytes of the body so far, kept or not. */
  get byteCount(): number {
    return this.#bytes;
  }

  /** Takes a chunk (not empty); the result when it contained the end, else null. */
  push(chunk: Buffer): DataEnd | null {
    const end = this.#findEnd(chunk);
    this.#checkSize(chunk.length, end);
    if (end === null) {
      this.#keep(chunk);
      this.#remember(chunk);
      return null;
    }
    this.#keep(end === chunk.length ? chunk : chunk.subarray(0, end));
    return { body: this.#isTooBig ? null : this.#join(), rest: chunk.subarray(end) };
  }

  /** Index just after the terminator in this chunk, or null. */
  #findEnd(chunk: Buffer): number | null {
    if (this.#tail.length > 0) {
      const seam = Buffer.concat([this.#tail, chunk.subarray(0, TERMINATOR.length - 1)]);
      const at = seam.indexOf(TERMINATOR, 0, 'latin1');
      if (at >= 0) return at + TERMINATOR.length - this.#tail.length;
    }
    const at = chunk.indexOf(TERMINATOR, 0, 'latin1');
    return at < 0 ? null : at + TERMINATOR.length;
  }

  /** Too big when one of KumoMTA's reads would have left the limit full and the end unseen. */
  #checkSize(chunkBytes: number, end: number | null): void {
    if (this.#isTooBig) return;
    const { messageBytesMax, readBytesMax } = this.#limits;
    const unseen = end ?? chunkBytes + 1;
    const missing = messageBytesMax - this.#bytes;
    const reads = Math.max(1, Math.ceil(missing / Math.max(1, readBytesMax)));
    const full = Math.min(reads * Math.max(1, readBytesMax), chunkBytes);
    if (full >= missing && full < unseen) {
      this.#isTooBig = true;
      this.#chunks = [];
    }
  }

  #keep(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (!this.#isTooBig) this.#chunks.push(chunk);
  }

  #remember(chunk: Buffer): void {
    const keep = TERMINATOR.length - 1;
    const tail = chunk.length >= keep ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(tail.subarray(-keep));
  }

  #join(): Buffer {
    const [only] = this.#chunks;
    const whole = only && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks);
    // Without ".\r\n"; an empty body has no line of its own to keep.
    return whole.subarray(0, Math.max(0, this.#bytes - 3));
  }
}
