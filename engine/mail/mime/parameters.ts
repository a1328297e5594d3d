/**
 * Fields with a value and parameters: `text/plain; charset="utf-8"`.
 *
 * Source: RFC 2045 §5.1, RFC 2231.
 */
import { decodeHeaderText, isAscii } from '../rfc2047.ts';
import { headerString } from '../header.ts';

export interface ParameterizedValue {
  /** Without parameters, as written: `Text/Plain`. */
  readonly value: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /;\s*([^\s;=*]+)(?:\*(\d+))?(\*)?\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s;"]*))/g;

export function parseParameters(text: string): ParameterizedValue {
  const flat = text.replace(/\r?\n[ \t]+/g, ' ').trim();
  const value =
    /^[^;]*/
      .exec(flat)?.[0]
      .replace(/\([^)]*\)/g, '')
      .trim() ?? '';
  const pieces = new Map<string, { index: number; isEncoded: boolean; text: string }[]>();
  for (const match of flat.matchAll(PARAMETER)) {
    const [, name = '', index, star, quoted, plain = ''] = match;
    const piece = {
      index: Number(index ?? 0),
      isEncoded: star !== undefined,
      text: quoted === undefined ? plain : quoted.replace(/\\([\s\S])/g, '$1'),
    };
    const key = name.toLowerCase();
    const others = pieces.get(key);
    if (others) others.push(piece);
    else pieces.set(key, [piece]);
  }
  const parameters = new Map<string, string>();
  for (const [name, parts] of pieces) {
    parts.sort((a, b) => a.index - b.index);
    parameters.set(name, joinPieces(parts));
  }
  return { value, parameters };
}

function joinPieces(parts: readonly { isEncoded: boolean; text: string }[]): string {
  const [first] = parts;
  if (!first?.isEncoded) {
    const plain = parts.map((p) => p.text).join('');
    return plain.includes('=?') ? headerString(decodeHeaderText(Buffer.from(plain))) : plain;
  }
  const [, charset = '', rest = ''] = /^([^']*)'[^']*'([\s\S]*)$/.exec(first.text) ?? [];
  const bytes = Buffer.concat(
    parts.map((p, i) => percentDecode(i === 0 ? rest : p.text, p.isEncoded)),
  );
  try {
    return new TextDecoder(charset || 'utf-8').decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

function percentDecode(text: string, isEncoded: boolean): Buffer {
  if (!isEncoded) return Buffer.from(text);
  const binary = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(binary, 'latin1');
}

/** Columns a parameter value may have before it is continued in another one (RFC 2231 §3). */
const VALUE_LENGTH_MAX = 64;

/** The value and its parameters, each on a line of its own, sorted by name and quoted. */
export function formatParameters(field: ParameterizedValue): string {
  const lines = [...field.parameters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => formatParameter(name, value));
  return [field.value, ...lines].join(';\r\n\t');
}

function formatParameter(name: string, value: string): string[] {
  const isPlain = isAscii(value) && !/[\r\n]/.test(value);
  if (isPlain && value.length <= VALUE_LENGTH_MAX) return [`${name}=${quote(value)}`];
  if (isPlain) {
    return splitEvery(value, VALUE_LENGTH_MAX).map((part, i) => `${name}*${i}=${quote(part)}`);
  }
  const encoded = percentEncode(value);
  if (encoded.length <= VALUE_LENGTH_MAX) return [`${name}*=UTF-8''${encoded}`];
  return (encoded.match(new RegExp(`(?:%..|[^%]){1,${VALUE_LENGTH_MAX / 4}}`, 'g')) ?? []).map(
    (part, i) => `${name}*${i}*=${i === 0 ? "UTF-8''" : ''}${part}`,
  );
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

function splitEvery(text: string, length: number): string[] {
  return text.match(new RegExp(`[\\s\\S]{1,${length}}`, 'g')) ?? [];
}

function percentEncode(value: string): string {
  return [...Buffer.from(value)]
    .map((byte) => {
      const c = String.fromCharCode(byte);
      return /[A-Za-z0-9._-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
