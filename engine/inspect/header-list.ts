/**
 * The header of a message as a list for display: raw and decoded, bounded. A header of hundreds of
 * thousands of fields is shown as far as it is reasonable, and says so.
 */
import { fieldName, rawFieldValue, readHeaderBlock } from '../mail/header.ts';
import { decodeDisplayText } from '../store/subject.ts';

const HEADER_BYTES_MAX = 256 * 1024;
const FIELDS_MAX = 1_000;
/** Characters of one value that are shown. */
const VALUE_CHARS_MAX = 16 * 1024;

export interface HeaderLine {
  readonly name: string;
  /** As it stands in the message, folding included. */
  readonly raw: string;
  readonly decoded: string;
}

export interface HeaderList {
  readonly fields: readonly HeaderLine[];
  /** First byte of the body. */
  readonly bodyStart: number;
  /** What is wrong or left out; null when nothing is. */
  readonly problem: string | null;
}

/** @param data one entity: a message or a part, from its first header field on */
export function readHeaderList(data: Uint8Array): HeaderList {
  const head = data.subarray(0, HEADER_BYTES_MAX);
  const block = readHeaderBlock(head);
  const isCut = block.bodyStart === head.byteLength && head.byteLength < data.byteLength;
  const fields = block.fields.slice(0, FIELDS_MAX).map((field) => {
    const value = rawFieldValue(head, field).subarray(0, VALUE_CHARS_MAX);
    const raw = displayBytes(value);
    return { name: fieldName(head, field).trim(), raw, decoded: decodeDisplayText(value) };
  });
  const more = block.fields.length - fields.length;
  return {
    fields,
    bodyStart: isCut ? bodyAfter(data, head.byteLength) : block.bodyStart,
    problem: isCut
      ? `the header is longer than ${HEADER_BYTES_MAX} bytes; the rest of it is not shown`
      : more > 0
        ? `${more} more header fields are not shown`
        : null,
  };
}

/** The decoded value of the first field of this name, in any case. */
export function headerValue(fields: readonly HeaderLine[], name: string): string | null {
  return fields.find((field) => field.name.toLowerCase() === name)?.decoded ?? null;
}

function displayBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  return text.includes('\ufffd') ? buffer.toString('latin1') : text;
}

/** After the first blank line from here on. */
function bodyAfter(data: Uint8Array, from: number): number {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const crlf = buffer.indexOf('\r\n\r\n', from - 3);
  const lf = buffer.indexOf('\n\n', from - 1);
  if (crlf < 0 && lf < 0) return data.byteLength;
  return lf < 0 || (crlf >= 0 && crlf < lf) ? crlf + 4 : lf + 2;
}
