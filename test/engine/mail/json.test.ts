import { describe, expect, it } from 'vitest';
import {
  cloneJson,
  isJsonFloat,
  jsonFloat,
  jsonInteger,
  parseJson,
} from '../../../engine/mail/json.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';

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

  it('parseJson() takes an integer beyond 64 bits for a float', () => {
    const { id } = parseJson('{"id":18446744073709551616}') as JsonObject;

    expect(isJsonFloat(id)).toBe(true);
    expect(Number(id)).toBe(2 ** 64);
  });
});

const BIG = 9007199254740993n;
