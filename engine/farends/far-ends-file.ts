/**
 * `far-ends.json`: read with the line of what is wrong, and changed without touching the comments
 * and the order that a person gave it. Pure: texts in, texts out.
 */
import {
  applyEdits,
  findNodeAtLocation,
  getNodeValue,
  modify,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import type { JSONPath, Node, ParseError } from 'jsonc-parser';
import { z } from 'zod';
import { farEndSchema, farEndsFileSchema } from './far-end-schema.ts';
import type { FarEndSpec } from './far-end-schema.ts';

export interface FileProblem {
  readonly line: number;
  readonly message: string;
}

type ReadFarEnds =
  | { readonly ok: true; readonly farEnds: readonly FarEndSpec[] }
  | { readonly ok: false; readonly problem: FileProblem };

const FORMAT = { formattingOptions: { tabSize: 2, insertSpaces: true, eol: '\n' } };
const EMPTY = '{\n  "$schema": "./.postyard/far-ends.schema.json",\n  "farEnds": []\n}\n';

/** For editors: what the file may say. */
export function farEndsJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Far ends of a Postyard workspace',
    ...z.toJSONSchema(farEndsFileSchema, { io: 'input' }),
  };
}

/** An absent or empty file is one without far ends. */
export function readFarEnds(text: string): ReadFarEnds {
  if (text.trim() === '') return { ok: true, farEnds: [] };
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error || !tree) {
    const what = error ? printParseErrorCode(error.error) : 'nothing';
    return refused(text, error?.offset ?? 0, `${what}, expected JSON`);
  }
  const parsed = farEndsFileSchema.safeParse(getNodeValue(tree));
  if (!parsed.success) {
    const { path, message } = mistakeOf(parsed.error);
    return refused(text, offsetOf(tree, path), `${pathText(path)}: ${message}`);
  }
  const { farEnds } = parsed.data;
  const twice = farEnds.findIndex(({ name }, index) =>
    farEnds.slice(0, index).some((other) => other.name === name),
  );
  if (twice < 0) return { ok: true, farEnds };
  const path = ['farEnds', twice, 'name'];
  const name = farEnds[twice]?.name ?? '';
  const found = `found ${name} twice, expected it once`;
  return refused(text, offsetOf(tree, path), `${pathText(path)}: ${found}`);
}

interface WrongFarEnd {
  readonly ok: false;
  /** `rules[0].at` */
  readonly path: string;
  readonly message: string;
  readonly why: string;
}

/** One far end as somebody wrote it; the message says where it is wrong. */
export function checkFarEnd(
  value: unknown,
): { readonly ok: true; readonly spec: FarEndSpec } | WrongFarEnd {
  const parsed = farEndSchema.safeParse(value);
  if (parsed.success) return { ok: true, spec: parsed.data };
  const mistake = mistakeOf(parsed.error);
  const path = pathText(mistake.path);
  const { message } = mistake;
  return { ok: false, path, message, why: path === '' ? message : `${path}: ${message}` };
}

/**
 * Adds the far end, or puts it in the place of the one with that name.
 *
 * @param at where a new one goes; the end when left out
 */
export function withFarEnd(
  text: string,
  farEnd: Readonly<Record<string, unknown>>,
  at?: number,
): string {
  const file = text.trim() === '' ? EMPTY : text;
  const names = namesIn(file);
  const index = names.indexOf(String(farEnd['name']));
  if (index >= 0) return changed(file, ['farEnds', index], farEnd);
  const place = Math.min(at ?? names.length, names.length);
  return changed(file, ['farEnds', place], farEnd, 'insert');
}

/** The text as it is when there is no such far end. The same for the next one. */
export function withoutFarEnd(text: string, name: string): string {
  const index = namesIn(text).indexOf(name);
  return index < 0 ? text : changed(text, ['farEnds', index], undefined);
}

export function withSwitch(text: string, name: string, isOn: boolean): string {
  const index = namesIn(text).indexOf(name);
  return index < 0 ? text : changed(text, ['farEnds', index, 'on'], isOn);
}

/** What the file says of one far end, without the defaults; null when it says nothing. */
export function writtenFarEnd(text: string, name: string): Record<string, unknown> | null {
  const index = namesIn(text).indexOf(name);
  const tree = index < 0 ? undefined : parseTree(text, [], { allowTrailingComma: true });
  const node = tree && findNodeAtLocation(tree, ['farEnds', index]);
  return node ? (getNodeValue(node) as Record<string, unknown>) : null;
}

export function namesIn(text: string): string[] {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const list = tree && findNodeAtLocation(tree, ['farEnds']);
  return (list?.children ?? []).map((node) => {
    const name = findNodeAtLocation(node, ['name']);
    return name ? String(getNodeValue(name)) : '';
  });
}

function changed(text: string, path: JSONPath, value: unknown, how?: 'insert'): string {
  const options = { ...FORMAT, ...(how === 'insert' && { isArrayInsertion: true }) };
  return applyEdits(text, modify(text, path, value, options));
}

function refused(text: string, offset: number, message: string): ReadFarEnds {
  return { ok: false, problem: { line: text.slice(0, offset).split('\n').length, message } };
}

interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The first issue; of a union the branch that came furthest. */
function mistakeOf(error: z.ZodError): Mistake {
  const [issue] = error.issues;
  return issue ? deepest(issue, []) : { path: [], message: 'invalid' };
}

function deepest(issue: z.core.$ZodIssue, above: readonly (string | number)[]): Mistake {
  const path = [...above, ...issue.path.map((key) => (typeof key === 'symbol' ? '' : key))];
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return { path: [...path, key], message: `found ${key}, expected none of that name` };
  }
  if (issue.code !== 'invalid_union') return { path, message: issue.message };
  const branches = issue.errors.flatMap(([first]) => (first ? [deepest(first, path)] : []));
  const best = branches.toSorted((a, b) => b.path.length - a.path.length)[0];
  return best && best.path.length > path.length ? best : { path, message: issue.message };
}

/** Of the value; when it is not there, of what should contain it. */
function offsetOf(tree: Node, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length));
    if (node) return node.offset;
  }
  return tree.offset;
}

function pathText(path: readonly (string | number)[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
}
