/**
 * JSON files that people write (comments and a comma at the end are fine), checked against a schema:
 * routes, far ends, expectations, settings. What is wrong is said with its line and column.
 * Pure: a text in, a value or a problem out. The words are in `schema-words.ts`.
 */
import { findNodeAtLocation, getNodeValue, parseTree, printParseErrorCode } from 'jsonc-parser';
import type { Node, ParseError } from 'jsonc-parser';
import type { z } from 'zod';
import { checkValue, mistakeText } from './schema-words.ts';
import type { Mistake } from './schema-words.ts';

export interface FileProblem {
  /** From 1; 0 when it is about the file as a whole. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Place in the value, what was found, what was expected. */
  readonly message: string;
}

export type ReadJsonc<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: FileProblem };

/**
 * @param check what the schema cannot say; null when nothing is wrong
 * @returns the value with the schema's defaults, or the first thing that is wrong
 */
export function readJsonc<T>(
  text: string,
  schema: z.ZodType<T>,
  check: (value: T) => Mistake | null = () => null,
): ReadJsonc<T> {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) return refused(text, error.offset, syntaxText(text, error));
  const checked = checkValue(tree && getNodeValue(tree), schema);
  const mistake = checked.ok ? check(checked.value) : checked.mistake;
  if (mistake !== null) return refused(text, offsetOf(tree, mistake), mistakeText(mistake));
  return checked as ReadJsonc<T>;
}

/** The first name that a list has twice, as a `check`. */
export function namedOnce(
  list: string,
  entries: readonly { readonly name: string }[],
): Mistake | null {
  const twice = entries.findIndex(({ name }, index) =>
    entries.slice(0, index).some((other) => other.name === name),
  );
  if (twice < 0) return null;
  const name = entries[twice]?.name ?? '';
  return { path: [list, twice, 'name'], message: `found ${name} twice, expected it once` };
}

/** `routes.json:12:5: routes[1].to: …` */
export function problemText(file: string, { line, column, message }: FileProblem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`;
}

function refused(text: string, offset: number, message: string): ReadJsonc<never> {
  const before = text.slice(0, offset).split('\n');
  return {
    ok: false,
    problem: { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message },
  };
}

/** Of the value itself, or of the nearest thing around it that is there. */
function offsetOf(tree: Node | undefined, { path, isKey }: Mistake): number {
  for (let length = path.length; tree && length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length));
    if (node) return (isKey === true && node.parent ? node.parent : node).offset;
  }
  return tree?.offset ?? 0;
}

const EXPECTED: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a value such as "text", 12, true or null',
  InvalidNumberFormat: 'a number',
  PropertyNameExpected: 'a key in double quotes',
  ValueExpected: 'a value',
  ColonExpected: 'a colon',
  CommaExpected: 'a comma',
  CloseBraceExpected: 'a closing }',
  CloseBracketExpected: 'a closing ]',
  EndOfFileExpected: 'the end of the file',
  UnexpectedEndOfComment: 'the end of the comment',
  UnexpectedEndOfString: 'a closing quote',
  UnexpectedEndOfNumber: 'a number',
  InvalidUnicode: 'four hexadecimal digits after \\u',
  InvalidEscapeCharacter: 'one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u',
};
const FOUND_LENGTH_MAX = 30;

function syntaxText(text: string, { error, offset, length }: ParseError): string {
  const found = text.slice(offset, offset + length).split('\n')[0] ?? '';
  const shown = found === '' ? 'the end of the file' : found.slice(0, FOUND_LENGTH_MAX);
  return `found ${shown}, expected ${EXPECTED[printParseErrorCode(error)] ?? 'JSON'}`;
}
