/**
 * Lua values as JSON: metadata that scripts set, keys of memoized calls, and the
 * `while processing <json>` of error texts. Tables follow mlua's rule: a sequence part or the array
 * marker makes a list, anything else an object.
 *
 * Source: reference `lua-api.md` §0.4.
 */
import {
  exactInteger,
  isBoxed,
  isJsonFloat,
  jsonFloat,
  jsonInteger,
  type JsonObject,
  type JsonValue,
} from '../mail/json.ts';
import { invalidType, isSequence, mluaType, tableOf } from './config-serde.ts';
import { LUA_NULL, LuaFloat, type LuaValue } from './lua/lua-value.ts';

/**
 * @throws {Error} `cannot serialize <function>` for what JSON cannot hold
 */
export function luaToJson(value: LuaValue, bytesToJson = refuseBytes): JsonValue {
  if (value === undefined || value === null || value === LUA_NULL) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return jsonInteger(value);
  if (value instanceof LuaFloat)
    return Number.isFinite(value.value) ? jsonFloat(value.value) : null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Uint8Array) return bytesToJson(value);
  const table = tableOf(value);
  if (!table) throw new Error(`cannot serialize <${mluaType(value)}>`);
  if (isSequence(table)) return table.sequence.map((item) => luaToJson(item, bytesToJson));
  const object: JsonObject = {};
  for (const [key, item] of table.entries) {
    if (item !== undefined) object[keyText(key)] = luaToJson(item, bytesToJson);
  }
  return object;
}

/** As metadata keeps a value: text that is not UTF-8 is the list of its bytes. */
export function luaToMeta(value: LuaValue): JsonValue {
  return luaToJson(value, (bytes) => [...bytes]);
}

function refuseBytes(bytes: Uint8Array): JsonValue {
  throw new Error(`deserialize error: ${invalidType(bytes, 'any valid JSON value').message}`);
}

/** JSON for Lua with NULL where JSON has null; without this, null becomes nil. */
export function jsonWithNulls(value: JsonValue): LuaValue {
  if (value === null) return LUA_NULL;
  if (Array.isArray(value)) return value.map(jsonWithNulls);
  if (typeof value !== 'object' || isBoxed(value)) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, jsonWithNulls(item)]));
}

/** JSON as a script could have given it: `luaToJson` undone, for what reads Lua values. */
export function jsonToLua(value: JsonValue): LuaValue {
  if (typeof value !== 'object' || value === null) return value;
  if (isJsonFloat(value)) return new LuaFloat(Number(value));
  const exact = exactInteger(value);
  if (exact !== undefined) return exact;
  if (Array.isArray(value)) return value.map(jsonToLua);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonToLua(item)]));
}

/** Compact JSON text that keeps integers and floats apart; for error texts and cache keys. */
export function luaJsonText(value: LuaValue): string {
  if (value === undefined || value === null || value === LUA_NULL) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof LuaFloat) return floatText(value.value);
  if (isBoxed(value)) return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('utf8'));
  const table = tableOf(value);
  if (!table) throw new Error(`cannot serialize <${mluaType(value)}>`);
  if (isSequence(table)) return `[${table.sequence.map(luaJsonText).join(',')}]`;
  const pairs = table.entries
    .filter(([, item]) => item !== undefined)
    .map(([key, item]): [string, string] => [JSON.stringify(keyText(key)), luaJsonText(item)]);
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, item]) => `${key}:${item}`).join(',')}}`;
}

function floatText(value: number): string {
  const plain = String(value);
  return /^-?\d+$/.test(plain) ? `${plain}.0` : plain;
}

function keyText(key: LuaValue): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  if (typeof key === 'boolean') return String(key);
  throw new Error(`deserialize error: ${invalidType(key, 'a string').message}`);
}
