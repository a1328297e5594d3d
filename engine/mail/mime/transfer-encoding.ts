/**
 * Content-Transfer-Encoding: quoted-printable and base64, both ways.
 *
 * Quoted-printable keeps CRLF as line breaks and encodes every lone CR or LF; decoding is
 * forgiving: what is no escape stays as it is, line breaks become CRLF.
 *
 * Source: RFC 2045 §6.7, §6.8.
 */

const LINE_LENGTH_MAX = 76;
const HEX = '0123456789ABCDEF';

export function encodeQuotedPrintable(data: Uint8Array): Buffer {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  const lines = text.split('\r\n').map((line) => foldLine(escapeLine(line)));
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** The escapes and characters of one line, in order; a blank at its end is escaped. */
function escapeLine(line: string): string[] {
  const units = [...line].map((c) => (/[\t -<>-~]/.test(c) ? c : `=${hexPair(c.charCodeAt(0))}`));
  const last = units.at(-1);
  if (last === ' ' || last === '\t') units[units.length - 1] = `=${hexPair(last.charCodeAt(0))}`;
  return units;
}

function hexPair(byte: number): string {
  return `${HEX[byte >> 4] ?? ''}${HEX[byte & 15] ?? ''}`;
}

/**
 * Soft line breaks such that no line, its `=` included, passes 76 columns: a unit may end at
 * column 76 only when nothing follows it.
 */
function foldLine(units: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const [i, unit] of units.entries()) {
    const room = i === units.length - 1 ? LINE_LENGTH_MAX : LINE_LENGTH_MAX - 1;
    if (line.length + unit.length > room) {
      lines.push(line);
      line = '';
    }
    line += unit;
  }
  lines.push(line);
  return lines.join('=\r\n');
}

export function decodeQuotedPrintable(data: Uint8Array): Buffer {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    .toString('latin1')
    .replace(/[^\t\r\n -~]/g, '');
  const decoded = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join('\r\n')
    .replace(/=(?:\r\n|$|([0-9A-Fa-f]{2}))/g, (_, hex?: string) =>
      hex === undefined ? '' : String.fromCharCode(parseInt(hex, 16)),
    );
  return Buffer.from(decoded, 'latin1');
}

/** Base64 in lines of 76 columns, each ended by CRLF. */
export function encodeBase64Lines(data: Uint8Array): Buffer {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return Buffer.from(text.replace(/.{1,76}/g, '$&\r\n'), 'latin1');
}

export function decodeBase64(data: Uint8Array): Buffer {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
  return Buffer.from(text.replace(/[^A-Za-z0-9+/=]/g, ''), 'base64');
}

/** Octets that base64 in lines would take. */
export function base64LinesLength(byteLength: number): number {
  const characters = Math.ceil(byteLength / 3) * 4;
  return characters + 2 * Math.ceil(characters / LINE_LENGTH_MAX);
}
