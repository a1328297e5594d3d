import { describe, expect, it } from 'vitest';
import {
  cloneJson,
  describeNumber,
  isJsonFloat,
  jsonFloat,
  jsonInteger,
  parseJson,
} from '../../../engine/mail/json.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';

const BIG = 9007199254740993n;

describe('numbers in JSON', () => {
  it('cloneJson() keeps floats and integers of 64 bits', () => {
    const copy = cloneJson({
      float: jsonFloat(2),
      list: [jsonFloat(0), 1.5],
      id: jsonInteger(BIG),
    });

    expect(isJsonFloat(copy.float)).toBe(true);
    expect(JSON.stringify(copy)).toBe('{"float":2.0,"list":[0.0,1.5],"id":9007199254740993}');
  });

  it.each([
    '{"a":2.0}',
    '[1,1.0,-0.0,0.5]',
    '[1e16,-1e300]',
    '[9223372036854775807,-9007199254740993]',
  ])('parseJson() reads what JSON.stringify() wrote: %s', (text) => {
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  it.each([
    [1, 'integer `1`'],
    [1.5, 'floating point `1.5`'],
    [jsonFloat(1), 'floating point `1.0`'],
    [jsonInteger(BIG), 'integer `9007199254740993`'],
    ['1', undefined],
    [{}, undefined],
  ])('describeNumber() knows the kind of %j', (value, words) => {
    expect(describeNumber(value)).toBe(words);
  });

  it('parseJson() takes an integer beyond 64 bits for a float', () => {
    const { id } = parseJson('{"id":18446744073709551616}') as JsonObject;

    expect(isJsonFloat(id)).toBe(true);
    expect(Number(id)).toBe(2 ** 64);
  });
});
