/** Values as Lua source: strings, tables, conditions. */
import type { JsonValue } from '../mail/json.ts';

const WORD = /^[A-Za-z_]\w*$/;
const KEYWORDS: ReadonlySet<string> = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

export function luaString(text: string): string {
  if (!/[\\'\n\r\0]/.test(text)) return `'${text}'`;
  const body = text
    .replace(/[\\']/g, (char) => `\\${char}`)
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\0/g, '\\0');
  return `'${body}'`;
}

/** @param indent of the line it stands in */
export function luaValue(value: JsonValue, indent: string): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return luaString(value);
  if (typeof value !== 'object') return String(value);
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => luaValue(item, inner))
    : Object.entries(value).map(([key, item]) => `${luaKey(key)} = ${luaValue(item, inner)}`);
  if (items.length === 0) return '{}';
  const line = `{ ${items.join(', ')} }`;
  if (line.length + indent.length <= 80 && !line.includes('\n')) return line;
  return `{\n${items.map((item) => `${inner}${item},\n`).join('')}${indent}}`;
}

function luaKey(key: string): string {
  return WORD.test(key) && !KEYWORDS.has(key) ? key : `[${luaString(key)}]`;
}
