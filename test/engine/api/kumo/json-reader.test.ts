import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonFault, readJson } from '../../../../engine/api/kumo/json-reader.ts';
import type { Shape } from '../../../../engine/api/kumo/json-reader.ts';
import {
  anything,
  flag,
  listOf,
  mapOf,
  nullable,
  optional,
  recordOf,
  required,
  text,
  wordOf,
} from '../../../../engine/api/kumo/json-shapes.ts';
import { jsonFloat } from '../../../../engine/mail/json.ts';

const SHAPE = recordOf('Thing', {
  name: required(text),
  items: optional(listOf(recordOf('Item', { id: required(text) })), () => []),
  on: optional(flag, () => false),
  note: optional(nullable(text), () => null),
  kind: optional(wordOf(['A', 'B', 'C']), () => 'A' as const),
  words: optional(mapOf(text), () => ({})),
  data: optional(anything, () => null),
});

function fault(source: string, shape: Shape<unknown> = SHAPE): JsonFault {
  try {
    readJson(Buffer.from(source), shape);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  throw new Error(`accepted ${source}`);
}

describe('readJson()', () => {
  test('refuses what is not UTF-8', () => {
    const bytes = Buffer.from('{"name":"caf\xe9"}', 'latin1');
    expect(() => readJson(bytes, SHAPE)).toThrow(
      'name: invalid unicode code point at line 1 column 14',
    );
  });

  test('reads the wanted shape and fills in what is absent', () => {
    expect(readJson(Buffer.from('{"name":"n","items":[{"id":"é"}],"note":null}'), SHAPE)).toEqual({
      name: 'n',
      items: [{ id: 'é' }],
      on: false,
      note: null,
      kind: 'A',
      words: {},
      data: null,
    });
  });

  test('takes a list for an object, its values in the order of the fields', () => {
    expect(readJson(Buffer.from('["n", [["a"]], true]'), SHAPE)).toMatchObject({
      name: 'n',
      items: [{ id: 'a' }],
      on: true,
      kind: 'A',
    });
    const words = (source: string): string => fault(source).message;
    expect(words('[]')).toBe(
      'invalid length 0, expected struct Thing with 7 elements at line 1 column 2',
    );
    expect(words('["n", [[]]]')).toBe(
      '[1][0]: invalid length 0, expected struct Item with 1 element at line 1 column 9',
    );
    expect(words('[1]')).toBe(
      '[0]: invalid type: integer `1`, expected a string at line 1 column 2',
    );
    expect(fault('[["a", 1]]', listOf(recordOf('Item', { id: required(text) })))).toMatchObject({
      kind: 'syntax',
      reason: 'trailing characters',
    });
  });

  test('keeps floats apart from integers', () => {
    expect(readJson(Buffer.from('[1, 1.0, 1.5, 1e2]'), anything)).toEqual([
      1,
      jsonFloat(1),
      1.5,
      jsonFloat(100),
    ]);
  });

  test.each([
    ['{"name":', 'syntax', 'name: EOF while parsing a value at line 1 column 8'],
    ['', 'syntax', 'EOF while parsing a value at line 1 column 0'],
    ['{}', 'data', 'missing field `name` at line 1 column 2'],
    [
      '{"name":"n","x":1}',
      'data',
      'x: unknown field `x`, expected one of `name`, `items`, `on`, `note`, `kind`, `words`, `data` at line 1 column 15',
    ],
    ['{"name":5}', 'data', 'name: invalid type: integer `5`, expected a string at line 1 column 9'],
    ['{"name":null}', 'data', 'name: invalid type: null, expected a string at line 1 column 12'],
    ['{"name":"n",\n"items":[{}]}', 'data', 'items[0]: missing field `id` at line 2 column 11'],
    [
      '{"name":"n","items":[{"id":[]}]}',
      'data',
      'items[0].id: invalid type: sequence, expected a string at line 1 column 27',
    ],
    [
      '{"name":"n","kind":"D"}',
      'data',
      'kind: unknown variant `D`, expected one of `A`, `B`, `C` at line 1 column 22',
    ],
    ['{"name":"n","name":"m"}', 'data', 'name: duplicate field `name` at line 1 column 18'],
    ['{"name":"n",}', 'syntax', 'trailing comma at line 1 column 13'],
    ['{"name":"n" "on":true}', 'syntax', 'expected `,` or `}` at line 1 column 13'],
    ['{name:1}', 'syntax', 'key must be a string at line 1 column 2'],
    ['{"name" 1}', 'syntax', 'name: expected `:` at line 1 column 9'],
    ['{"name":"n"} x', 'syntax', 'trailing characters at line 1 column 14'],
    ['{"name":"a', 'syntax', 'name: EOF while parsing a string at line 1 column 10'],
    ['7', 'data', 'invalid type: integer `7`, expected struct Thing at line 1 column 1'],
    ['{"name":"n","data":[1,]}', 'syntax', 'data: trailing comma at line 1 column 23'],
    ['{"name":"n","data":nul}', 'syntax', 'data: expected ident at line 1 column 23'],
    ['{"name":"n","data":01}', 'syntax', 'data: invalid number at line 1 column 21'],
    ['{"data":1e400}', 'syntax', 'data: number out of range at line 1 column 13'],
    [
      String.raw`{"data":"\ude00"}`,
      'syntax',
      'data: lone leading surrogate in hex escape at line 1 column 15',
    ],
    [
      String.raw`{"data":"\ud83d\u0041"}`,
      'syntax',
      'data: lone leading surrogate in hex escape at line 1 column 21',
    ],
    [
      String.raw`{"data":"\ud83d\ude00\ud83d"}`,
      'syntax',
      'data: unexpected end of hex escape at line 1 column 28',
    ],
    [
      String.raw`{"data":"\ud83d\n"}`,
      'syntax',
      'data: unexpected end of hex escape at line 1 column 17',
    ],
  ])('%s', (source, kind, message) => {
    const found = fault(source);
    expect(found.kind).toBe(kind);
    expect(found.message).toBe(message);
  });

  test('a text nested too deep is refused, not overflowing', () => {
    expect(fault('['.repeat(100_000), anything).reason).toBe('recursion limit exceeded');
  });

  test('agrees with JSON.parse about what is JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const source = JSON.stringify(value);
        const read = JSON.stringify(readJson(Buffer.from(source), anything));
        expect(JSON.parse(read)).toEqual(JSON.parse(source));
        if (source.length > 1 && /^[[{"]/.test(source)) {
          expect(() => readJson(Buffer.from(source.slice(0, -1)), anything)).toThrow(JsonFault);
        }
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});
