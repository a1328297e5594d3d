/**
 * The subject of a message, read from its bytes at once so that the list can show it: the first
 * Subject field of the header, unfolded and decoded. Never throws; what cannot be decoded is shown
 * as it is.
 *
 * Source: RFC 5322 §2.2.3, RFC 2047.
 */

/** A header longer than this is not searched any further. */
const HEADER_BYTES_MAX = 64 * 1024;

/** Characters kept; the rest is in the message. */
const SUBJECT_CHARS_MAX = 500;

const LF = 10;
const CR = 13;
const NAME = Buffer.from('subject');

export function subjectOf(data: Uint8Array): string {
  const end = Math.min(data.byteLength, HEADER_BYTES_MAX);
  for (let at = 0; at < end;) {
    const first = data[at];
    if (first === LF || first === CR) return '';
    const colon = subjectColon(data, at);
    if (colon > 0) return displayText(fieldBody(data, colon, end));
    const lineEnd = data.indexOf(LF, at);
    if (lineEnd < 0) return '';
    at = lineEnd + 1;
  }
  return '';
}

/** Where the colon of a Subject field that starts here is; -1 when this is another field. */
function subjectColon(data: Uint8Array, start: number): number {
  for (let i = 0; i < NAME.length; i++) {
    if (((data[start + i] ?? 0) | 0x20) !== NAME[i]) return -1;
  }
  let at = start + NAME.length;
  while (data[at] === 0x20 || data[at] === 0x09) at++;
  return data[at] === 0x3a ? at : -1;
}

/** The value after the colon, with its continuation lines. */
function fieldBody(data: Uint8Array, colon: number, max: number): Uint8Array {
  let end = data.indexOf(LF, colon);
  while (end >= 0 && end < max && (data[end + 1] === 0x20 || data[end + 1] === 0x09)) {
    end = data.indexOf(LF, end + 1);
  }
  return data.subarray(colon + 1, end < 0 ? max : end);
}

function displayText(raw: Uint8Array): string {
  return decodeDisplayText(raw).slice(0, SUBJECT_CHARS_MAX);
}

/** An unstructured header value as a person reads it; bytes of no known charset are Latin-1. */
export function decodeDisplayText(raw: Uint8Array): string {
  const binary = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1');
  const unfolded = binary.replace(/\r?\n[ \t]+/g, ' ').trim();
  if (!unfolded.includes('=?')) return decodeBytes(unfolded);
  return decodeWords(unfolded);
}

/** Everything between `=?` and `?=`: charset (with RFC 2231 language), encoding, text. */
const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=/g;

function decodeWords(binary: string): string {
  let text = '';
  let at = 0;
  // Bytes of the words just read: some senders split one character over two words.
  let charset = '';
  let bytes: Buffer[] = [];
  const takeWords = (): string => {
    const words = bytes.length > 0 ? decodeCharset(charset, Buffer.concat(bytes)) : '';
    bytes = [];
    return words;
  };
  for (const match of binary.matchAll(ENCODED_WORD)) {
    const [whole, wordCharset = '', encoding = '', encoded = ''] = match;
    const between = binary.slice(at, match.index);
    const isAdjacent = bytes.length > 0 && between.trim() === '';
    if (!isAdjacent) text += takeWords() + decodeBytes(between);
    else if (wordCharset.toLowerCase() !== charset.toLowerCase()) text += takeWords();
    charset = wordCharset;
    bytes.push(/b/i.test(encoding) ? Buffer.from(encoded, 'base64') : decodeQ(encoded));
    at = match.index + whole.length;
  }
  return text + takeWords() + decodeBytes(binary.slice(at));
}

function decodeQ(encoded: string): Buffer {
  const binary = encoded
    .replaceAll('_', ' ')
    .replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1');
}

/** Bytes in a named charset as text; an unknown charset is guessed. */
export function decodeCharset(charset: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return guessCharset(bytes);
  }
}

function decodeBytes(binary: string): string {
  if (/^[\x00-\x7f]*$/.test(binary)) return binary;
  return guessCharset(Buffer.from(binary, 'latin1'));
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const LATIN1 = new TextDecoder('windows-1252');

function guessCharset(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return LATIN1.decode(bytes);
  }
}
