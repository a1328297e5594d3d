/** Bytes and text of a part: its transfer encoding undone, its charset applied. */
import { decodeBase64, decodeQuotedPrintable } from '../mail/mime/transfer-encoding.ts';
import { decodeCharset } from '../store/subject.ts';
import type { MimeNode } from './mime-tree.ts';

/** As it stands in the message. */
export function encodedBytes(data: Uint8Array, node: MimeNode): Uint8Array {
  return data.subarray(node.bodyStart, Math.max(node.bodyStart, node.end));
}

/** @param max encoded bytes that are looked at, for a text of which only the beginning is wanted */
export function decodedBytes(data: Uint8Array, node: MimeNode, max = Infinity): Uint8Array {
  const encoded = encodedBytes(data, node).subarray(0, max);
  if (node.encoding === 'base64') return decodeBase64(encoded);
  if (node.encoding === 'quoted-printable') return decodeQuotedPrintable(encoded);
  return encoded;
}

export interface PartText {
  readonly text: string;
  /** The part is longer than what was decoded. */
  readonly isCut: boolean;
}

export function partText(data: Uint8Array, node: MimeNode, max: number): PartText {
  const bytes = decodedBytes(data, node, max);
  const isCut = encodedBytes(data, node).byteLength > max;
  return { text: decodeCharset(node.charset ?? 'utf-8', bytes), isCut };
}

/** How many bytes the part decodes to, counted without decoding it. */
export function decodedLength(data: Uint8Array, node: MimeNode): number {
  const encoded = encodedBytes(data, node);
  if (node.encoding === 'base64') return base64Length(encoded);
  if (node.encoding === 'quoted-printable') return quotedPrintableLength(encoded);
  return encoded.byteLength;
}

function base64Length(encoded: Uint8Array): number {
  let digits = 0;
  for (const byte of encoded) {
    if (isBase64Digit(byte)) digits++;
  }
  return Math.floor((digits * 3) / 4);
}

function isBase64Digit(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x2f && byte <= 0x39) ||
    byte === 0x2b
  );
}

/** Escapes are one byte, soft line breaks none. */
function quotedPrintableLength(encoded: Uint8Array): number {
  let length = encoded.byteLength;
  for (let at = encoded.indexOf(0x3d); at >= 0; at = encoded.indexOf(0x3d, at + 1)) {
    const next = encoded[at + 1];
    if (next === 0x0a) length -= 2;
    else if (next === 0x0d && encoded[at + 2] === 0x0a) length -= 3;
    else if (isHex(next) && isHex(encoded[at + 2])) length -= 2;
  }
  return length;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
