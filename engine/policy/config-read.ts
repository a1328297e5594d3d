/**
 * The door through which a policy's tables come in: reads one by its shape, tries again with userdata
 * spelled out (a memoized table is one), and words the error as KumoMTA does.
 *
 * Source: reference `lua-api.md` §0.3.
 */
import { SerdeError, tableOf, type Mode, type Shape } from './config-serde.ts';
import { HostObject, LuaTable, type LuaValue } from './lua/lua-value.ts';
import { luaJsonText } from './lua-json.ts';

/** Spells out a userdata as a table; undefined when it has no pairs. */
export type PairsOf = (
  object: HostObject,
) => readonly (readonly [LuaValue, LuaValue])[] | undefined;

/**
 * Reads a parameter table.
 *
 * @param pairsOf how userdata in the table are spelled out
 * @param fields whether the fields go through serde's buffer (structs with flattened parts)
 * @throws {Error} `deserialize error: <what is wrong>, while processing <json>`
 */
export function deserialize<T>(
  shape: Shape<T>,
  value: LuaValue,
  pairsOf: PairsOf,
  fields: Mode = 'direct',
): T {
  try {
    return readAs(shape, value, fields);
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
  }
  const plain = materialize(value, pairsOf);
  try {
    return readAs(shape, plain, fields);
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
    throw new Error(`deserialize error: ${error.message}, while processing ${jsonOrNote(plain)}`, {
      cause: error,
    });
  }
}

/** Like `deserialize`, for the few functions that read without spelling out. */
export function deserializeRaw<T>(shape: Shape<T>, value: LuaValue): T {
  try {
    return readAs(shape, value, 'direct');
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
    throw new Error(`deserialize error: ${error.message}`, { cause: error });
  }
}

function readAs<T>(shape: Shape<T>, value: LuaValue, fields: Mode): T {
  // What is not a table at all is refused by mlua, before serde's buffer.
  return shape.read(value, tableOf(value) ? fields : 'direct');
}

function jsonOrNote(value: LuaValue): string {
  try {
    return luaJsonText(value);
  } catch (error) {
    return `<${(error as Error).message}>`;
  }
}

export function materialize(value: LuaValue, pairsOf: PairsOf): LuaValue {
  if (value instanceof LuaTable) {
    return new LuaTable(
      value.sequence.map((item) => materialize(item, pairsOf)),
      value.entries.map(([key, item]) => [key, materialize(item, pairsOf)]),
      value.isArray,
    );
  }
  if (!(value instanceof HostObject)) return value;
  const pairs = pairsOf(value);
  if (!pairs) {
    throw new Error(
      `cannot materialize_to_lua_value ${value.luaTypeName} because it has no __pairs metamethod`,
    );
  }
  const present = pairs.filter(([, item]) => item !== undefined);
  return tableFromPairs(present.map(([key, item]) => [key, materialize(item, pairsOf)]));
}

/** A table from loose pairs: what counts up from 1 is its sequence part. */
function tableFromPairs(pairs: readonly (readonly [LuaValue, LuaValue])[]): LuaTable {
  const numbered = new Map(pairs.filter(([key]) => typeof key === 'number'));
  const sequence: LuaValue[] = [];
  for (let next = numbered.get(1); next !== undefined; next = numbered.get(sequence.length + 1)) {
    sequence.push(next);
  }
  const rest = pairs.filter(([key]) => !(typeof key === 'number' && key <= sequence.length));
  return new LuaTable(
    sequence,
    rest.map(([key, item]) => [key, item]),
    false,
  );
}
