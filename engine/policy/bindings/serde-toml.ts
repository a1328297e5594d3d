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
    return luaOf(parse(text, { integersAsBigInt: true }));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Error(explain(text, error), { cause: error });
  }
}

function explain(text: string, error: TomlError): string {
  const line = text.split(/\r?\n/)[error.line - 1] ?? '';
  const number = String(error.line);
  const margin = ' '.repeat(number.length);
  const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
  // What is missing is missed at the end of the line, not where the unfinished thing began.
  const column = /^(?:incomplete|unfinished)/.test(reason) ? line.length + 1 : error.column;
  return [
    `TOML parse error at line ${error.line}, column ${column}`,
    `${margin} |`,
    `${number} | ${line}`,
    `${margin} | ${' '.repeat(Math.max(column - 1, 0))}^`,
    `${reason}\n`,
  ].join('\n');
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
  if (!isTreeMap(tree)) throw new Error('unsupported rust type');
  const lines: string[] = [];
  writeTable(tree, [], layout, lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
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
    const items = value.map((item) => inline(item, { ...layout, multiline: false }));
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
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : stringText(key);
}

/** Literal quotes when that saves escapes, a block when there are line breaks, else basic quotes. */
function stringText(text: string): string {
  const hasControls = /[\u0000-\u0008\u000b-\u001f\u007f]/.test(text);
  if (text.includes('\n'))
    return `"""\n${escaped(text, /["\\\u0000-\u0009\u000b-\u001f\u007f]/g)}"""`;
  if (/["\\]/.test(text) && !text.includes("'") && !hasControls) return `'${text}'`;
  return `"${escaped(text, /["\\\u0000-\u001f\u007f]/g)}"`;
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (char) => JSON.stringify(char).slice(1, -1));
}

function numberText(value: number | bigint | LuaFloat): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    return String(value);
  }
  const float = value instanceof LuaFloat ? value.value : value;
  if (!Number.isFinite(float)) return Number.isNaN(float) ? 'nan' : float > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponent = '0'] = float.toExponential().split('e');
  const plain = plainDecimal(mantissa, Number(exponent));
  return plain.includes('.') ? plain : `${plain}.0`;
}
