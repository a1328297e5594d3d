import { describe, expect, test } from 'vitest';
import { readUuid, withDashes } from '../../../../engine/api/kumo/uuid-reader.ts';

const PLAIN = 'd7ef132b5d7711eea1e0242ac1100003';
const DASHED = 'd7ef132b-5d77-11ee-a1e0-242ac1100003';

describe('readUuid()', () => {
  test.each([PLAIN, DASHED, DASHED.toUpperCase(), `{${DASHED}}`, `urn:uuid:${DASHED}`])(
    'reads %s',
    (text) => {
      expect(readUuid(text)).toEqual({ digits: PLAIN });
    },
  );

  test.each([
    ['', 'invalid length: found 0'],
    [PLAIN.slice(1), 'invalid length: found 31'],
    ['a'.repeat(46), 'invalid length: found 46'],
    ['zzz', 'invalid character: found `z` at 0'],
    ['12é4', 'invalid character: found `é` at 2'],
    ['{x}', 'invalid character: found `x` at 1'],
    ['ab-cd', 'invalid group count: expected 5, found 2'],
    [DASHED.slice(1), 'invalid group length in group 0: expected 8, found 7'],
    [`${DASHED}0`, 'invalid group length in group 4: expected 12, found 13'],
  ])('refuses %j', (text, complaint) => {
    expect(readUuid(text)).toEqual({ complaint });
  });
});

test('withDashes() groups the digits', () => {
  expect(withDashes(PLAIN)).toBe(DASHED);
});
