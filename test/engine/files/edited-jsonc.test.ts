import { expect, it } from 'vitest';
import { changedJsonc } from '../../../engine/files/edited-jsonc.ts';

const TEXT = `{
  // what must hold
  "cases": [
    { "name": "a" }, // the first
  ],
}
`;

it('changedJsonc() keeps comments, commas and layout around what it changes', () => {
  const added = changedJsonc(TEXT, ['cases', 1], { name: 'b' }, 'insert');
  expect(added).toContain('// what must hold');
  expect(added).toContain('// the first');
  expect(added.match(/"name": "[ab]"/g)).toEqual(['"name": "a"', '"name": "b"']);
  const renamed = changedJsonc(TEXT, ['cases', 0, 'name'], 'c');
  expect(renamed).toBe(TEXT.replace('"a"', '"c"'));
  expect(changedJsonc(TEXT, ['cases', 0], undefined)).not.toContain('"a"');
});
