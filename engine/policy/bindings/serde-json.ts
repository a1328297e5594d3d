/**
 * JSON as policies know it: comments allowed when reading, Lua's integer and float subtypes kept
 * in both directions, and the error texts of serde_json with line and column.
 *
 * Source: RFC 8259; serde_json 1, json_comments; reference `lua-api.md` §3.8.
 */
import type { LuaValue } from '../lua/lua-value.ts';
import { floatValue, integerValue } from './lua-data.ts';

const DEPTH_MAX = 128;

/**
 * The value of a JSON text, `null` as nil.
 *
 * @throws {Error} serde_json's text, e.g. `expected value at line 1 column 7`
 */
export function parseJson(text: string): LuaValue {
  return new JsonReader(stripComments(text)).read();
}

/** Blanks out line comments (two slashes or `#`) and block comments; positions stay. */
export function stripComments(text: string): string {
  return text.replace(
    /"(?:\\[\s\S]|[^"\\])*"|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g,
    (found) => (found.startsWith('"') ? found : found.replace(/[^\r\n]/g, ' ')),
  );
}

class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): LuaValue {
    const value = this.#value();
    if (this.#peek() !== undefined) throw this.#error('trailing characters');
    return value;
  }

  #value(): LuaValue {
    const next = this.#peek();
    if (next === undefined) throw this.#eof('value');
    if (next === '{') return this.#nested(() => this.#object());
    if (next === '[') return this.#nested(() => this.#array());
    if (next === '"') return this.#string();
    if (next === '-' || (next >= '0' && next <= '9')) return this.#number();
    if (next === 't') return this.#word('true', true);
    if (next === 'f') return this.#word('false', false);
    if (next === 'n') return this.#word('null', undefined);
    throw this.#error('expected value');
  }

  #nested(read: () => LuaValue): LuaValue {
    if (++this.#depth >= DEPTH_MAX) throw this.#error('recursion limit exceeded');
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): LuaValue {
    const map = new Map<LuaValue, LuaValue>();
    for (let isFirst = true; ; isFirst = false) {
      let next = this.#peek();
      if (next === '}') return this.#skip(map);
      if (!isFirst) {
        if (next === undefined) throw this.#eof('an object');
        if (next !== ',') throw this.#error('expected `,` or `}`');
        this.#at++;
        next = this.#peek();
        if (next === '}') throw this.#error('trailing comma');
      }
      if (next === undefined) throw this.#eof(isFirst ? 'an object' : 'value');
      if (next !== '"') throw this.#error('key must be a string');
      const key = this.#string();
      const colon = this.#peek();
      if (colon === undefined) throw this.#eof('an object');
      if (colon !== ':') throw this.#error('expected `:`');
      this.#at++;
      map.set(key, this.#value());
    }
  }

  #array(): LuaValue {
    const list: LuaValue[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const next = this.#peek();
      if (next === undefined) throw this.#eof('a list');
      if (next === ']') return this.#skip(list);
      if (!isFirst) {
        if (next !== ',') throw this.#error('expected `,` or `]`');
        this.#at++;
        if (this.#peek() === ']') throw this.#error('trailing comma');
      }
      list.push(this.#value());
    }
  }

  #skip(value: LuaValue): LuaValue {
    this.#at++;
    return value;
  }

  #word(word: string, value: LuaValue): LuaValue {
    for (const letter of word) {
      const found = this.#text[this.#at];
      if (found === undefined) throw this.#eof('value');
      if (found !== letter) throw this.#error('expected ident');
      this.#at++;
    }
    return value;
  }

  #number(): LuaValue {
    const match = /-?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d*)?/y;
    match.lastIndex = this.#at;
    const [text = '', whole, fraction, exponent] = match.exec(this.#text) ?? [];
    this.#at += text.length;
    const isCut =
      whole === undefined || fraction === '.' || (exponent !== undefined && !/\d/.test(exponent));
    if (isCut || (whole === '0' && /\d/.test(this.#text[this.#at] ?? ''))) {
      throw this.#text[this.#at] === undefined ? this.#eof('value') : this.#error('invalid number');
    }
    if (fraction === undefined && exponent === undefined) return integerOrFloat(text);
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#error('number out of range', 0);
    return floatValue(value);
  }

  #string(): string {
    this.#at++;
    let value = '';
    for (;;) {
      const start = this.#at;
      while (isPlain(this.#text.charCodeAt(this.#at))) this.#at++;
      value += this.#text.slice(start, this.#at);
      const stop = this.#text[this.#at];
      if (stop === undefined) throw this.#eof('a string');
      this.#at++;
      if (stop === '"') return value;
      if (stop !== '\\') {
        throw this.#error('control character (\\u0000-\\u001F) found while parsing a string', 0);
      }
      value += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at++];
    if (letter === undefined) throw this.#eof('a string');
    const plain = ESCAPES[letter];
    if (plain !== undefined) return plain;
    if (letter !== 'u') throw this.#error('invalid escape', 0);
    const first = this.#hex4();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    if (first > 0xdbff) throw this.#error('lone leading surrogate in hex escape', 0);
    if (this.#text.slice(this.#at, this.#at + 2) !== '\\u') {
      throw this.#error('unexpected end of hex escape');
    }
    this.#at += 2;
    const second = this.#hex4();
    if (second < 0xdc00 || second > 0xdfff) {
      throw this.#error('lone leading surrogate in hex escape', 0);
    }
    return String.fromCharCode(first, second);
  }

  #hex4(): number {
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (digits.length < 4) {
      this.#at = this.#text.length;
      throw this.#eof('a string');
    }
    this.#at += 4;
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#error('invalid escape', 0);
    return parseInt(digits, 16);
  }

  /** The next character that is not white space. */
  #peek(): string | undefined {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? 'x')) this.#at++;
    return this.#text[this.#at];
  }

  #eof(what: string): Error {
    return this.#error(`EOF while parsing ${what === 'value' ? 'a value' : what}`);
  }

  /** Columns count bytes, up to and including the offending character (`extra` 1). */
  #error(message: string, extra: 0 | 1 = 1): Error {
    const before = this.#text.slice(0, Math.min(this.#at + extra, this.#text.length));
    const lines = before.split('\n');
    const column = Buffer.byteLength(lines.at(-1) ?? '');
    return new Error(`${message} at line ${lines.length} column ${column}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

function isPlain(code: number): boolean {
  return code >= 0x20 && code !== 0x22 && code !== 0x5c;
}

function integerOrFloat(text: string): LuaValue {
  return text === '-0' ? floatValue(-0) : integerValue(BigInt(text));
}
