/**
 * Small texts that are alike (record JSON, transcripts, policy traces), several to a compressed
 * block. Alone, two kilobytes cost 25 µs and shrink to a fifth; thirty together cost 1 µs each and
 * shrink to a fiftieth.
 *
 * A block is zstd of: the lengths (in UTF-16 units) as a JSON array, LF, the texts one after the
 * other.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** Numbers in the database; never renumbered. */
export const BLOCK_KINDS = { trace: 1, attempt: 2, record: 3 } as const;

/** A block is closed when its texts have this many characters: small enough to open for one text. */
const BLOCK_CHARS_MAX = 64 * 1024;

/** A bound for what a (damaged) block may unpack to. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;

const LEVEL = 1;

export function packBlock(texts: readonly string[]): Uint8Array {
  const plain = `${JSON.stringify(texts.map((text) => text.length))}\n${texts.join('')}`;
  return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
}

/** @throws {Error} the block is damaged */
export function unpackBlock(data: Uint8Array): string[] {
  const plain = zstdDecompressSync(data, { maxOutputLength: UNPACKED_BYTES_MAX }).toString();
  const end = plain.indexOf('\n');
  const lengths = JSON.parse(plain.slice(0, end)) as number[];
  let at = end + 1;
  const texts = lengths.map((length) => plain.slice(at, (at += length)));
  if (at !== plain.length) {
    throw new Error(`Cannot unpack a block: found ${plain.length} characters, expected ${at}`);
  }
  return texts;
}

/** Where a text went. */
export interface BlockPlace {
  readonly block: number;
  readonly index: number;
}

/** A finished block; `first` and `last` are the lowest and highest owner inside. */
export interface PackedBlock {
  readonly id: number;
  readonly first: number;
  readonly last: number;
  readonly data: Uint8Array;
}

/**
 * Collects the texts of one commit. The place of a text is known when it is added; its block is
 * written when it is full or when `close` is called before the commit.
 */
export class BlockPacker {
  readonly #takeId: () => number;
  readonly #write: (block: PackedBlock) => void;
  #id = 0;
  #texts: string[] = [];
  #chars = 0;
  #first = 0;
  #last = 0;

  constructor(takeId: () => number, write: (block: PackedBlock) => void) {
    this.#takeId = takeId;
    this.#write = write;
  }

  /** @param owner number of the transaction, attempt or record that the text belongs to */
  add(text: string, owner: number): BlockPlace {
    if (this.#texts.length === 0) {
      this.#id = this.#takeId();
      this.#first = owner;
      this.#last = owner;
    }
    const place = { block: this.#id, index: this.#texts.length };
    this.#texts.push(text);
    this.#chars += text.length;
    this.#first = Math.min(this.#first, owner);
    this.#last = Math.max(this.#last, owner);
    if (this.#chars >= BLOCK_CHARS_MAX) this.close();
    return place;
  }

  close(): void {
    if (this.#texts.length === 0) return;
    const data = packBlock(this.#texts);
    this.#write({ id: this.#id, first: this.#first, last: this.#last, data });
    this.forget();
  }

  /** After a rollback: what was collected is not wanted. */
  forget(): void {
    this.#texts = [];
    this.#chars = 0;
  }
}
