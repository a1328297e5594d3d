/**
 * Values that outlive the context they came from: what `kumo.memoize` caches and what lookup maps
 * hold. Scalars stay, tables become maps of the host, functions cannot be kept. A table comes back
 * to Lua as a `MemoizedTable`, whose changes belong to that one handle.
 *
 * Source: reference `lua-api.md` §3.3, §3.9, §12, §16.4.
 */
import type { UserdataType } from '../lua/host-function.ts';
import { HostClosure, HostObject, LUA_NULL, LuaFloat, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { isFunction, pairsOf } from './lua-data.ts';

/** A userdata that may be shared between contexts: lookup maps, shaping data. */
export abstract class ShareableObject extends HostObject {}

export type FrozenKey = string | number | bigint | boolean;
export type Frozen =
  | undefined
  | typeof LUA_NULL
  | boolean
  | number
  | bigint
  | LuaFloat
  | string
  | Uint8Array
  | ShareableObject
  | FrozenMap;
export type FrozenMap = ReadonlyMap<FrozenKey, Frozen>;

/** @throws {Error} when the value, or one inside it, cannot leave its context */
export function freeze(value: LuaValue): Frozen {
  if (value === undefined || value === null || isNotFinite(value)) return undefined;
  if (value === LUA_NULL || value instanceof LuaFloat || value instanceof Uint8Array) return value;
  if (typeof value !== 'object') return value;
  if (value instanceof MemoizedTable) return value.entries;
  if (value instanceof ShareableObject) return value;
  if (value instanceof HostObject) throw cannot(value.luaTypeName);
  if (value instanceof HostClosure || isFunction(value)) throw cannot('function');
  const pairs =
    value instanceof LuaTable
      ? pairsOf(value)
      : Array.isArray(value)
        ? value.map((item: LuaValue, i): [LuaValue, LuaValue] => [i + 1, item])
        : value instanceof Map
          ? [...(value as ReadonlyMap<LuaValue, LuaValue>)]
          : Object.entries(value);
  return new Map(pairs.map(([key, item]) => [frozenKey(key), freeze(item)]));
}

/** JSON, in which scalars are kept, has no such numbers. */
function isNotFinite(value: LuaValue): boolean {
  const number = value instanceof LuaFloat ? value.value : value;
  return typeof number === 'number' && !Number.isFinite(number);
}

function frozenKey(key: LuaValue): FrozenKey {
  if (typeof key === 'string') return key;
  if (typeof key === 'bigint' || (typeof key === 'number' && Number.isInteger(key))) return key;
  if (key instanceof Uint8Array) return Buffer.from(key).toString('utf8');
  throw cannot(`${typeof key === 'boolean' ? 'boolean' : 'number'} key`);
}

function cannot(what: string): Error {
  return new Error(`Cannot memoize a ${what}: it belongs to its Lua context, expected plain data`);
}

/** The Lua value of a frozen one; tables as fresh `MemoizedTable` handles. */
export function thaw(value: Frozen): LuaValue {
  return value instanceof Map ? new MemoizedTable(value as FrozenMap) : value;
}

export class MemoizedTable extends HostObject {
  readonly luaTypeName = 'MemoizedTable';
  #entries: FrozenMap;
  #isCopied = false;

  constructor(entries: FrozenMap) {
    super();
    this.#entries = entries;
  }

  get entries(): FrozenMap {
    return this.#entries;
  }

  get(key: LuaValue): LuaValue {
    // Unlike a table it does not take the float 1.0 for the integer 1.
    return thaw(this.#entries.get(key as FrozenKey));
  }

  /**
   * Copies on the first write, so that the cache and other handles keep theirs. A nil stays as an
   * entry: it reads as absent, but `#` counts it.
   */
  set(key: LuaValue, value: LuaValue): void {
    const copy = this.#isCopied
      ? (this.#entries as Map<FrozenKey, Frozen>)
      : new Map(this.#entries);
    copy.set(frozenKey(key), freeze(value));
    this.#entries = copy;
    this.#isCopied = true;
  }
}

export const MEMOIZED_TABLE_TYPE: UserdataType<MemoizedTable> = {
  name: 'MemoizedTable',
  class: MemoizedTable,
  // Having methods, however few, makes unknown members nil.
  methods: {},
  index: (table, key) => table.get(key),
  newIndex: (table, key, value) => table.set(key, value),
  length: (table) => table.entries.size,
  pairs: (table) => [...table.entries].map(([key, value]) => [key, thaw(value)] as const),
};
