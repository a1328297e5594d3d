/**
 * Values across the bridge: pushes host values onto a Lua stack and reads Lua values as host values,
 * by the table in `lua-value.ts`. Raw accesses only, so nothing here runs Lua code.
 */
import { exactInteger, isJsonFloat } from '../../mail/json.ts';
import {
  LUA_TBOOLEAN,
  LUA_TFUNCTION,
  LUA_TLIGHTUSERDATA,
  LUA_TNIL,
  LUA_TNONE,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TTABLE,
  LUA_TUSERDATA,
  type LuaState,
} from './lua-abi.ts';
import type { LuaMachine } from './lua-machine.ts';
import type { LuaObjects } from './lua-objects.ts';
import {
  HostClosure,
  HostObject,
  LUA_NULL,
  LuaFloat,
  LuaTable,
  type LuaFunctionRef,
  type LuaValue,
} from './lua-value.ts';

/** Tables nested deeper than this are taken for a mistake. */
const DEPTH_MAX = 120;
const INTEGER_MAX = 2n ** 63n - 1n;
const INTEGER_MIN = -(2n ** 63n);

export class LuaValues {
  readonly #machine: LuaMachine;
  readonly #objects: LuaObjects;
  readonly #contextId: () => number;
  /** Registry reference of the array marker metatable. */
  readonly #arrayMarker: number;
  readonly #arrayMarkerPointer: number;

  constructor(machine: LuaMachine, L: LuaState, objects: LuaObjects, contextId: () => number) {
    this.#machine = machine;
    this.#objects = objects;
    this.#contextId = contextId;
    machine.lua.lua_createtable(L, 0, 1);
    machine.lua.lua_pushboolean(L, 0);
    machine.lua.lua_setfield(L, -2, machine.name('__metatable'));
    this.#arrayMarkerPointer = machine.lua.lua_topointer(L, -1);
    this.#arrayMarker = machine.ref(L);
  }

  push(L: LuaState, value: LuaValue, depth = 0): void {
    const { lua } = this.#machine;
    switch (typeof value) {
      case 'string':
        return this.#machine.pushString(L, value);
      case 'number':
        if (Number.isSafeInteger(value)) lua.lua_pushinteger(L, BigInt(value));
        else lua.lua_pushnumber(L, value);
        return;
      case 'boolean':
        return lua.lua_pushboolean(L, value ? 1 : 0);
      case 'undefined':
        return lua.lua_pushnil(L);
      case 'bigint':
        if (value >= INTEGER_MIN && value <= INTEGER_MAX) lua.lua_pushinteger(L, value);
        else lua.lua_pushnumber(L, Number(value));
        return;
      case 'symbol':
        return lua.lua_pushlightuserdata(L, 0);
      default:
        this.#pushObject(L, value, depth);
    }
  }

  #pushObject(
    L: LuaState,
    value: Exclude<LuaValue, string | number | boolean>,
    depth: number,
  ): void {
    const machine = this.#machine;
    if (value === null) return machine.lua.lua_pushnil(L);
    if (value instanceof HostObject) return this.#objects.push(L, value);
    if (value instanceof Uint8Array) return machine.pushBytes(L, value);
    if (value instanceof LuaFloat) return machine.lua.lua_pushnumber(L, value.value);
    if (isJsonFloat(value)) return machine.lua.lua_pushnumber(L, Number(value));
    const exact = exactInteger(value);
    if (exact !== undefined) return this.push(L, exact);
    if (value instanceof HostClosure) return this.#objects.pushClosure(L, value);
    if (depth > DEPTH_MAX) throw new Error('recursive table detected');
    if (machine.lua.lua_checkstack(L, 8) === 0) throw new Error('stack overflow');
    if (Array.isArray(value)) return this.#pushSequence(L, value, [], true, depth);
    if (value instanceof LuaTable) {
      return this.#pushSequence(L, value.sequence, value.entries, value.isArray, depth);
    }
    if (value instanceof Map) {
      return this.#pushSequence(L, [], [...value.entries()], false, depth);
    }
    if (isFunctionRef(value)) {
      if (value.contextId !== this.#contextId()) {
        throw new Error('Cannot pass a Lua function to another context');
      }
      machine.pushRef(L, value.ref);
      return;
    }
    this.#pushRecord(L, value as Readonly<Record<string, LuaValue>>, depth);
  }

  #pushSequence(
    L: LuaState,
    sequence: readonly LuaValue[],
    entries: readonly (readonly [LuaValue, LuaValue])[],
    isArray: boolean,
    depth: number,
  ): void {
    const { lua } = this.#machine;
    lua.lua_createtable(L, sequence.length, entries.length);
    for (let i = 0; i < sequence.length; i++) {
      this.push(L, sequence[i], depth + 1);
      lua.lua_rawseti(L, -2, BigInt(i + 1));
    }
    for (const [key, value] of entries) {
      if (key === undefined || key === null) continue;
      this.push(L, key, depth + 1);
      this.push(L, value, depth + 1);
      lua.lua_rawset(L, -3);
    }
    if (isArray) {
      this.#machine.pushRef(L, this.#arrayMarker);
      lua.lua_setmetatable(L, -2);
    }
  }

  #pushRecord(L: LuaState, record: Readonly<Record<string, LuaValue>>, depth: number): void {
    const { lua } = this.#machine;
    lua.lua_createtable(L, 0, 8);
    for (const key in record) {
      this.#machine.pushString(L, key);
      this.push(L, record[key], depth + 1);
      lua.lua_rawset(L, -3);
    }
  }

  /**
   * A deep copy of the value at `index`.
   * @param functions collects the functions met inside tables, which the caller releases
   * @throws {Error} `recursive table detected`
   */
  read(L: LuaState, index: number, functions: LuaFunctionRef[] | null = null): LuaValue {
    return this.#read(L, index, functions, null);
  }

  #read(
    L: LuaState,
    index: number,
    functions: LuaFunctionRef[] | null,
    path: number[] | null,
  ): LuaValue {
    const { lua } = this.#machine;
    const type = lua.lua_type(L, index);
    switch (type) {
      case LUA_TSTRING:
        return this.readString(L, index);
      case LUA_TNUMBER:
        return this.readNumber(L, index);
      case LUA_TBOOLEAN:
        return lua.lua_toboolean(L, index) !== 0;
      case LUA_TNIL:
      case LUA_TNONE:
        return undefined;
      case LUA_TUSERDATA:
        return this.#objects.at(L, index);
      case LUA_TTABLE:
        return this.#readTable(L, lua.lua_absindex(L, index), functions, path ?? []);
      case LUA_TFUNCTION: {
        const fn = this.functionRef(L, index);
        functions?.push(fn);
        return fn;
      }
      case LUA_TLIGHTUSERDATA:
        if (lua.lua_touserdata(L, index) === 0) return LUA_NULL;
        throw new Error('cannot serialize <lightuserdata>');
      default:
        throw new Error('cannot serialize <thread>');
    }
  }

  readString(L: LuaState, index: number): string | Uint8Array {
    const machine = this.#machine;
    const pointer = machine.lua.lua_tolstring(L, index, machine.out);
    const length = machine.u32[machine.out >> 2] ?? 0;
    return machine.text(pointer, length) ?? machine.copy(pointer, length);
  }

  readBytes(L: LuaState, index: number): Uint8Array {
    const machine = this.#machine;
    const pointer = machine.lua.lua_tolstring(L, index, machine.out);
    return machine.copy(pointer, machine.u32[machine.out >> 2] ?? 0);
  }

  readNumber(L: LuaState, index: number): number | bigint | LuaFloat {
    const { lua } = this.#machine;
    const value = lua.lua_tonumberx(L, index, 0);
    if (lua.lua_isinteger(L, index) === 0) {
      return Number.isInteger(value) ? new LuaFloat(value) : value;
    }
    if (Number.isSafeInteger(value)) return value;
    return lua.lua_tointegerx(L, index, 0);
  }

  /** A registry reference to the function at `index`. */
  functionRef(L: LuaState, index: number): LuaFunctionRef {
    this.#machine.lua.lua_pushvalue(L, index);
    return { kind: 'function', ref: this.#machine.ref(L), contextId: this.#contextId() };
  }

  isArray(L: LuaState, index: number): boolean {
    const { lua } = this.#machine;
    if (lua.lua_getmetatable(L, index) === 0) return false;
    const pointer = lua.lua_topointer(L, -1);
    this.#machine.pop(L, 1);
    return pointer === this.#arrayMarkerPointer;
  }

  #readTable(
    L: LuaState,
    index: number,
    functions: LuaFunctionRef[] | null,
    path: number[],
  ): LuaTable {
    const { lua } = this.#machine;
    const identity = lua.lua_topointer(L, index);
    if (path.length > DEPTH_MAX || path.includes(identity)) {
      throw new Error('recursive table detected');
    }
    if (lua.lua_checkstack(L, 6) === 0) throw new Error('stack overflow');
    path.push(identity);
    const length = Number(lua.lua_rawlen(L, index));
    const sequence = new Array<LuaValue>(length).fill(undefined);
    const entries: [LuaValue, LuaValue][] = [];
    lua.lua_pushnil(L);
    while (lua.lua_next(L, index) !== 0) {
      const key = this.#read(L, -2, functions, path);
      const value = this.#read(L, -1, functions, path);
      if (typeof key === 'number' && key >= 1 && key <= length && Number.isInteger(key)) {
        sequence[key - 1] = value;
      } else {
        entries.push([key, value]);
      }
      this.#machine.pop(L, 1);
    }
    path.pop();
    return new LuaTable(sequence, entries, this.isArray(L, index));
  }
}

export function isFunctionRef(value: LuaValue): value is LuaFunctionRef {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'function' &&
    'contextId' in value
  );
}
