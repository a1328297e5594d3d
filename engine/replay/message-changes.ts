/** What became of a message between two looks at it: meta, headers, envelope, body. Pure. */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { cloneJson } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { unifiedDiff } from './text-diff.ts';

export interface MessageLook {
  readonly meta: JsonObject;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly data: Uint8Array;
}

export interface ValueChange {
  readonly name: string;
  /** Null: it was not there. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface MessageChanges {
  readonly meta: readonly ValueChange[];
  readonly headers: readonly ValueChange[];
  readonly sender: ValueChange | null;
  readonly recipients: ValueChange | null;
  readonly body: {
    readonly bytesBefore: number;
    readonly bytesAfter: number;
    readonly diff: string;
  } | null;
}

export const NO_CHANGES: MessageChanges = {
  meta: [],
  headers: [],
  sender: null,
  recipients: null,
  body: null,
};

/** Text of a body that is compared line by line; of longer ones only the sizes are told. */
const DIFF_BYTES_MAX = 512 * 1024;

export function lookAt(message: Message): MessageLook {
  return {
    meta: cloneJson(message.meta),
    sender: message.sender.email,
    recipients: message.recipients.map(({ email }) => email),
    data: message.data,
  };
}

export function changesBetween(before: MessageLook, after: MessageLook): MessageChanges {
  const old = splitMessage(before.data);
  const now = splitMessage(after.data);
  return {
    meta: valueChanges(textsOf(before.meta), textsOf(after.meta)),
    headers:
      before.data === after.data ? [] : valueChanges(headersOf(old.head), headersOf(now.head)),
    sender: textChange('sender', before.sender, after.sender),
    recipients: textChange('recipients', before.recipients.join(', '), after.recipients.join(', ')),
    body: bodyChange(old.body, now.body),
  };
}

/** Both, one after the other. */
export function mergedChanges(first: MessageChanges, second: MessageChanges): MessageChanges {
  return {
    meta: mergedValues(first.meta, second.meta),
    headers: mergedValues(first.headers, second.headers),
    sender: mergedValue(first.sender, second.sender),
    recipients: mergedValue(first.recipients, second.recipients),
    body: second.body ?? first.body,
  };
}

/** Values by name, where they differ. */
export function valueChanges(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): ValueChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const from = before.get(name) ?? null;
    const to = after.get(name) ?? null;
    return from === to ? [] : [{ name, from, to }];
  });
}

/** Metadata as texts; null counts as absent. */
export function textsOf(meta: JsonObject): Map<string, string> {
  return new Map(
    Object.entries(meta)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, jsonText(value)]),
  );
}

export function jsonText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Header fields by lower-case name, unfolded; several of one name are lines of one text. */
export function headersOf(head: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = field.indexOf(':');
    if (colon < 1) continue;
    const name = field.slice(0, colon).trim();
    const key = [...fields.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
    const value = field.slice(colon + 1).trim();
    fields.set(key ?? name, key === undefined ? value : `${fields.get(key) ?? ''}\n${value}`);
  }
  return fields;
}

export function splitMessage(data: Uint8Array): { readonly head: string; readonly body: Buffer } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const crlf = bytes.indexOf('\r\n\r\n');
  const lf = bytes.indexOf('\n\n');
  const isCrlf = crlf >= 0 && (lf < 0 || crlf < lf);
  const end = isCrlf ? crlf : lf;
  if (end < 0) return { head: bytes.toString('utf8'), body: Buffer.alloc(0) };
  return { head: bytes.toString('utf8', 0, end), body: bytes.subarray(end + (isCrlf ? 4 : 2)) };
}

function bodyChange(before: Buffer, after: Buffer): MessageChanges['body'] {
  if (before.equals(after)) return null;
  const isShort = before.length <= DIFF_BYTES_MAX && after.length <= DIFF_BYTES_MAX;
  return {
    bytesBefore: before.length,
    bytesAfter: after.length,
    diff: isShort ? unifiedDiff(before.toString('utf8'), after.toString('utf8')) : '',
  };
}

function textChange(name: string, from: string, to: string): ValueChange | null {
  return from === to ? null : { name, from, to };
}

function mergedValue(first: ValueChange | null, second: ValueChange | null): ValueChange | null {
  return first && second
    ? textChange(first.name, first.from ?? '', second.to ?? '')
    : (second ?? first);
}

function mergedValues(
  first: readonly ValueChange[],
  second: readonly ValueChange[],
): ValueChange[] {
  const merged = new Map(first.map((change) => [change.name.toLowerCase(), change]));
  for (const change of second) {
    const key = change.name.toLowerCase();
    const { from } = merged.get(key) ?? change;
    if (from === change.to) merged.delete(key);
    else merged.set(key, { ...change, from });
  }
  return [...merged.values()];
}
