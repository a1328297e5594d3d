/**
 * What delivery reports and complaint reports have in common: blocks of fields inside one part of
 * a `multipart/report`, typed values (`dns; name`), and the embedded original.
 *
 * Source: RFC 3464 §2.1, RFC 5965 §2.
 */
import type { JsonObject, JsonValue } from './json.ts';
import { headerString } from './header.ts';
import { MimeHeaders } from './mime/headers.ts';
import type { MimePart } from './mime/part.ts';

/** The fields of one block; names in lower case, values in order, each text or bytes. */
export type ReportFields = Map<string, JsonValue[]>;

/** The blocks of a report part, which blank lines separate. */
export function readReportBlocks(body: Uint8Array): ReportFields[] {
  const blocks: ReportFields[] = [];
  let rest = body;
  while (rest.length > 0) {
    const { headers, bodyStart } = MimeHeaders.read(rest);
    if (headers.fields.length > 0) blocks.push(fieldsOf(headers));
    rest = rest.subarray(Math.max(bodyStart, 1));
  }
  return blocks;
}

function fieldsOf(headers: MimeHeaders): ReportFields {
  const fields: ReportFields = new Map();
  for (const field of headers.fields) {
    const name = field.name.toLowerCase();
    const value = textOrBytes(unfold(field.rawValue));
    const before = fields.get(name);
    if (before) before.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

function unfold(raw: Uint8Array): Buffer {
  const text = Buffer.from(raw).toString('latin1');
  return Buffer.from(text.replace(/\s*\r?\n[ \t]+/g, ' ').trim(), 'latin1');
}

/** A text, or a list of octets when it is not UTF-8: how such values appear in JSON. */
function textOrBytes(bytes: Uint8Array): JsonValue {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return [...bytes];
  }
}

/** Takes the values of a field out of the block: what is left are extensions. */
export function takeValues(fields: ReportFields, name: string): JsonValue[] {
  const values = fields.get(name) ?? [];
  fields.delete(name);
  return values;
}

/** Takes a field that occurs once; `undefined` when it is missing or not text. */
export function takeText(fields: ReportFields, name: string): string | undefined {
  const [value] = takeValues(fields, name);
  return typeof value === 'string' ? value : undefined;
}

export function extensionsOf(fields: ReportFields): JsonObject {
  return Object.fromEntries(fields);
}

/** `dns; mx.example.org` as its type and its value. */
export function typedValue(text: string | undefined): { type: string; value: string } | undefined {
  const match = /^([^;]*);([\s\S]*)$/.exec(text ?? '');
  return match ? { type: (match[1] ?? '').trim(), value: (match[2] ?? '').trim() } : undefined;
}

export function findChild(message: MimePart, ...types: readonly string[]): MimePart | undefined {
  return message.parts.find((p) => types.includes(p.contentType));
}

/** The embedded original, or its header block, with LF line ends. */
export function originalMessage(message: MimePart): JsonValue {
  const part = findChild(message, 'message/rfc822', 'text/rfc822-headers');
  if (!part) return null;
  const value = textOrBytes(part.decodedBytes);
  return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value;
}

/** Header values of an embedded original, by name. */
export function originalHeaders(message: MimePart): [string, string][] {
  const part = findChild(message, 'message/rfc822', 'text/rfc822-headers');
  if (!part) return [];
  const { headers } = MimeHeaders.read(part.decodedBytes);
  return headers.fields.map((f) => [f.name, headerString(f.rawValue)]);
}
