/**
 * Header fields of a message, on its raw bytes: found, read, added and removed without parsing the
 * body and without turning the message into text. Reception, policy and records use these for
 * every message, so nothing here copies more than it must.
 *
 * Parsing is lenient, as KumoMTA's is: lines may end in a bare LF, a line without a colon is a
 * field without a value. What is wrong with a header is `conformance.ts`'s business.
 *
 * Source: RFC 5322 §2.2, §3.2.2; reference `lua-api.md` §4.1.
 */
import { decodeHeaderText, encodeHeaderText } from './rfc2047.ts';

/** Text when the bytes are valid UTF-8, else the bytes. */
export type HeaderText = string | Uint8Array;

/** One field as offsets into the message. */
export interface HeaderField {
  /** First byte of the name. */
  readonly start: number;
  readonly nameEnd: number;
  /** First byte of the value, the blanks after the colon skipped. */
  readonly valueStart: number;
  /** After the last byte of the value, before its final line end. */
  readonly valueEnd: number;
  /** After the final line end. */
  readonly end: number;
}

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** Where the header fields end: at the blank line, or at the end of the data. */
  readonly end: number;
  /** First byte after the blank line. */
  readonly bodyStart: number;
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

export function readHeaderBlock(data: Uint8Array): HeaderBlock {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < data.length) {
    const blank = blankLineLength(data, at);
    if (blank > 0) return { fields, end: at, bodyStart: at + blank };
    const field = readField(data, at);
    fields.push(field);
    at = field.end;
  }
  return { fields, end: data.length, bodyStart: data.length };
}

function blankLineLength(data: Uint8Array, at: number): number {
  if (data[at] === LF) return 1;
  return data[at] === CR && data[at + 1] === LF ? 2 : 0;
}

function readField(data: Uint8Array, start: number): HeaderField {
  const end = fieldEnd(data, start);
  let valueEnd = end;
  if (valueEnd > start && data[valueEnd - 1] === LF) valueEnd--;
  if (valueEnd > start && data[valueEnd - 1] === CR) valueEnd--;
  const colon = data.subarray(start, valueEnd).indexOf(COLON);
  if (colon < 0) return { start, nameEnd: valueEnd, valueStart: valueEnd, valueEnd, end };
  let valueStart = start + colon + 1;
  while (valueStart < valueEnd && isBlank(data[valueStart])) valueStart++;
  return { start, nameEnd: start + colon, valueStart, valueEnd, end };
}

/** After the line end that no folding white space follows. */
function fieldEnd(data: Uint8Array, start: number): number {
  let from = start;
  for (;;) {
    const lf = data.indexOf(LF, from);
    if (lf < 0) return data.length;
    if (!isBlank(data[lf + 1])) return lf + 1;
    from = lf + 1;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

export function fieldName(data: Uint8Array, field: HeaderField): string {
  return latin1(data.subarray(field.start, field.nameEnd));
}

/** The value as it stands in the message, folding included. */
export function rawFieldValue(data: Uint8Array, field: HeaderField): Uint8Array {
  return data.subarray(field.valueStart, field.valueEnd);
}

/** The value unfolded and with its encoded words decoded; the raw one when that fails. */
export function fieldValue(data: Uint8Array, field: HeaderField): HeaderText {
  return decodeHeaderText(rawFieldValue(data, field));
}

/** Whether a field has this name, whatever the case. */
export function fieldNamed(data: Uint8Array, field: HeaderField, name: string): boolean {
  if (field.nameEnd - field.start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if (lower(data[field.start + i] ?? 0) !== lower(name.charCodeAt(i))) return false;
  }
  return true;
}

function lower(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

export function firstHeaderValue(data: Uint8Array, name: string): HeaderText | undefined {
  const field = readHeaderBlock(data).fields.find((f) => fieldNamed(data, f, name));
  return field && fieldValue(data, field);
}

export function allHeaderValues(data: Uint8Array, name: string): HeaderText[] {
  return readHeaderBlock(data)
    .fields.filter((f) => fieldNamed(data, f, name))
    .map((f) => fieldValue(data, f));
}

/** Every field in order, as name and decoded value. */
export function allHeaders(data: Uint8Array): [string, HeaderText][] {
  return readHeaderBlock(data).fields.map((f) => [fieldName(data, f), fieldValue(data, f)]);
}

/** `verbatim` writes the value as given; `encode` folds it and encodes what is not ASCII. */
export type HeaderForm = 'verbatim' | 'encode';

/** One field as bytes, line end included. */
function headerLine(name: string, value: HeaderText, form: HeaderForm): Uint8Array {
  if (form === 'encode') {
    return Buffer.from(`${name}: ${encodeHeaderText(headerString(value))}\r\n`);
  }
  return Buffer.concat([Buffer.from(`${name}: `), bytesOf(value), Buffer.from('\r\n')]);
}

export function prependHeader(
  data: Uint8Array,
  name: string,
  value: HeaderText,
  form: HeaderForm = 'verbatim',
): Uint8Array {
  return Buffer.concat([headerLine(name, value, form), data]);
}

/** @throws {Error} the message has no CRLF CRLF */
export function appendHeader(
  data: Uint8Array,
  name: string,
  value: HeaderText,
  form: HeaderForm = 'verbatim',
): Uint8Array {
  const end = asBuffer(data).indexOf('\r\n\r\n');
  if (end < 0) throw new Error('append_header could not find the end of the header block');
  const line = headerLine(name, value, form);
  return Buffer.concat([data.subarray(0, end + 2), line, data.subarray(end + 2)]);
}

/** Writes the header block anew without some fields; the blank line becomes one CRLF. */
export function removeHeaders(
  data: Uint8Array,
  isRemoved: (field: HeaderField) => boolean,
): Uint8Array {
  const block = readHeaderBlock(data);
  const kept = block.fields.filter((f) => !isRemoved(f));
  if (kept.length === block.fields.length) return data;
  const pieces: Uint8Array[] = kept.map((f) => data.subarray(f.start, f.end));
  return Buffer.concat([...pieces, Buffer.from('\r\n'), data.subarray(block.bodyStart)]);
}

export function removeNamedHeaders(data: Uint8Array, name: string): Uint8Array {
  return removeHeaders(data, (f) => fieldNamed(data, f, name));
}

/** Removes the named fields; without names, every field whose name starts with `X-`. */
export function removeXHeaders(data: Uint8Array, names: readonly string[]): Uint8Array {
  if (names.length === 0) return removeHeaders(data, (f) => startsWithX(data, f));
  return removeHeaders(data, (f) => names.some((name) => fieldNamed(data, f, name)));
}

function startsWithX(data: Uint8Array, field: HeaderField): boolean {
  return lower(data[field.start] ?? 0) === 120 && data[field.start + 1] === 45;
}

/** The value as text, bytes that are not UTF-8 replaced. */
export function headerString(value: HeaderText): string {
  return typeof value === 'string' ? value : asBuffer(value).toString('utf8');
}

function bytesOf(value: HeaderText): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function latin1(data: Uint8Array): string {
  return asBuffer(data).toString('latin1');
}
