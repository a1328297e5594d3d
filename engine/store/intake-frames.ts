/**
 * The format of an intake file: frames one after the other, each a batch of transactions.
 *
 *   magic u32 | crc32 u32 of what follows | salt, 8 bytes | number f64
 *   lengths of operations and bytes, u32 each | operations (`packOps`) | bytes
 *
 * A file is written anew from its beginning, each time with another salt, so what follows its
 * newest frame is an older frame with another salt or the rest of one, whatever mail it holds.
 */
import { crc32 } from 'node:zlib';

export interface IntakeFrame {
  /** Grows, also from one process to the next. */
  readonly number: number;
  readonly ops: Uint8Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const MAGIC = 0x50_59_49_31;
const HEADER_BYTES = 32;
export const SALT_BYTES = 8;

/** Offsets in the header. */
const CRC = 4;
const SALT = 8;
const NUMBER = 16;
const OPS_LENGTH = 24;
const BYTES_LENGTH = 28;

export function frameSize({ ops, bytes }: IntakeFrame): number {
  return HEADER_BYTES + ops.byteLength + bytes.byteLength;
}

/** Pieces to be written one after the other. */
export function encodeFrame({ number, ops, bytes }: IntakeFrame, salt: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.set(salt, SALT);
  header.writeDoubleLE(number, NUMBER);
  header.writeUInt32LE(ops.byteLength, OPS_LENGTH);
  header.writeUInt32LE(bytes.byteLength, BYTES_LENGTH);
  header.writeUInt32LE(checksum(header, ops, bytes), CRC);
  return [header, ops, bytes];
}

/** The whole frames that a file begins with. */
export function decodeFrames(file: Buffer<ArrayBuffer>): IntakeFrame[] {
  const salt = file.subarray(SALT, SALT + SALT_BYTES);
  const frames: IntakeFrame[] = [];
  for (let at = 0; at + HEADER_BYTES <= file.byteLength;) {
    const header = file.subarray(at, at + HEADER_BYTES);
    const middle = at + HEADER_BYTES + header.readUInt32LE(OPS_LENGTH);
    const end = middle + header.readUInt32LE(BYTES_LENGTH);
    if (header.readUInt32LE(0) !== MAGIC || end > file.byteLength) break;
    if (!header.subarray(SALT, SALT + SALT_BYTES).equals(salt)) break;
    const ops = file.subarray(at + HEADER_BYTES, middle);
    const bytes = file.subarray(middle, end);
    if (header.readUInt32LE(CRC) !== checksum(header, ops, bytes)) break;
    frames.push({ number: header.readDoubleLE(NUMBER), ops, bytes });
    at = end;
  }
  return frames;
}

function checksum(header: Uint8Array, ops: Uint8Array, bytes: Uint8Array): number {
  return crc32(bytes, crc32(ops, crc32(header.subarray(SALT))));
}
