/**
 * Errors on their way through the bridge, in both directions.
 *
 * Host to Lua: a thrown `Error` becomes a `RaisedError` userdata, so `pcall` sees a userdata with
 * `__tostring` and `error(e)` passes the same object on. Lua to host: whatever a chunk raised
 * becomes a `LuaError`; the host error at its bottom, a reject for instance, stays reachable as `root`.
 *
 * Source: reference `lua-api.md` §0.6, §16 no. 5.
 */
import { HostObject } from './lua-value.ts';

/** Where in the policy something happened. */
export interface LuaPlace {
  readonly file: string;
  readonly line: number;
}

/** What a Lua call raised. `message` is the text KumoMTA logs, `stack traceback:` included. */
export class LuaError extends Error {
  /** The host error that started it, if it was not Lua code; never a `LuaError`. */
  readonly root: Error | null;
  readonly place: LuaPlace | null;

  constructor(message: string, root: Error | null, place: LuaPlace | null) {
    super(message, root ? { cause: root } : undefined);
    this.name = 'LuaError';
    this.root = root;
    this.place = place;
  }
}

/**
 * The machine is in an unknown state, or was stopped on purpose: nothing in Lua may catch this and
 * the context is not used again.
 */
export class LuaFatalError extends Error {
  readonly place: LuaPlace | null;

  constructor(message: string, place: LuaPlace | null, cause?: unknown) {
    super(message, { cause });
    this.name = 'LuaFatalError';
    this.place = place;
  }
}

/**
 * Raised as an ordinary Lua string error, the way Lua's own libraries do it, with the caller's
 * position in front.
 */
export class LibraryError extends Error {
  readonly position: 'with-position' | 'bare';

  constructor(message: string, position: 'with-position' | 'bare' = 'with-position') {
    super(message);
    this.name = 'LibraryError';
    this.position = position;
  }
}

/** A host error as Lua holds it. */
export class RaisedError extends HostObject {
  readonly luaTypeName = 'error';
  readonly error: Error;
  readonly traceback: string;

  constructor(error: Error, traceback: string) {
    super();
    this.error = error;
    this.traceback = traceback;
  }

  get text(): string {
    return `${this.error.message.trimEnd()}\n${this.traceback.trimEnd()}\n`;
  }

  /** The innermost host error, however often Lua and host passed it on. */
  get root(): Error {
    return this.error instanceof LuaError ? (this.error.root ?? this.error) : this.error;
  }
}

/** The part of an error text before the traceback. */
export function withoutTraceback(text: string): string {
  const at = text.indexOf('\nstack traceback:');
  return at < 0 ? text : text.slice(0, at);
}

/** Rust's description of the first byte sequence that is not UTF-8. */
export function utf8Problem(bytes: Uint8Array): string {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i);
    if (length > 0) {
      i += length;
      continue;
    }
    const bad = -length;
    if (bad === 0) return `incomplete utf-8 byte sequence from index ${i}`;
    return `invalid utf-8 sequence of ${bad} bytes from index ${i}`;
  }
  return 'valid utf-8';
}

/** Bytes of the character at `i`; 0 when the input ends inside it, else minus the bad bytes. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const lead = bytes[i] ?? 0;
  if (lead < 0x80) return 1;
  const size = lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) === 0xe0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (size === 0 || lead < 0xc2) return -1;
  for (let k = 1; k < size; k++) {
    const next = bytes[i + k];
    if (next === undefined) return 0;
    const [low, high] = k === 1 ? secondByteRange(lead) : [0x80, 0xbf];
    if (next < low || next > high) return -k;
  }
  return size;
}

function secondByteRange(lead: number): [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  if (lead === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}
