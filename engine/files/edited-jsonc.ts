/** One change to a JSON file that people write; their comments and layout stay. Pure. */
import { applyEdits, modify } from 'jsonc-parser';
import type { JSONPath } from 'jsonc-parser';

const FORMAT = { formattingOptions: { tabSize: 2, insertSpaces: true, eol: '\n' } };

/**
 * @param value undefined removes what is at the path
 * @param how `insert` pushes what is at an array's index to the next one
 */
export function changedJsonc(
  text: string,
  path: JSONPath,
  value: unknown,
  how: 'insert' | 'replace' = 'replace',
): string {
  const options = { ...FORMAT, isArrayInsertion: how === 'insert' };
  return applyEdits(text, modify(text, path, value, options));
}
