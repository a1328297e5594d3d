/**
 * Transparency of the message body: a line that begins with a dot travels with one more.
 *
 * Source: RFC 5321 §4.5.2. Only CRLF ends a line here; a dot after a bare LF is left alone.
 */

/** Body bytes as they are sent after DATA, without the final dot. Not copied when nothing changes. */
export function stuffDots(body: Uint8Array): Uint8Array {
  const bytes = asBuffer(body);
  const pieces: Buffer[] = [];
  let from = 0;
  if (bytes[0] === 0x2e) pieces.push(DOT);
  for (let at = bytes.indexOf('\r\n.', 0, 'latin1'); at >= 0;) {
    pieces.push(bytes.subarray(from, at + 2), DOT);
    from = at + 2;
    at = bytes.indexOf('\r\n.', from, 'latin1');
  }
  if (pieces.length === 0) return body;
  pieces.push(bytes.subarray(from));
  return Buffer.concat(pieces);
}

/**
 * The body as the sender meant it.
 *
 * @param dots indexes of the dots to leave out, ascending
 */
export function removeDots(body: Buffer, dots: readonly number[]): Buffer {
  if (dots.length === 0) return body;
  const out = Buffer.allocUnsafe(body.length - dots.length);
  let from = 0;
  let to = 0;
  for (const dot of dots) {
    to += body.copy(out, to, from, dot);
    from = dot + 1;
  }
  body.copy(out, to, from);
  return out;
}

const DOT = Buffer.from('.');

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
