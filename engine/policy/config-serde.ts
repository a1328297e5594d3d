/**
 * Reading a policy's tables into typed settings, with the rules and error texts of Rust's serde over
 * mlua: which value fits which field, what is said when it does not, and in what order lists are
 * printed. The settings themselves are in `config-schema.ts`, as data made of these shapes.
 *
 * `direct` is how mlua hands values to a field; `buffered` is serde's intermediate form, which
 * flattened structs and untagged enums read from: there an empty table is a map and nothing else.
 *
 * Source: reference `lua-api.md` §0.3; recorded error texts of KumoMTA.
 */
import { HostObject, LUA_NULL, LuaFloat, LuaTable, type LuaValue } from './lua/lua-value.ts';
import { isFunctionRef } from './lua/lua-values.ts';

export class SerdeError extends Error {}

export type Mode = 'direct' | 'buffered';

export interface Shape<T> {
  read(value: LuaValue, mode: Mode): T;
}

/** What a shape reads. */
export type ReadOf<S> = S extends Shape<infer T> ? T : never;

/** One key of a struct. */
export interface Field<T> {
  readonly shape: Shape<T>;
  /** Used when the key is absent; without it the key is required. */
  readonly absent?: () => T;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type Read<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function required<T>(shape: Shape<T>): Field<T> {
  return { shape };
}

export function optional<T>(shape: Shape<T>): Field<T | null> {
  return { shape: option(shape), absent: () => null };
}

export function defaulted<T>(shape: Shape<T>, value: T): Field<T> {
  return { shape, absent: () => value };
}

function option<T>(shape: Shape<T>): Shape<T | null> {
  return { read: (value, mode) => (isAbsent(value) ? null : shape.read(value, mode)) };
}

/**
 * @param unknown what an unknown key does: an error that lists the known ones, one that does not
 * (structs with flattened parts), or nothing
 */
export function struct<F extends Fields>(
  name: string,
  fields: F,
  unknown: 'list' | 'plain' | 'ignore' = 'list',
): Shape<Read<F>> {
  const names = Object.keys(fields);
  return {
    read(value, mode) {
      const pairs = structPairs(value, mode, name);
      const given = new Map<string, unknown>();
      let stray: string | undefined;
      for (const [key, item] of pairs) {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
        if (field) {
          if (item !== LUA_NULL || !field.absent) given.set(key, field.shape.read(item, mode));
        } else if (unknown === 'list') {
          throw new SerdeError(`unknown field \`${key}\`, ${expectedOneOf(names)}`);
        } else {
          stray ??= key;
        }
      }
      const result: Record<string, unknown> = {};
      for (const [key, field] of Object.entries(fields)) {
        if (!given.has(key) && !field.absent) {
          throw new SerdeError(`missing field \`${key}\``);
        }
        result[key] = given.has(key) ? given.get(key) : field.absent?.();
      }
      if (stray !== undefined && unknown === 'plain') {
        throw new SerdeError(`unknown field \`${stray}\``);
      }
      return result as Read<F>;
    },
  };
}

export const text: Shape<string> = scalar('a string', (value) =>
  typeof value === 'string' ? value : undefined,
);

export const path: Shape<string> = scalar('path string', (value) =>
  typeof value === 'string' ? value : undefined,
);

export const bool: Shape<boolean> = scalar('a boolean', (value) =>
  typeof value === 'boolean' ? value : undefined,
);

/** A string of any bytes. */
export const bytes: Shape<Uint8Array> = scalar('byte array', (value) =>
  typeof value === 'string'
    ? Buffer.from(value, 'utf8')
    : value instanceof Uint8Array
      ? value
      : undefined,
);

/** Reads a value and keeps it as it is. */
export const anything: Shape<LuaValue> = { read: (value) => value };

export function unsigned(rustType: 'u8' | 'u16' | 'u32' | 'u64' | 'usize'): Shape<number> {
  const max = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, u64: 2 ** 64, usize: 2 ** 64 }[rustType];
  return {
    read(value) {
      if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
        const number = Number(value);
        if (number >= 0 && number <= max) return number;
        throw new SerdeError(`invalid value: integer \`${value}\`, expected ${rustType}`);
      }
      throw invalidType(value, rustType);
    },
  };
}

export function list<T>(item: Shape<T>): Shape<T[]> {
  return {
    read(value, mode) {
      const table = tableOf(value);
      if (!table) throw mode === 'direct' ? notATable(value) : invalidType(value, 'a sequence');
      if (mode === 'buffered' && !isSequence(table)) throw invalidType(value, 'a sequence');
      return table.sequence.map((element) => item.read(element, mode));
    },
  };
}

/** A table with text keys, in iteration order. */
export function record<T>(item: Shape<T>): Shape<Record<string, T>> {
  return {
    read(value, mode) {
      const entries = structPairs(value, mode, null);
      return Object.fromEntries(entries.map(([key, element]) => [key, item.read(element, mode)]));
    },
  };
}

export function enumeration<const T extends string>(...variants: readonly T[]): Shape<T> {
  return {
    read(value, mode) {
      const name = enumName(value, mode);
      const found = variants.find((variant) => variant === name);
      if (found !== undefined) return found;
      throw new SerdeError(`unknown variant \`${name}\`, ${expectedOneOf(variants)}`);
    },
  };
}

/** Keys must be names of `variants`. */
export function keyedBy<const K extends string, T>(
  variants: readonly K[],
  item: Shape<T>,
): Shape<Partial<Record<K, T>>> {
  const key = enumeration(...variants);
  return {
    read(value, mode) {
      const entries = structPairs(value, mode, null);
      return Object.fromEntries(
        entries.map(([name, element]) => [key.read(name, mode), item.read(element, mode)]),
      ) as Partial<Record<K, T>>;
    },
  };
}

/** The first alternative that fits. */
export function untagged<T>(name: string, ...alternatives: readonly Shape<T>[]): Shape<T> {
  return {
    read(value) {
      for (const shape of alternatives) {
        try {
          return shape.read(value, 'buffered');
        } catch (error) {
          if (!(error instanceof SerdeError)) throw error;
        }
      }
      throw new SerdeError(`data did not match any variant of untagged enum ${name}`);
    },
  };
}

/** What `read` makes of the value; texts it throws are the error. */
export function parsed<A, B>(shape: Shape<A>, parse: (value: A) => B): Shape<B> {
  return {
    read(value, mode) {
      const raw = shape.read(value, mode);
      try {
        return parse(raw);
      } catch (error) {
        throw error instanceof SerdeError ? error : new SerdeError((error as Error).message);
      }
    },
  };
}

export function invalidType(value: LuaValue, expected: string): SerdeError {
  const unsupported = unsupportedType(value);
  if (unsupported) return new SerdeError(`unsupported value type \`${unsupported}\``);
  return new SerdeError(`invalid type: ${unexpected(value)}, expected ${expected}`);
}

export function invalidValue(value: LuaValue, expected: string): SerdeError {
  return new SerdeError(`invalid value: ${unexpected(value)}, expected ${expected}`);
}

export function isAbsent(value: LuaValue): boolean {
  return value === undefined || value === null || value === LUA_NULL;
}

/** Any of the shapes a table comes in, as a table. */
export function tableOf(value: LuaValue): LuaTable | undefined {
  if (value instanceof LuaTable) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return new LuaTable([...(value as LuaValue[])], [], true);
  if (value instanceof Map) {
    return new LuaTable([], [...(value as ReadonlyMap<LuaValue, LuaValue>)], false);
  }
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return undefined;
  return isFunctionRef(value) ? undefined : new LuaTable([], Object.entries(value), false);
}

export function isSequence(table: LuaTable): boolean {
  return table.sequence.length > 0 || table.isArray;
}

function scalar<T>(expected: string, accept: (value: LuaValue) => T | undefined): Shape<T> {
  return {
    read(value) {
      const accepted = accept(value);
      if (accepted === undefined) throw invalidType(value, expected);
      return accepted;
    },
  };
}

function structPairs(value: LuaValue, mode: Mode, name: string | null): [string, LuaValue][] {
  const table = tableOf(value);
  if (!table) {
    if (mode === 'direct') throw notATable(value);
    throw invalidType(value, name === null ? 'a map' : `struct ${name}`);
  }
  const pairs: [LuaValue, LuaValue][] = [
    ...table.sequence.map((item, i): [LuaValue, LuaValue] => [i + 1, item]),
    ...table.entries,
  ];
  return pairs
    .filter(([, item]) => item !== undefined && item !== null)
    .map(([key, item]) => [text.read(key, mode), item]);
}

function enumName(value: LuaValue, mode: Mode): string {
  if (typeof value === 'string') return value;
  const table = tableOf(value);
  const [only, ...more] = table ? [...table.sequence.keys(), ...table.entries.keys()] : [];
  if (table && only !== undefined && more.length === 0 && table.sequence.length === 0) {
    return text.read(table.entries[0]?.[0], mode);
  }
  if (table) throw new SerdeError('invalid value: map, expected map with a single key');
  if (mode === 'buffered') throw invalidType(value, 'string or map');
  throw new SerdeError(`invalid value: ${mluaType(value)}, expected string or map`);
}

function notATable(value: LuaValue): SerdeError {
  return new SerdeError(`invalid type: ${mluaType(value)}, expected table`);
}

function unexpected(value: LuaValue): string {
  if (isAbsent(value)) return 'unit value';
  if (typeof value === 'boolean') return `boolean \`${value}\``;
  if (typeof value === 'bigint') return `integer \`${value}\``;
  if (typeof value === 'number') {
    return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``;
  }
  if (value instanceof LuaFloat) return `floating point \`${value.value}.0\``;
  if (typeof value === 'string') return `string ${rustQuoted(value)}`;
  if (value instanceof Uint8Array) return 'byte array';
  const table = tableOf(value);
  return table && isSequence(table) ? 'sequence' : 'map';
}

/** Rust's debug form of a text. */
function rustQuoted(value: string): string {
  const escaped = value.replace(/["\\\n\r\t\0]/g, (c) => ESCAPES[c] ?? c);

  return `"${escaped.replace(/[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]/g, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`)}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

function unsupportedType(value: LuaValue): string | undefined {
  if (value instanceof HostObject) return 'userdata';
  if (typeof value === 'object' && value !== null && isFunctionRef(value)) return 'function';
  return undefined;
}

/** mlua's name of a value's type. */
export function mluaType(value: LuaValue): string {
  if (value === undefined || value === null) return 'nil';
  if (value === LUA_NULL) return 'lightuserdata';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (value instanceof LuaFloat) return 'number';
  if (typeof value === 'string' || value instanceof Uint8Array) return 'string';
  return unsupportedType(value) ?? 'table';
}

function expectedOneOf(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  if (quoted.length === 0) return 'there are no fields';
  if (quoted.length === 1) return `expected ${quoted[0]}`;
  if (quoted.length === 2) return `expected ${quoted[0]} or ${quoted[1]}`;
  return `expected one of ${quoted.join(', ')}`;
}
