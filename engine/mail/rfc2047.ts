/**
 * Text of unstructured header fields: unfolding, encoded words, and their reverse.
 *
 * Decoding works on bytes, because a header may hold anything: runs of white space become one
 * space, encoded words become text, and the blanks between two encoded words vanish. Encoding
 * writes UTF-8 in Q form, short enough that a line stays below 76 columns.
 *
 * Source: RFC 2047; RFC 5322 §2.2.3; KumoMTA's mailparsing, as recorded.
 */
import type { HeaderText } from './header.ts';
import { wrapText } from './wrap.ts';

/** Everything between `=?` and `?=`: charset (with RFC 2231 language), encoding, text. */
const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=/g;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** The value of an unstructured field as text, or as bytes when it is not UTF-8. */
export function decodeHeaderText(raw: Uint8Array): HeaderText {
  const binary = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1');
  if (!/[\s]{2}|[\t\r\n]|^ | $|=\?/.test(binary)) return utf8OrBytes(raw);
  const words = unfold(binary);
  try {
    return utf8OrBytes(Buffer.concat(decodeWords(words)));
  } catch {
    return utf8OrBytes(raw);
  }
}

function unfold(binary: string): string {
  return binary.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '');
}

/** @throws {RangeError} a charset is unknown */
function decodeWords(text: string): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  let afterWord = false;
  for (const match of text.matchAll(ENCODED_WORD)) {
    const between = text.slice(at, match.index);
    if (!(afterWord && /^ ?$/.test(between))) pieces.push(Buffer.from(between, 'latin1'));
    const [whole, charset = '', encoding = '', encoded = ''] = match;
    pieces.push(Buffer.from(decodeWord(charset, encoding, encoded)));
    at = match.index + whole.length;
    afterWord = true;
  }
  pieces.push(Buffer.from(text.slice(at), 'latin1'));
  return pieces;
}

function decodeWord(charset: string, encoding: string, encoded: string): string {
  const bytes =
    encoding === 'b' || encoding === 'B' ? Buffer.from(encoded, 'base64') : decodeQ(encoded);
  return new TextDecoder(charset).decode(bytes);
}

function decodeQ(encoded: string): Buffer {
  const binary = encoded
    .replaceAll('_', ' ')
    .replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1');
}

function utf8OrBytes(bytes: Uint8Array): HeaderText {
  try {
    return UTF8.decode(bytes);
  } catch {
    return bytes;
  }
}

/** A text as the value of an unstructured field: folded, and in encoded words unless ASCII. */
export function encodeHeaderText(text: string): string {
  return isAscii(text) ? wrapText(text) : encodeWords(text);
}

export function isAscii(text: string): boolean {
  // The whole range below 128, control characters included.

  return /^[\x00-\x7f]*$/.test(text);
}

const PREFIX = '=?UTF-8?q?';
const SUFFIX = '?=';
/** Encoded characters per word, so that a word with its brackets has 72 columns. */
const WORD_LENGTH_MAX = 72 - PREFIX.length - SUFFIX.length;

/** UTF-8 text as encoded words, joined by folds. */
export function encodeWords(text: string): string {
  const words: string[] = [];
  let word = '';
  for (const character of text) {
    const encoded = encodeQ(character);
    if (word.length + encoded.length > WORD_LENGTH_MAX) {
      words.push(word);
      word = '';
    }
    word += encoded;
  }
  words.push(word);
  return words.map((w) => `${PREFIX}${w}${SUFFIX}`).join('\r\n\t');
}

function encodeQ(character: string): string {
  if (character === ' ') return '_';
  if (/^[!-~]$/.test(character) && !'=?_'.includes(character)) return character;
  return [...Buffer.from(character)]
    .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
