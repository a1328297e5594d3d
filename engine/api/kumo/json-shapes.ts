/** Building blocks of the shapes that `json-reader.ts` reads: texts, flags, lists, records. */
import type { JsonValue } from '../../mail/json.ts';
import type { JsonReader, Shape } from './json-reader.ts';

export const text: Shape<string> = (reader) => reader.text();
export const flag: Shape<boolean> = (reader) => reader.boolean();
export const anything: Shape<JsonValue> = (reader) => reader.any();

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (reader) => (reader.skipNull() ? null : shape(reader));
}

export function listOf<T>(item: Shape<T>): Shape<T[]> {
  return (reader) => {
    const items: T[] = [];
    reader.list(() => items.push(item(reader)));
    return items;
  };
}

export function mapOf<T>(value: Shape<T>): Shape<Record<string, T>> {
  return (reader) => {
    const entries: [string, T][] = [];
    reader.object((key) => {
      reader.colon();
      entries.push([key, value(reader)]);
    }, 'a map');
    return Object.fromEntries(entries);
  };
}

/** One of several words. */
export function wordOf<W extends string>(words: readonly W[]): Shape<W> {
  return (reader) => {
    const found = reader.text();
    const word = words.find((w) => w === found);
    if (word !== undefined) return word;
    throw reader.data(`unknown variant \`${found}\`, ${expectedNames(words)}`);
  };
}

export interface Field<T> {
  readonly shape: Shape<T>;
  /** What an absent field means; without it the field is required. */
  readonly fallback?: () => T;
}

export function required<T>(shape: Shape<T>): Field<T> {
  return { shape };
}

export function optional<T>(shape: Shape<T>, fallback: () => T): Field<T> {
  return { shape, fallback };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
export type RecordOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/**
 * An object with these fields, or a list of their values in this order.
 *
 * @param name as complaints call it
 * @param others fields of other names are refused, or skipped
 */
export function recordOf<F extends Fields>(
  name: string,
  fields: F,
  others: 'refuse' | 'skip' = 'refuse',
): Shape<RecordOf<F>> {
  return (reader) => {
    if (reader.peek() === '[') return inOrder(reader, name, fields);
    const found = new Map<string, unknown>();
    reader.object((key) => {
      const field = fields[key];
      if (!field && others === 'skip') {
        reader.colon();
        reader.any();
        return;
      }
      if (!field) {
        throw reader.data(`unknown field \`${key}\`, ${expectedNames(Object.keys(fields))}`);
      }
      if (found.has(key)) throw reader.data(`duplicate field \`${key}\``);
      reader.colon();
      found.set(key, field.shape(reader));
    }, `struct ${name}`);
    const complete = Object.entries(fields).map(([key, field]) => {
      if (found.has(key)) return [key, found.get(key)];
      if (field.fallback) return [key, field.fallback()];
      throw reader.data(`missing field \`${key}\``);
    });
    return Object.fromEntries(complete) as RecordOf<F>;
  };
}

/** serde takes a list for a struct; fields at the end may be left out when they are optional. */
function inOrder<F extends Fields>(reader: JsonReader, name: string, fields: F): RecordOf<F> {
  const all = Object.entries(fields);
  const found: unknown[] = [];
  reader.listOfAtMost(all.length, (index) => found.push(all[index]?.[1].shape(reader)));
  const complete = all.map(([key, field], index) => {
    if (index < found.length) return [key, found[index]];
    if (field.fallback) return [key, field.fallback()];
    const wanted = `${all.length} element${all.length === 1 ? '' : 's'}`;
    throw reader.data(`invalid length ${index}, expected struct ${name} with ${wanted}`);
  });
  return Object.fromEntries(complete) as RecordOf<F>;
}

function expectedNames(names: readonly string[]): string {
  const quoted = names.map((n) => `\`${n}\``);
  if (quoted.length === 0) return 'there are no fields';
  if (quoted.length <= 2) return `expected ${quoted.join(' or ')}`;
  return `expected one of ${quoted.join(', ')}`;
}
