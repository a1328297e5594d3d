import { expect, test } from 'vitest';
import { decodeBase64 } from '../../../../engine/api/kumo/base64.ts';

test.each([
  ['', ''],
  ['aGVsbG8=', 'hello'],
  ['aA==', 'h'],
  ['aGVs', 'hel'],
])('decodes %j', (text, expected) => {
  expect(decodeBase64(text).toString()).toBe(expected);
});

test.each([
  ['aGVsbG8', 'invalid length at 4'],
  ['aGVs\r\nbG8=', 'invalid length at 8'],
  ['aGVs\nbG=', 'invalid symbol at 4'],
  ['!!!!', 'invalid symbol at 0'],
  ['aGé=', 'invalid length at 4'],
  ['a===', 'invalid symbol at 1'],
  ['aB==', 'non-zero trailing bits at 1'],
  ['aGVsbG9=', 'non-zero trailing bits at 6'],
])('refuses %j: %s', (text, why) => {
  expect(() => decodeBase64(text)).toThrow(why);
});
