/**
 * Authentication results on their way into Lua and back: `msg:dkim_verify` returns a list of these
 * tables, `msg:add_authentication_results` and `kumo.dmarc.check_msg` take it.
 *
 * Source: reference `lua-api.md` §4.1.
 */
import { LuaTable } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { isAbsent, numberOf, pairsOf, textOf } from './lua-data.ts';
import type { AuthenticationResult } from './mail-auth.ts';

export function resultForLua(result: AuthenticationResult): LuaValue {
  return {
    method: result.method,
    method_version: result.methodVersion,
    result: result.result,
    reason: result.reason,
    props: result.props,
  };
}

/** @throws {Error} `deserialize error: …` when the value is not such a table */
export function resultFromLua(value: LuaValue): AuthenticationResult {
  if (!(value instanceof LuaTable)) {
    throw new Error('deserialize error: invalid type, expected an authentication result');
  }
  const required = (name: string): string => {
    const text = textOf(value.get(name));
    if (text === undefined) throw new Error(`deserialize error: missing field \`${name}\``);
    return text;
  };
  const props = value.get('props');
  const pairs = props instanceof LuaTable ? pairsOf(props) : [];
  return {
    method: required('method'),
    methodVersion: numberOf(value.get('method_version')) ?? null,
    result: required('result'),
    reason: textOf(value.get('reason')) ?? null,
    props: Object.fromEntries(pairs.map(([key, item]) => [String(key), textOf(item) ?? ''])),
  };
}

/** A list of results, or one alone. */
export function resultsFromLua(value: LuaValue): AuthenticationResult[] {
  if (isAbsent(value)) return [];
  if (value instanceof LuaTable && value.get('method') === undefined) {
    return value.sequence.map(resultFromLua);
  }
  return [resultFromLua(value)];
}
