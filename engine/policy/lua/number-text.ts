/**
 * Numbers as Lua turns them into text, for values that are on the host's side already.
 *
 * Source: Lua 5.4 `lua_Number2strx`, `tostringbuff`; C's `%.14g`.
 */
import { LuaFloat, type LuaValue } from './lua-value.ts';

/** A string, or a number as text, where KumoMTA takes either; `undefined` for anything else. */
export function coercedText(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber || value instanceof LuaFloat ? luaNumberText(value) : undefined;
}

/** As `tostring` has it: `5`, `5.0`, `1e+100`, `0.3` for `0.1 + 0.2`. */
export function luaNumberText(value: number | bigint | LuaFloat): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    return String(value);
  }
  const text = floatDigits(value instanceof LuaFloat ? value.value : value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** C's `%.14g`. What is no number has the sign that it has in x86's registers. */
export function floatDigits(value: number): string {
  if (Number.isNaN(value)) return '-nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', power = '0'] = value.toExponential(13).split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 14) return withoutZeros(value.toFixed(13 - exponent));
  const sign = exponent < 0 ? '-' : '+';
  return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function withoutZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
