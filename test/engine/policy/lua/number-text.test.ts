import { describe, expect, it } from 'vitest';
import { LuaFloat } from '../../../../engine/policy/lua/lua-value.ts';
import { coercedText, luaNumberText } from '../../../../engine/policy/lua/number-text.ts';

describe('luaNumberText()', () => {
  it.each([
    [5, '5'],
    [9007199254740993n, '9007199254740993'],
    [new LuaFloat(5), '5.0'],
    [new LuaFloat(-0), '-0.0'],
    [1.5, '1.5'],
    [0.1 + 0.2, '0.3'],
    [1 / 3, '0.33333333333333'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [new LuaFloat(1e13), '10000000000000.0'],
    [new LuaFloat(1e14), '1e+14'],
    [new LuaFloat(2 ** 53), '9.007199254741e+15'],
    [new LuaFloat(-1e100), '-1e+100'],
    [Infinity, 'inf'],
    [NaN, '-nan'],
  ])('writes %o as Lua does', (value, text) => {
    expect(luaNumberText(value)).toBe(text);
  });
});

it('coercedText() takes strings and numbers', () => {
  expect(['x', 1.5, new LuaFloat(2), true, undefined].map(coercedText)).toEqual([
    'x',
    '1.5',
    '2.0',
    undefined,
    undefined,
  ]);
});
