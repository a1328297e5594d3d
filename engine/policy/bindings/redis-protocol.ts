/**
 * The Redis protocol: requests as arrays of bulk strings, replies of versions 2 and 3 read from a
 * growing buffer.
 *
 * Source: redis.io "Redis serialization protocol specification".
 */
import type { LuaValue } from '../lua/lua-value.ts';
import { floatValue, integerValue } from './lua-data.ts';

/** A reply may not be larger than this, nor nested deeper. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;
const DEPTH_MAX = 32;

/** What the server says went wrong; a value, because it answers one request of many. */
export class RedisFailure extends Error {}

export function encodeCommand(words: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.from(word);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

const INCOMPLETE = Symbol('incomplete');
type Parsed = { readonly value: LuaValue | RedisFailure; readonly end: number };

/** Takes replies off the front of what arrives. */
export class ReplyReader {
  #buffer: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    if (this.#buffer.length > REPLY_BYTES_MAX) {
      throw new Error(`Cannot read a reply: it is over ${REPLY_BYTES_MAX} bytes`);
    }
  }

  /** The next complete reply; `undefined` when more bytes are needed. */
  next(): { readonly value: LuaValue | RedisFailure } | undefined {
    const parsed = this.#parse(0, 0);
    if (parsed === INCOMPLETE) return undefined;
    this.#buffer = this.#buffer.subarray(parsed.end);
    return { value: parsed.value };
  }

  #parse(start: number, depth: number): Parsed | typeof INCOMPLETE {
    if (depth > DEPTH_MAX) throw new Error('Cannot read a reply: it is nested too deeply');
    const lineEnd = this.#buffer.indexOf('\r\n', start);
    if (lineEnd < 0) return INCOMPLETE;
    const kind = String.fromCharCode(this.#buffer[start] ?? 0);
    const line = this.#buffer.toString('utf8', start + 1, lineEnd);
    const end = lineEnd + 2;
    switch (kind) {
      case '+':
        return { value: line, end };
      case '-':
        return { value: new RedisFailure(line), end };
      case ':':
        return { value: integerValue(BigInt(line)), end };
      case '(':
        return { value: integerValue(BigInt(line)), end };
      case ',':
        return { value: floatValue(Number(line.replace(/^(-?)inf$/, '$1Infinity'))), end };
      case '#':
        return { value: line === 't', end };
      case '_':
        return { value: undefined, end };
      case '$':
      case '=':
      case '!':
        return this.#bulk(kind, Number(line), end);
      case '*':
      case '~':
      case '>':
        return this.#list(Number(line), end, depth);
      case '%':
        return this.#map(Number(line), end, depth);
      default:
        throw new Error(`Cannot read a reply: it begins with ${JSON.stringify(kind)}`);
    }
  }

  #bulk(kind: string, length: number, start: number): Parsed | typeof INCOMPLETE {
    if (length < 0) return { value: undefined, end: start };
    const end = start + length + 2;
    if (this.#buffer.length < end) return INCOMPLETE;
    const bytes = Buffer.from(this.#buffer.subarray(start, start + length));
    if (kind === '!') return { value: new RedisFailure(bytes.toString('utf8')), end };
    // `=` carries the format in front: `txt:`.
    return { value: kind === '=' ? bytes.subarray(4) : bytes, end };
  }

  #list(count: number, start: number, depth: number): Parsed | typeof INCOMPLETE {
    if (count < 0) return { value: undefined, end: start };
    const items: LuaValue[] = [];
    let at = start;
    for (let i = 0; i < count; i++) {
      const item = this.#parse(at, depth + 1);
      if (item === INCOMPLETE) return INCOMPLETE;
      if (item.value instanceof RedisFailure) return { value: item.value, end: item.end };
      items.push(item.value);
      at = item.end;
    }
    return { value: items, end: at };
  }

  #map(count: number, start: number, depth: number): Parsed | typeof INCOMPLETE {
    const list = this.#list(count * 2, start, depth);
    if (list === INCOMPLETE || !Array.isArray(list.value)) return list;
    const items = list.value as LuaValue[];
    const map = new Map<LuaValue, LuaValue>();
    for (let i = 0; i + 1 < items.length; i += 2) map.set(asKey(items[i]), items[i + 1]);
    return { value: map, end: list.end };
  }
}

/** Byte strings that are text, so that Lua's keys are equal. */
function asKey(value: LuaValue): LuaValue {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value;
}
