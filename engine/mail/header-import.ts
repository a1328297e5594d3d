/**
 * Copying header fields into a message's metadata: `msg:import_x_headers` and
 * `msg:import_headers`. Pure: the caller sets the returned keys and data.
 *
 * A pattern is a field name, or a prefix with one trailing `*`. For each field the first spec
 * whose pattern matches decides.
 *
 * Source: reference `lua-api.md` §4.1.
 */
import type { JsonObject, JsonValue } from './json.ts';
import { fieldName, fieldValue, headerString, readHeaderBlock, removeHeaders } from './header.ts';
import type { HeaderField } from './header.ts';

export type HeaderTransform = 'snake_case' | 'kebab_case' | 'camel_case' | 'pascal_case';

export interface HeaderImportSpec {
  readonly name: string;
  readonly match: 'first' | 'last' | 'all';
  readonly transform: HeaderTransform;
  /** The metadata key, instead of the transformed field name. */
  readonly target: string | null;
  /** Also take the field out of the message. */
  readonly remove: boolean;
}

export interface HeaderImport {
  /** Keys in the order in which the fields were met. */
  readonly meta: JsonObject;
  /** The message without the fields that were to be removed; the same bytes when there were none. */
  readonly data: Uint8Array;
}

/** `import_x_headers`: without names all `X-*`; keys in snake_case, a later field wins. */
export function importXHeaders(data: Uint8Array, names: readonly string[]): JsonObject {
  const patterns = names.length === 0 ? ['X-*'] : names;
  const specs = patterns.map((name): HeaderImportSpec => ({
    name,
    match: 'last',
    transform: 'snake_case',
    target: null,
    remove: false,
  }));
  return importHeaders(data, specs).meta;
}

/** @throws {Error} a pattern that cannot be used, with KumoMTA's text */
export function importHeaders(data: Uint8Array, specs: readonly HeaderImportSpec[]): HeaderImport {
  const compiled = specs.map((spec) => ({ spec, matches: compilePattern(spec) }));
  const meta = new Map<string, JsonValue>();
  const removed = new Set<number>();
  for (const field of readHeaderBlock(data).fields) {
    const name = fieldName(data, field).trimEnd();
    const found = compiled.find((c) => c.matches(name.toLowerCase()));
    if (!found) continue;
    const { spec } = found;
    const key = spec.target ?? transformName(name, spec.transform);
    addValue(meta, key, headerString(fieldValue(data, field)), spec.match);
    if (spec.remove) removed.add(field.start);
  }
  return {
    meta: Object.fromEntries(meta),
    data: removed.size === 0 ? data : removeHeaders(data, (f: HeaderField) => removed.has(f.start)),
  };
}

function compilePattern(spec: HeaderImportSpec): (lowerName: string) => boolean {
  const { name, target } = spec;
  if (name === '') throw new Error('import_headers: header name must not be empty');
  if (name === '*') throw new Error('import_headers: a bare `*` is not a supported pattern');
  const star = name.indexOf('*');
  const wanted = name.toLowerCase();
  if (star < 0) return (lowerName) => lowerName === wanted;
  if (star !== name.length - 1) {
    throw new Error(
      `import_headers: only a single trailing \`*\` is supported in pattern "${name}"`,
    );
  }
  if (target !== null) {
    throw new Error(`import_headers: \`target\` cannot be used with wildcard pattern "${name}"`);
  }
  const prefix = wanted.slice(0, -1);
  return (lowerName) => lowerName.startsWith(prefix);
}

function addValue(
  meta: Map<string, JsonValue>,
  key: string,
  value: string,
  match: HeaderImportSpec['match'],
): void {
  const before = meta.get(key);
  if (match === 'first' && before !== undefined) return;
  if (match !== 'all') meta.set(key, value);
  else if (Array.isArray(before)) before.push(value);
  else meta.set(key, [value]);
}

/** `X-Tenant-Name` as `x_tenant_name`, `x-tenant-name`, `xTenantName` or `XTenantName`. */
function transformName(name: string, transform: HeaderTransform): string {
  const words = name.toLowerCase().split('-');
  if (transform === 'snake_case') return words.join('_');
  if (transform === 'kebab_case') return words.join('-');
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
  return words
    .map((word, i) => (transform === 'camel_case' && i === 0 ? word : capital(word)))
    .join('');
}
