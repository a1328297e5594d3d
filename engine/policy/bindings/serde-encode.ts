/**
 * Lua data on its way into a text format: userdata materialised, nil and NULL told apart from
 * absence, lists told from maps, keys as texts. The JSON writer is here because it is this tree
 * written out; TOML and YAML have files of their own.
 *
 * Source: reference `lua-api.md` §0.3–0.4, §3.8; serde_json's layout, ryu's float format.
 */
import { HostClosure, HostObject, LUA_NULL, LuaFloat, LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { bytesOf, isFunction, isList, pairsOf } from './lua-data.ts';

/** A value that every format can write. Numbers are integers unless they have a fraction. */
export type Tree =
  | null
  | boolean
  | number
  | bigint
  | LuaFloat
  | string
  | readonly Tree[]
  | ReadonlyMap<string, Tree>;

/** The pairs behind a userdata, or `undefined` when its type has no `__pairs`. */
export type Materialize = (
  object: HostObject,
) => readonly (readonly [LuaValue, LuaValue])[] | undefined;

/** @throws {Error} `cannot serialize <function>`, or what the type of a userdata lacks */
export function treeOf(value: LuaValue, materialize: Materialize): Tree {
  if (value === undefined || value === null || value === LUA_NULL) return null;
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint') {
    return value;
  }
  if (value instanceof LuaFloat || typeof value === 'string') return value;
  // serde writes a string that is not UTF-8 as its bytes.
  if (value instanceof Uint8Array) return [...value];
  if (isFunction(value) || value instanceof HostClosure)
    throw new Error('cannot serialize <function>');
  if (value instanceof LuaTable) {
    if (isList(value)) return value.sequence.map((item) => treeOf(item, materialize));
    return mapTree(pairsOf(value), materialize);
  }
  if (value instanceof HostObject) return userdataTree(value, materialize);
  if (Array.isArray(value)) {
    return (value as readonly LuaValue[]).map((item) => treeOf(item, materialize));
  }
  const pairs =
    value instanceof Map ? [...(value as Map<LuaValue, LuaValue>)] : Object.entries(value);
  return mapTree(pairs, materialize);
}

function userdataTree(object: HostObject, materialize: Materialize): Tree {
  const pairs = materialize(object);
  if (!pairs) {
    throw new Error(
      `cannot materialize_to_lua_value ${object.luaTypeName} because it has no __pairs metamethod`,
    );
  }
  // As a Lua table of these pairs would be: a list when it has a sequence part.
  const present = pairs.filter(([, item]) => item !== undefined);
  const byKey = new Map(present);
  const sequence: LuaValue[] = [];
  while (byKey.has(sequence.length + 1)) sequence.push(byKey.get(sequence.length + 1));
  if (sequence.length > 0) return sequence.map((item) => treeOf(item, materialize));
  return mapTree(present, materialize);
}

function mapTree(
  pairs: readonly (readonly [LuaValue, LuaValue])[],
  materialize: Materialize,
): ReadonlyMap<string, Tree> {
  return new Map(pairs.map(([key, item]) => [keyText(key), treeOf(item, materialize)]));
}

function keyText(key: LuaValue): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'boolean' || typeof key === 'bigint') return String(key);
  if (typeof key === 'number' || key instanceof LuaFloat) return numberText(key);
  const bytes = bytesOf(key);
  if (bytes) return Buffer.from(bytes).toString('utf8');
  throw new Error('key must be a string');
}

/** Compact JSON, keys in the order of the tree. */
export function writeJson(tree: Tree): string {
  if (tree === null) return 'null';
  if (typeof tree === 'string') return JSON.stringify(tree);
  if (typeof tree === 'boolean') return String(tree);
  if (isNumber(tree)) return jsonNumber(tree);
  if (isTreeList(tree)) return `[${tree.map(writeJson).join(',')}]`;
  const pairs = [...tree].map(([key, item]) => `${JSON.stringify(key)}:${writeJson(item)}`);
  return `{${pairs.join(',')}}`;
}

/** JSON in lines of two blanks, keys sorted. */
export function writePrettyJson(tree: Tree, indent = ''): string {
  if (tree === null || typeof tree !== 'object' || tree instanceof LuaFloat) return writeJson(tree);
  const inner = `${indent}  `;
  const lines = isTreeList(tree)
    ? tree.map((item) => writePrettyJson(item, inner))
    : sortedPairs(tree).map(
        ([key, item]) => `${JSON.stringify(key)}: ${writePrettyJson(item, inner)}`,
      );
  const [open, close] = isTreeList(tree) ? ['[', ']'] : ['{', '}'];
  if (lines.length === 0) return `${open}${close}`;
  return `${open}\n${inner}${lines.join(`,\n${inner}`)}\n${indent}${close}`;
}

/** Pairs ordered by the bytes of their keys, as Rust's BTreeMap does. */
export function sortedPairs<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export function isTreeList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

export function isNumber(tree: Tree): tree is number | bigint | LuaFloat {
  return typeof tree === 'number' || typeof tree === 'bigint' || tree instanceof LuaFloat;
}

function jsonNumber(value: number | bigint | LuaFloat): string {
  const float = value instanceof LuaFloat ? value.value : Number(value);
  return Number.isFinite(float) ? numberText(value) : 'null';
}

/**
 * A number the way ryu prints it: integers as they are, floats with the shortest digits that read
 * back, plain from 1e-5 up to 1e16, else with an exponent.
 */
export function numberText(value: number | bigint | LuaFloat): string {
  const isFloat =
    value instanceof LuaFloat || (typeof value === 'number' && !Number.isInteger(value));
  if (!isFloat) return String(value);
  const float = value instanceof LuaFloat ? value.value : value;
  if (Object.is(float, -0)) return '-0.0';
  if (float === 0) return '0.0';
  if (!Number.isFinite(float)) return Number.isNaN(float) ? 'NaN' : float > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponentText = '0'] = float.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= -5 && exponent < 16) {
    const plain = plainDecimal(mantissa, exponent);
    return plain.includes('.') ? plain : `${plain}.0`;
  }
  return `${mantissa}e${exponent}`;
}

/** `mantissa × 10^exponent` without an exponent. */
export function plainDecimal(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  const point = whole.length + exponent;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${'0'.repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
