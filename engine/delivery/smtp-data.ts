/**
 * The body as it goes over the wire after DATA: dots stuffed, a CRLF at the end when there was no
 * line end, then the final dot. In pieces, so that a large body is never copied whole.
 *
 * A dot after a bare LF is stuffed as well: a peer that takes LF for a line end would otherwise
 * read commands out of a body.
 *
 * Source: RFC 5321 §4.5.2.
 */
import { isAscii } from 'node:buffer';

const PIECE_BYTES = 64 * 1024;
const LF = 0x0a;
const DOT = Buffer.from('.');
const END = Buffer.from('.\r\n');
const CRLF_END = Buffer.from('\r\n.\r\n');

/** Pieces of about 64 KiB; a small body is one piece, final dot included. */
export function* dataPieces(body: Uint8Array): Generator<Buffer> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let parts: Buffer[] = [];
  let size = 0;
  for (const part of stuffedParts(bytes)) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      const slice = part.subarray(at, at + PIECE_BYTES);
      if (size > 0 && size + slice.length > PIECE_BYTES) {
        yield Buffer.concat(parts);
        parts = [];
        size = 0;
      }
      parts.push(slice);
      size += slice.length;
    }
  }
  const endsLine = bytes.length === 0 || bytes.at(-1) === LF;
  parts.push(endsLine ? END : CRLF_END);
  yield Buffer.concat(parts);
}

/** Whether any byte is beyond ASCII. */
export function isEightBit(body: Uint8Array): boolean {
  return !isAscii(body);
}

function* stuffedParts(bytes: Buffer): Generator<Buffer> {
  let from = 0;
  if (bytes[0] === DOT[0]) yield DOT;
  for (let at = bytes.indexOf('\n.'); at >= 0; at = bytes.indexOf('\n.', from)) {
    yield bytes.subarray(from, at + 1);
    yield DOT;
    from = at + 1;
  }
  if (from < bytes.length) yield bytes.subarray(from);
}
