/**
 * What a schema says about a wrong value, in plain words: where, what was found, what was expected.
 * A schema's own words (`expected a duration such as 30s`) are kept.
 */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

export interface Mistake {
  readonly path: Path;
  readonly message: string;
  /** It is the key that is wrong, not its value. */
  readonly isKey?: true;
}

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly mistake: Mistake };

const SHOWN_LENGTH_MAX = 40;

/**
 * The value as the schema makes it, or its first mistake; of alternatives the mistake of the one
 * that came furthest.
 */
export function checkValue<T>(value: unknown, schema: z.ZodType<T>): Checked<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const mistake = issue ? deepest(issue, [], value) : { path: [], message: 'invalid' };
  const known = mistake.isKey === true ? keysAt(schema, mistake.path.slice(0, -1)) : [];
  if (known.length === 0) return { ok: false, mistake };
  const message = `found ${String(mistake.path.at(-1))}, expected one of ${known.join(', ')}`;
  return { ok: false, mistake: { ...mistake, message } };
}

/** `routes[1].to.kind: found …` */
export function mistakeText({ path, message }: Mistake): string {
  return path.length === 0 ? message : `${pathText(path)}: ${message}`;
}

/** `routes[1].to.kind`; nothing for the whole. */
export function pathText(path: Path): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
}

function deepest(issue: Issue, above: Path, root: unknown): Mistake {
  const path = [...above, ...issue.path.map((key) => (typeof key === 'symbol' ? '' : key))];
  const value = valueAt(root, path);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const message = `found ${key}, expected no key of that name`;
    return { path: [...path, key], message, isKey: true };
  }
  if (issue.code !== 'invalid_union') return { path, message: foundText(value, wordsOf(issue)) };
  if ('options' in issue && issue.options !== undefined)
    return { path, message: foundText(value, oneOf(issue.options)) };
  const branches = issue.errors.flatMap(([first]) =>
    first ? [{ first, mistake: deepest(first, path, root) }] : [],
  );
  const longest = Math.max(path.length, ...branches.map(({ mistake }) => mistake.path.length));
  const best = branches.filter(({ mistake }) => mistake.path.length === longest);
  const [only, ...others] = best;
  if (only === undefined) return { path, message: foundText(value, { expected: 'another value' }) };
  // One that takes values of this kind and still refuses this one knows best why.
  const closest = best.find(({ first }) => first.code !== 'invalid_type');
  if (closest !== undefined || others.length === 0 || longest > path.length)
    return (closest ?? only).mistake;
  const kinds = best.map(({ first }) => wordsOf(first).expected);
  return { path, message: foundText(value, { expected: [...new Set(kinds)].join(' or ') }) };
}

interface Words {
  readonly expected: string;
  /** A whole sentence of the schema's own. */
  readonly own?: boolean;
}

function foundText(value: unknown, { expected, own }: Words): string {
  if (own === true) return expected;
  return `found ${shown(value)}, expected ${expected}`;
}

function wordsOf(issue: Issue): Words {
  switch (issue.code) {
    case 'invalid_type':
      return { expected: KINDS[issue.expected] ?? `a value of type ${issue.expected}` };
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return sizeWords(issue, issue.minimum, issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return sizeWords(issue, issue.maximum, issue.inclusive === false ? 'less than' : 'at most');
    case 'invalid_key':
    case 'invalid_element':
      return { expected: issue.issues.map((inner) => wordsOf(inner).expected).join(' or ') };
    default:
      return ownWords(issue.message) ?? { expected: 'another value' };
  }
}

function sizeWords(
  issue: Issue & { readonly origin: string },
  bound: number | bigint,
  than: string,
): Words {
  const own = ownWords(issue.message);
  if (own !== null) return own;
  if (issue.origin === 'string')
    return { expected: bound === 1 ? 'a value' : `${than} ${bound} characters` };
  if (issue.origin === 'array')
    return { expected: `${than} ${bound} ${Number(bound) === 1 ? 'entry' : 'entries'}` };
  return { expected: `${than} ${bound}` };
}

/** Words that the schema brings along: what is expected, or all there is to say. */
function ownWords(message: string): Words | null {
  if (message.startsWith('found ')) return { expected: message, own: true };
  return message.startsWith('expected ') ? { expected: message.slice('expected '.length) } : null;
}

function oneOf(values: readonly unknown[]): Words {
  const list = values.map(shown).join(', ');
  return { expected: values.length === 1 ? list : `one of ${list}` };
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

function shown(value: unknown): string {
  if (value === undefined || value === '') return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? (value as Readonly<Record<string | number, unknown>>)[key]
        : undefined,
    root,
  );
}

/** The keys that the schema knows at this place; none when it is not an object of one kind. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const { def } = schema._zod as { readonly def: SchemaParts };
  if (def.innerType) return keysAt(def.innerType, path);
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(def.shape ?? {});
  const inner = typeof key === 'number' ? def.element : def.shape?.[key];
  return inner === undefined ? [] : keysAt(inner, rest);
}

/** What is below a schema: of a wrapper (default, optional, readonly), a list, an object. */
interface SchemaParts {
  readonly innerType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}
