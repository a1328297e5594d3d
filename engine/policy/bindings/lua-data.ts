/**
 * Shapes of Lua data that several groups of bindings read and write: numbers that keep their
 * subtype, tables as lists or maps, and texts that may be bytes.
 *
 * Source: reference `lua-api.md` §0.3–0.5.
 */
import { HostObject, LUA_NULL, LuaFloat, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { coercedText } from '../lua/number-text.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A float for Lua, also when its value is integral. */
export function floatValue(value: number): number | LuaFloat {
  return Number.isInteger(value) ? new LuaFloat(value) : value;
}

/** An integer for Lua; beyond 64 bits signed it becomes a float, as in KumoMTA. */
export function integerValue(value: bigint): number | bigint | LuaFloat {
  if (value < INT64_MIN || value > INT64_MAX) return floatValue(Number(value));
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value;
}

/** The JavaScript number behind an integer or a float; `undefined` for anything else. */
export function numberOf(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof LuaFloat ? value.value : undefined;
}

/** Whether the value is of Lua's integer subtype. */
export function isInteger(value: LuaValue): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

/** nil, or the NULL that stands for an absent value. */
export function isAbsent(value: LuaValue): value is undefined | null | typeof LUA_NULL {
  return value === undefined || value === null || value === LUA_NULL;
}

/** The text of a string, invalid UTF-8 replaced; `undefined` for anything else. */
export function textOf(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
}

/** The bytes of a string; `undefined` for anything else. */
export function bytesOf(value: LuaValue): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  return value instanceof Uint8Array ? value : undefined;
}

/** Whether a table counts as a list: it has a sequence part, or carries the array marker. */
export function isList(table: LuaTable): boolean {
  return table.sequence.length > 0 || table.isArray;
}

/** Every pair of a table in iteration order, the sequence part first. */
export function pairsOf(table: LuaTable): [LuaValue, LuaValue][] {
  return [
    ...table.sequence.map((value, index): [LuaValue, LuaValue] => [index + 1, value]),
    ...table.entries,
  ];
}

/** What Rust calls the value's type in `cannot serialize <…>` and in type errors. */
export function luaTypeName(value: LuaValue): string {
  if (isAbsent(value)) return 'nil';
  if (typeof value === 'boolean') return 'boolean';
  if (isInteger(value)) return 'integer';
  if (numberOf(value) !== undefined) return 'number';
  if (bytesOf(value) !== undefined) return 'string';
  if (value instanceof HostObject) return 'userdata';
  return isFunction(value) ? 'function' : 'table';
}

export function isFunction(value: LuaValue): boolean {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'function'
  );
}

/** Pairs of texts out of a table, nil as nothing. */
export function textPairs(value: LuaValue): [string, string][] {
  if (isAbsent(value)) return [];
  if (!(value instanceof LuaTable)) throw new Error('invalid type: expected a table of strings');
  return pairsOf(value).map(([key, item]) => {
    const [name, text] = [coercedText(key) ?? textOf(key), coercedText(item) ?? textOf(item)];
    if (name !== undefined && text !== undefined) return [name, text];
    throw new Error(`invalid value for ${String(key)}: expected a string`);
  });
}
