/**
 * `far-ends.json`: read with the line of what is wrong, and changed without touching the comments
 * and the order that a person gave it. Pure: texts in, texts out.
 */
import { findNodeAtLocation, getNodeValue, parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { namedOnce, readJsonc } from '../files/checked-jsonc.ts';
import type { FileProblem } from '../files/checked-jsonc.ts';
import { changedJsonc } from '../files/edited-jsonc.ts';
import { checkValue, mistakeText, pathText } from '../files/schema-words.ts';
import { farEndSchema, farEndsFileSchema } from './far-end-schema.ts';
import type { FarEndSpec } from './far-end-schema.ts';

type ReadFarEnds =
  | { readonly ok: true; readonly farEnds: readonly FarEndSpec[] }
  | { readonly ok: false; readonly problem: FileProblem };

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
  const read = readJsonc(text, farEndsFileSchema, ({ farEnds }) => namedOnce('farEnds', farEnds));
  return read.ok ? { ok: true, farEnds: read.value.farEnds } : read;
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
  const checked = checkValue(value, farEndSchema);
  if (checked.ok) return { ok: true, spec: checked.value };
  const { path, message } = checked.mistake;
  return { ok: false, path: pathText(path), message, why: mistakeText(checked.mistake) };
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
  if (index >= 0) return changedJsonc(file, ['farEnds', index], farEnd);
  const place = Math.min(at ?? names.length, names.length);
  return changedJsonc(file, ['farEnds', place], farEnd, 'insert');
}

/** The text as it is when there is no such far end. The same for the next one. */
export function withoutFarEnd(text: string, name: string): string {
  const index = namesIn(text).indexOf(name);
  return index < 0 ? text : changedJsonc(text, ['farEnds', index], undefined);
}

export function withSwitch(text: string, name: string, isOn: boolean): string {
  const index = namesIn(text).indexOf(name);
  return index < 0 ? text : changedJsonc(text, ['farEnds', index, 'on'], isOn);
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
