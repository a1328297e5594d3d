/**
 * TOML for policies: reading keeps integers, floats and dates apart; writing lays tables out as
 * Rust's `toml` crate does (plain values first, `[section]` headers, `[[list]]` of tables).
 *
 * A date arrives in Lua as a table with the one key `$__toml_private_datetime`, as in KumoMTA.
 *
 * Source: TOML 1.0; reference `lua-api.md` §3.8.
 */
import { parse, TomlDate, TomlError } from 'smol-toml';
import type { TomlValue } from 'smol-toml';
import { LuaFloat } from '../lua/lua-value.ts';
import type { LuaValue } from '../lua/lua-value.ts';
import { floatValue, integerValue } from './lua-data.ts';
import { isNumber, isTreeList, plainDecimal, sortedPairs } from './serde-encode.ts';
import type { Tree } from './serde-encode.ts';

const DATE_KEY = '$__toml_private_datetime';

/** @throws {Error} `TOML parse error at line L, column C`, then the line with a marker */
export function parseToml(text: string): LuaValue {
  try {
    const value = parse(text, { integersAsBigInt: true });
    refuseBigIntegers(value, text);
    return luaOf(value);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Error(explain(text, error), { cause: error });
  }
}

/** TOML's integers have 64 bits. */
function refuseBigIntegers(value: TomlValue, text: string): void {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value) {
    const at = Math.max(text.indexOf(String(value)), 0);
    throw new TomlError('integer number overflowed', { toml: text, ptr: at });
  }
  if (typeof value !== 'object' || value === null || value instanceof TomlDate) return;
  for (const item of Object.values(value)) refuseBigIntegers(item as TomlValue, text);
}

function explain(text: string, error: TomlError): string {
  const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
  const { line: lineNumber, column } = placeOf(text, error, reason);
  const line = text.split(/\r?\n/)[lineNumber - 1] ?? '';
  const number = String(lineNumber);
  const margin = ' '.repeat(number.length);
  return [
    `TOML parse error at line ${lineNumber}, column ${column}`,
    `${margin} |`,
    `${number} | ${line}`,
    `${margin} | ${' '.repeat(Math.max(column - 1, 0))}^`,
    `${reason}\n`,
  ].join('\n');
}

/** Where Rust's parser points. */
function placeOf(
  text: string,
  error: TomlError,
  reason: string,
): { readonly line: number; readonly column: number } {
  const lines = text.split(/\r?\n/);
  const line = lines[error.line - 1] ?? '';
  const before = line.slice(0, error.column - 1);
  // What the text ends without is missed after its last character.
  const lastLine = text.trimEnd().split(/\r?\n/);
  if (error.line > lastLine.length) {
    return { line: lastLine.length, column: (lastLine.at(-1) ?? '').length + 1 };
  }
  // What is missing is missed at the end of the line, not where the unfinished thing began.
  if (/^(?:incomplete|unfinished)/.test(reason)) {
    return { line: error.line, column: line.length + 1 };
  }
  // A bare value goes on over blanks: `1 2` is wrong from its beginning.
  const isValue = !before.includes('{') && !/^\s*\[/.test(line) && line[error.column - 1] !== '"';
  const bare = isValue ? /[=[,]\s*([^\s"'[\]=,][^"'[\]=,]*)\s$/.exec(before)?.[1] : undefined;
  if (bare !== undefined) {
    return { line: error.line, column: before.lastIndexOf(bare) + 1 };
  }
  // A bare key goes on to the next blank: `name: x` lacks its sign at the x.
  if (line[error.column - 1] === ':' && /\S$/.test(before)) {
    const rest = /^\S+\s*/.exec(line.slice(error.column - 1))?.[0] ?? '';
    return { line: error.line, column: error.column + rest.length };
  }
  return { line: error.line, column: error.column };
}

function luaOf(value: TomlValue): LuaValue {
  if (typeof value === 'bigint') return integerValue(value);
  if (typeof value === 'number') return floatValue(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof TomlDate) return new Map([[DATE_KEY, dateText(value)]]);
  if (Array.isArray(value)) return value.map(luaOf);
  return new Map(Object.entries(value).map(([key, item]) => [key, luaOf(item as TomlValue)]));
}

/** RFC 3339 without trailing zeros in the fraction. */
function dateText(date: TomlDate): string {
  return date
    .toISOString()
    .replace(/\.(\d*?)0+(?=$|[Z+-])/, (_, kept: string) => (kept === '' ? '' : `.${kept}`));
}

export interface TomlLayout {
  /** Keys in byte order instead of the tree's order. */
  readonly sorted: boolean;
  /** Lists of two and more items on lines of their own. */
  readonly multiline: boolean;
  /** Tables without keys as `key = {}` instead of an empty section. */
  readonly inlineEmptyTables: boolean;
}

/** @throws {Error} when the value is not a table, or holds a null, which TOML cannot say */
export function writeToml(tree: Tree, layout: TomlLayout): string {
  if (!isTreeMap(tree)) throw new Error(`unsupported ${rustType(tree)} type`);
  const lines: string[] = [];
  writeTable(tree, [], layout, lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Serde's word for what is no table. */
function rustType(tree: Exclude<Tree, ReadonlyMap<string, Tree>>): string {
  if (tree === null) return 'unit';
  if (typeof tree === 'boolean') return 'bool';
  if (typeof tree === 'string') return 'str';
  if (!isNumber(tree)) return 'array';
  return typeof tree === 'bigint' || Number.isInteger(tree) ? 'i64' : 'f64';
}

function writeTable(
  table: ReadonlyMap<string, Tree>,
  path: readonly string[],
  layout: TomlLayout,
  lines: string[],
): void {
  const pairs = layout.sorted ? sortedPairs(table) : [...table];
  for (const [key, value] of pairs) {
    if (isSection(value, layout)) continue;
    lines.push(`${keyText(key)} = ${inline(value, layout)}`);
  }
  for (const [key, value] of pairs) {
    if (!isSection(value, layout)) continue;
    const inner = [...path, keyText(key)];
    const isArray = isTreeList(value);
    for (const item of isArray ? value : [value]) {
      const section = item as ReadonlyMap<string, Tree>;
      const hasOwnLines = [...section.values()].some((child) => !isSection(child, layout));
      if (isArray || hasOwnLines || section.size === 0) {
        if (lines.length > 0) lines.push('');
        lines.push(isArray ? `[[${inner.join('.')}]]` : `[${inner.join('.')}]`);
      }
      writeTable(section, inner, layout, lines);
    }
  }
}

/** Whether the value is written under a header of its own: a table, or a list of nothing else. */
function isSection(value: Tree, layout: TomlLayout): boolean {
  if (isTreeMap(value)) return value.size > 0 || !layout.inlineEmptyTables;
  return value !== null && isTreeList(value) && value.length > 0 && value.every(isTreeMap);
}

function inline(value: Tree, layout: TomlLayout): string {
  if (value === null) throw new Error('unsupported unit type');
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'boolean') return String(value);
  if (isNumber(value)) return numberText(value);
  if (isTreeList(value)) {
    const items = value.map((item) => inline(item, layout));
    if (!layout.multiline || items.length < 2) return `[${items.join(', ')}]`;
    return `[\n${items.map((item) => `    ${item},\n`).join('')}]`;
  }
  if (value.size === 0) return '{}';
  const pairs = layout.sorted ? sortedPairs(value) : [...value];
  return `{ ${pairs.map(([key, item]) => `${keyText(key)} = ${inline(item, layout)}`).join(', ')} }`;
}

function isTreeMap(value: Tree): value is ReadonlyMap<string, Tree> {
  return value instanceof Map;
}

function keyText(key: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(key)) return key;
  return plainText(key) ?? `"${escaped(key)}"`;
}

/** Plain quotes when nothing has to be escaped, literal ones when that saves escapes, then blocks. */
function stringText(text: string): string {
  const plain = plainText(text);
  if (plain !== undefined) return plain;
  const isEscaped = ESCAPED.test(text);
  const start = text.includes('\n') ? '\n' : '';
  if (!isEscaped && !text.includes('\\') && !text.includes('"""')) {
    return `"""${start}${blockText(text)}"""`;
  }
  if (!isEscaped && !text.includes("'''")) return `'''${start}${text}'''`;
  return start === '' ? `"${escaped(text)}"` : `"""${start}${blockText(text)}"""`;
}

/** Control characters that only an escape can say. */
const ESCAPED = /[\u0000-\u0008\u000b-\u001f\u007f]/;

/** On one line without escapes; `undefined` when that cannot be. */
function plainText(text: string): string | undefined {
  if (ESCAPED.test(text) || text.includes('\n')) return undefined;
  if (!/["\\]/.test(text)) return `"${escaped(text)}"`;
  return text.includes("'") ? undefined : `'${text}'`;
}

/** Inside `"""`: line breaks as they are, every third quote of a row escaped. */
function blockText(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line.replace(/"{3}|[^"]+|"/g, (part) =>
        /^"{1,2}$/.test(part) ? part : part === '"""' ? '""\\"' : escaped(part),
      ),
    )
    .join('\n');
}

function escaped(text: string): string {
  return text.replace(/["\\\u0000-\u001f\u007f]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return SHORT_ESCAPES[char] ?? `\\u${code}`;
  });
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function numberText(value: number | bigint | LuaFloat): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    return String(value);
  }
  const float = value instanceof LuaFloat ? value.value : value;
  if (!Number.isFinite(float)) return Number.isNaN(float) ? 'nan' : float > 0 ? 'inf' : '-inf';
  if (Object.is(float, -0)) return '-0.0';
  const [mantissa = '', exponent = '0'] = float.toExponential().split('e');
  const plain = plainDecimal(mantissa, Number(exponent));
  return plain.includes('.') ? plain : `${plain}.0`;
}
