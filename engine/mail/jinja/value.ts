/**
 * Values inside a template: what they are called, how they print, compare and count as true.
 *
 * JSON values stand for themselves. Beside them there are `undefined` (a missing name, printed as
 * nothing), big integers, strings that are already safe
 * for HTML, maps made in the template, and callable objects.
 *
 * Source: minijinja's value model.
 */
import { exactInteger, isBoxed, isJsonFloat, jsonFloat } from '../json.ts';
import { Fault } from './fault.ts';

export type Value =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | Safe
  | HostValue
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | { readonly [key: string]: Value };

/** A string that needs no escaping. */
export class Safe {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** One group of `groupby`: the pair of key and items, which also have names. */
export class GroupTuple extends Array<Value> {
  readonly grouper: Value;
  readonly list: readonly Value[];

  constructor(grouper: Value, list: readonly Value[]) {
    super();
    this.push(grouper, list);
    this.grouper = grouper;
    this.list = list;
  }

  /** What `map` and `filter` return is a plain array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** Something with behaviour: functions, macros, the loop variable, namespaces. */
export abstract class HostValue {
  abstract readonly display: string;
  get(_key: string): Value {
    return undefined;
  }
}

export type Dict = ReadonlyMap<Value, Value> | { readonly [key: string]: Value };

export function isFloat(value: Value): value is number {
  return isJsonFloat(value) || (typeof value === 'number' && !Number.isInteger(value));
}

export function isInteger(value: Value): value is number | bigint {
  if (typeof value === 'bigint' || exactInteger(value) !== undefined) return true;
  return typeof value === 'number' && Number.isInteger(value);
}

export function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint' || isBoxed(value);
}

export function isText(value: Value): value is string | Safe {
  return typeof value === 'string' || value instanceof Safe;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isDict(value: Value): value is Dict {
  if (typeof value !== 'object' || value === null || isList(value)) return false;
  return !(isBoxed(value) || value instanceof Safe || value instanceof HostValue);
}

/** The number as JavaScript's; booleans count as 0 and 1. `undefined` for anything else. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return isNumber(value) ? Number(value) : undefined;
}

/** The integer as a bigint; `undefined` when there is a fraction or no number at all. */
export function bigintOf(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value;
  const exact = exactInteger(value);
  if (exact !== undefined) return exact;
  const number = numberOf(value);
  return number !== undefined && Number.isInteger(number) ? BigInt(number) : undefined;
}

/** The smallest form of an integer. */
export function integer(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

export function float(value: number): Value {
  return jsonFloat(value);
}

export function textOf(value: string | Safe): string {
  return typeof value === 'string' ? value : value.text;
}

/** minijinja's name for the kind of a value. */
export function kindOf(value: Value): string {
  if (value === undefined) return 'undefined';
  if (value === null) return 'none';
  if (typeof value === 'boolean') return 'bool';
  if (isNumber(value)) return 'number';
  if (isText(value)) return 'string';
  if (isList(value)) return 'sequence';
  return value instanceof HostValue ? 'plain object' : 'map';
}

export function isTrue(value: Value): boolean {
  if (value === undefined || value === null) return false;
  if (isNumber(value) || typeof value === 'boolean') return numberOf(value) !== 0;
  if (isText(value)) return textOf(value) !== '';
  if (isList(value)) return value.length > 0;
  return !isDict(value) || dictSize(value) > 0;
}

export function dictSize(dict: Dict): number {
  return isMap(dict) ? dict.size : Object.keys(dict).length;
}

function isMap(dict: Dict): dict is ReadonlyMap<Value, Value> {
  return dict instanceof Map;
}

/** Keys in the order of iteration: sorted. */
export function dictKeys(dict: Dict): Value[] {
  return (isMap(dict) ? [...dict.keys()] : Object.keys(dict)).sort(compareValues);
}

export function dictGet(dict: Dict, key: Value): Value {
  if (!isMap(dict)) {
    const name = isText(key) ? textOf(key) : undefined;
    return name !== undefined && Object.hasOwn(dict, name) ? dict[name] : undefined;
  }
  const exact = dict.get(key instanceof Safe ? key.text : key);
  if (exact !== undefined) return exact;
  for (const [k, v] of dict) if (areEqual(k, key)) return v;
  return undefined;
}

export function dictEntries(dict: Dict): [Value, Value][] {
  return dictKeys(dict).map((key) => [key, dictGet(dict, key)]);
}

/** The items a loop runs over. @throws {Fault} the value has none */
export function iterate(value: Value): readonly Value[] {
  if (value === undefined || value === null) return [];
  if (isList(value)) return value;
  if (isText(value)) return [...textOf(value)];
  if (isDict(value)) return dictKeys(value);
  throw new Fault('operation', `${kindOf(value)} is not iterable`);
}

/** As `{{ value }}` prints it, without escaping. */
export function display(value: Value): string {
  if (value === undefined) return '';
  return isText(value) ? textOf(value) : debug(value);
}

/** As it prints inside a list or map: strings in quotes. */
function debug(value: Value): string {
  if (value === undefined) return 'undefined';
  if (value === null) return 'none';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (isNumber(value)) return displayNumber(value);
  if (isText(value)) return quote(textOf(value));
  if (isList(value)) return `[${value.map(debug).join(', ')}]`;
  if (value instanceof HostValue) return value.display;
  const entries = dictEntries(value).map(([k, v]) => `${debug(k)}: ${debug(v)}`);
  return `{${entries.join(', ')}}`;
}

function displayNumber(value: number): string {
  const number = numberOf(value) ?? 0;
  if (!isFloat(value)) return String(exactInteger(value) ?? plainDigits(number));
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  const digits = plainDigits(number);
  return digits.includes('.') ? digits : `${digits}.0`;
}

/** A float in JSON: always recognisable as one. Infinity and NaN have no JSON form. */
function floatJson(number: number): string {
  if (!Number.isFinite(number)) return 'null';
  if (Math.abs(number) >= 1e16) return number.toExponential().replace('+', '');
  return displayNumber(jsonFloat(number));
}

/** The shortest digits that read back as this number, never with an exponent. */
export function plainDigits(number: number): string {
  const text = String(number);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return Object.is(number, -0) ? '-0' : text;
  const [, sign = '', first = '', rest = '', exponentText = '0'] = match;
  const digits = first + rest;
  const exponent = Number(exponentText);
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  return sign + digits.padEnd(exponent + 1, '0');
}

/** A string as Rust's debug form prints it. */
function quote(text: string): string {
  // Control characters are what has to be found here.
  const inner = text.replace(/["\\\p{Cc}]/gu, (c) => {
    const short = SHORT_ESCAPES[c];
    return short ?? `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return `"${inner}"`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

const KIND_ORDER = [
  'undefined',
  'none',
  'bool',
  'number',
  'string',
  'sequence',
  'map',
  'plain object',
];

/** A total order: by kind, then by value. Strings by code point. */
export function compareValues(a: Value, b: Value): number {
  const x = numberOf(a);
  const y = numberOf(b);
  if (x !== undefined && y !== undefined) return compareNumbers(a, b, x - y);
  if (isText(a) && isText(b)) return compareTexts(textOf(a), textOf(b));
  const byKind = KIND_ORDER.indexOf(kindOf(a)) - KIND_ORDER.indexOf(kindOf(b));
  if (byKind !== 0) return byKind;
  if (isList(a) && isList(b)) return compareLists(a, b);
  if (isDict(a) && isDict(b)) return compareLists(dictEntries(a), dictEntries(b));
  return 0;
}

function compareNumbers(a: Value, b: Value, difference: number): number {
  const x = bigintOf(a);
  const y = bigintOf(b);
  if (x === undefined || y === undefined) return difference;
  return x < y ? -1 : x > y ? 1 : 0;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compareLists(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function areEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a instanceof HostValue || b instanceof HostValue) return false;
  if (isDict(a) && isDict(b) && dictSize(a) !== dictSize(b)) return false;
  return compareValues(a, b) === 0;
}

/** The value as JSON text. @throws {Fault} for callable objects */
export function jsonText(value: Value, indent = 0, depth = 1): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (isNumber(value)) return isFloat(value) ? floatJson(Number(value)) : String(bigintOf(value));
  if (isText(value)) return JSON.stringify(textOf(value));
  if (value instanceof HostValue) throw new Fault('operation', 'cannot serialize to JSON');
  const inner = (v: Value): string => jsonText(v, indent, depth + 1);
  if (isList(value)) return jsonBlock(value.map(inner), '[]', indent, depth);
  const colon = indent > 0 ? ': ' : ':';
  const entries = dictEntries(value).map(([k, v]) => JSON.stringify(display(k)) + colon + inner(v));
  return jsonBlock(entries, '{}', indent, depth);
}

function jsonBlock(
  items: readonly string[],
  brackets: '[]' | '{}',
  indent: number,
  depth: number,
): string {
  const [open, close] = [brackets[0] ?? '', brackets[1] ?? ''];
  if (indent === 0 || items.length === 0) return open + items.join(',') + close;
  const pad = ' '.repeat(indent * depth);
  const end = ' '.repeat(indent * (depth - 1));
  return `${open}\n${items.map((i) => pad + i).join(',\n')}\n${end}${close}`;
}
