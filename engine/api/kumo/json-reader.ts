/**
 * JSON read straight into the shape that is wanted, with the complaints of KumoMTA's reader: what
 * is wrong, under which path, at which line and column. A malformed text and a text of the wrong
 * shape are told apart, because clients get 400 for one and 422 for the other.
 *
 * Bytes are read in order, so the first thing that is wrong is what is reported.
 *
 * Source: serde_json's error texts and positions; recorded scenario `http-inject-errors`.
 */
import { isUtf8 } from 'node:buffer';
import { describeNumber, jsonNumber } from '../../mail/json.ts';
import type { JsonValue } from '../../mail/json.ts';

export class JsonFault extends Error {
  /** `syntax` for a text that is no JSON or ends early, `data` for JSON of another shape. */
  readonly kind: 'syntax' | 'data';
  /** The complaint without its place. */
  readonly reason: string;

  constructor(kind: 'syntax' | 'data', reason: string, place: string, path: string) {
    super(`${path === '' ? '' : `${path}: `}${reason} at ${place}`);
    this.name = 'JsonFault';
    this.kind = kind;
    this.reason = reason;
  }
}

/** Reads one value of a type. */
export type Shape<T> = (reader: JsonReader) => T;

/** @throws {JsonFault} */
export function readJson<T>(bytes: Uint8Array, shape: Shape<T>): T {
  const reader = new JsonReader(bytes);
  const value = shape(reader);
  reader.expectEnd();
  return value;
}

const DEPTH_MAX = 128;
const QUOTE = 34;
const BACKSLASH = 92;

export class JsonReader {
  readonly #bytes: Buffer;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next character that is not white space; `''` at the end. */
  peek(): string {
    while (' \n\t\r'.includes(this.#char()) && this.#at < this.#bytes.length) this.#at++;
    return this.#char();
  }

  #char(): string {
    const byte = this.#bytes[this.#at];
    return byte === undefined ? '' : String.fromCharCode(byte);
  }

  expectEnd(): void {
    if (this.peek() !== '') throw this.#peeked('trailing characters');
  }

  /** Runs `read` with a step of the path, which stays in the path when it fails. */
  within<T>(step: string | number, read: () => T): T {
    this.#path.push(step);
    const value = read();
    this.#path.pop();
    return value;
  }

  /** Reads the entries of an object; `entry` reads the value after each key. */
  object(entry: (key: string) => void, expected: string): void {
    this.#open('{', expected);
    for (let isFirst = true; ; isFirst = false) {
      let next = this.peek();
      if (next === '}') break;
      if (next === '') throw this.#peeked('EOF while parsing an object');
      if (!isFirst) {
        if (next !== ',') throw this.#peeked('expected `,` or `}`');
        this.#at++;
        next = this.peek();
        if (next === '}') throw this.#peeked('trailing comma');
        if (next === '') throw this.#peeked('EOF while parsing a value');
      }
      if (next !== '"') throw this.#peeked('key must be a string');
      const key = this.#string();
      this.within(key, () => entry(key));
    }
    this.#close();
  }

  /** Reads the `:` between a key and its value. */
  colon(): void {
    const next = this.peek();
    if (next === '') throw this.#peeked('EOF while parsing an object');
    if (next !== ':') throw this.#peeked('expected `:`');
    this.#at++;
  }

  list(item: (index: number) => void): void {
    this.#open('[', 'a sequence');
    for (let index = 0; ; index++) {
      const next = this.peek();
      if (next === ']') break;
      if (next === '') throw this.#peeked('EOF while parsing a list');
      if (index > 0) {
        if (next !== ',') throw this.#peeked('expected `,` or `]`');
        this.#at++;
        if (this.peek() === ']') throw this.#peeked('trailing comma');
      }
      this.within(index, () => item(index));
    }
    this.#close();
  }

  /** Reads at most `count` items of a list, which has to end behind them; how many there were. */
  listOfAtMost(count: number, item: (index: number) => void): number {
    this.#open('[', 'a sequence');
    let index = 0;
    for (; index < count && this.peek() !== ']'; index++) {
      if (index > 0) {
        if (this.peek() !== ',') throw this.#peeked('expected `,` or `]`');
        this.#at++;
      }
      const step = index;
      this.within(step, () => item(step));
    }
    if (this.peek() === '') throw this.#peeked('EOF while parsing a list');
    if (this.peek() !== ']') throw this.#peeked('trailing characters');
    this.#close();
    return index;
  }

  #open(bracket: '{' | '[', expected: string): void {
    if (this.peek() !== bracket) throw this.wrongType(expected);
    if (++this.#depth > DEPTH_MAX) throw this.#peeked('recursion limit exceeded');
    this.#at++;
  }

  #close(): void {
    this.#depth--;
    this.#at++;
  }

  text(): string {
    if (this.peek() !== '"') throw this.wrongType('a string');
    return this.#string();
  }

  boolean(): boolean {
    const value = 'tf'.includes(this.peek() || '-') ? this.scalar() : undefined;
    if (typeof value === 'boolean') return value;
    throw this.wrongType('a boolean');
  }

  /** Skips `null`; false when something else is next. */
  skipNull(): boolean {
    if (this.peek() !== 'n') return false;
    this.scalar();
    return true;
  }

  /** A string, number, boolean or null. */
  scalar(): string | number | boolean | null {
    const next = this.peek();
    if (next === '"') return this.#string();
    if (next === 't') return this.#word('true', true);
    if (next === 'f') return this.#word('false', false);
    if (next === 'n') return this.#word('null', null);
    if (next === '-' || (next >= '0' && next <= '9')) return this.#number();
    throw this.#peeked(next === '' ? 'EOF while parsing a value' : 'expected value');
  }

  #word<T>(word: string, value: T): T {
    for (const c of word) {
      if (this.#char() !== c) {
        throw this.#peeked(this.#char() === '' ? 'EOF while parsing a value' : 'expected ident');
      }
      this.#at++;
    }
    return value;
  }

  #number(): number {
    const rest = this.#bytes.toString('latin1', this.#at, this.#at + 4096);
    const match = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(rest);
    const text = match?.[0] ?? '';
    this.#at += text.length;
    if (text === '' || /^[\d.eE+-]/.test(this.#char())) {
      throw this.#peeked(this.#char() === '' ? 'EOF while parsing a value' : 'invalid number');
    }
    if (!Number.isFinite(Number(text))) throw this.#error('number out of range');
    return jsonNumber(text);
  }

  #string(): string {
    const start = ++this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw this.#error('EOF while parsing a string');
      if (byte === QUOTE) break;
      if (byte < 32) {
        this.#at++;
        throw this.#error('control character (\\u0000-\\u001F) found while parsing a string');
      }
      this.#at += byte === BACKSLASH ? 2 : 1;
    }
    const bytes = this.#bytes.subarray(start, this.#at++);
    if (!isUtf8(bytes)) throw this.#error('invalid unicode code point');
    const raw = bytes.toString('utf8');
    return raw.includes('\\') ? this.#unescaped(raw, start) : raw;
  }

  #unescaped(raw: string, start: number): string {
    let value: string;
    try {
      value = JSON.parse(`"${raw}"`) as string;
    } catch {
      throw this.#error('invalid escape');
    }
    if (value.isWellFormed()) return value;
    const { reason, end } = halfPair(raw);
    this.#at = start + Buffer.byteLength(`${raw}"`.slice(0, end));
    throw this.#error(reason);
  }

  /** Any JSON value; `1.0` stays a float. */
  any(): JsonValue {
    const next = this.peek();
    if (next === '[') {
      const items: JsonValue[] = [];
      this.list(() => items.push(this.any()));
      return items;
    }
    if (next !== '{') return this.scalar();
    const entries: [string, JsonValue][] = [];
    this.object((key) => {
      this.colon();
      entries.push([key, this.any()]);
    }, 'a map');
    return Object.fromEntries(entries);
  }

  /** Tries several shapes on the same value; none of them fitting is one complaint. */
  oneOf<T>(shapes: readonly Shape<T>[], complaint: string): T {
    this.peek();
    const start = this.#at;
    const depth = this.#depth;
    const path = [...this.#path];
    for (const shape of shapes) {
      try {
        return shape(this);
      } catch (error) {
        if (!(error instanceof JsonFault)) throw error;
        this.#at = start;
        this.#depth = depth;
        this.#path.splice(0, Infinity, ...path);
        if (error.kind === 'syntax') break;
      }
    }
    this.any();
    throw this.data(complaint);
  }

  /** The value that is next is of another type than `expected`. */
  wrongType(expected: string): JsonFault {
    const next = this.peek();
    if (next === '[') return this.data(`invalid type: sequence, expected ${expected}`);
    if (next === '{') return this.data(`invalid type: map, expected ${expected}`);
    const found = describeScalar(this.scalar());
    return this.data(`invalid type: ${found}, expected ${expected}`);
  }

  /** A complaint about the data, at the place where reading stands. */
  data(reason: string): JsonFault {
    return new JsonFault('data', reason, this.#place(this.#at), this.#pathText());
  }

  #error(reason: string): JsonFault {
    return new JsonFault('syntax', reason, this.#place(this.#at), this.#pathText());
  }

  /** A complaint about the character that is next. */
  #peeked(reason: string): JsonFault {
    const at = Math.min(this.#bytes.length, this.#at + 1);
    return new JsonFault('syntax', reason, this.#place(at), this.#pathText());
  }

  #place(at: number): string {
    const before = this.#bytes.subarray(0, at);
    const lineStart = before.lastIndexOf(10) + 1;
    let line = 1;
    for (const byte of before.subarray(0, lineStart)) if (byte === 10) line++;
    return `line ${line} column ${at - lineStart}`;
  }

  #pathText(): string {
    return this.#path
      .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
      .join('');
  }
}

/** What serde_json says of the first half of a surrogate pair, and where it notices. */
function halfPair(raw: string): { reason: string; end: number } {
  const lone = 'lone leading surrogate in hex escape';
  const cut = 'unexpected end of hex escape';
  let lead: number | null = null;
  for (const { index, 0: escape, 1: digits } of raw.matchAll(/\\(?:u([0-9a-f]{4})|[^u])/gi)) {
    const code = digits === undefined ? 0 : parseInt(digits, 16);
    const isTrail = code >= 0xdc00 && code <= 0xdfff;
    const end = index + escape.length;
    if (lead !== null && index > lead) return { reason: cut, end: lead + 1 };
    if (lead !== null && digits === undefined) return { reason: cut, end };
    if ((lead === null) === isTrail) return { reason: lone, end };
    lead = code >= 0xd800 && code <= 0xdbff ? end : null;
  }
  return { reason: cut, end: (lead ?? raw.length) + 1 };
}

function describeScalar(value: string | number | boolean | null): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`;
  return describeNumber(value) ?? `boolean \`${value}\``;
}
