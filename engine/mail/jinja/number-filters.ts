/** Filters on numbers. */
import type { Filter } from './call.ts';
import { Fault } from './fault.ts';
import {
  bigintOf,
  dictSize,
  display,
  float,
  integer,
  isDict,
  isFloat,
  isList,
  isText,
  kindOf,
  numberOf,
  plainDigits,
  textOf,
} from './value.ts';
import type { Value } from './value.ts';

export const NUMBER_FILTERS: Readonly<Record<string, Filter>> = {
  abs: absFilter,
  round: roundFilter,
  int: intFilter,
  float: floatFilter,
  filesizeformat: filesizeFilter,
  pluralize: pluralizeFilter,
};

function absFilter(...[value]: Parameters<Filter>): Value {
  const number = numberOf(value);
  if (number === undefined || typeof value === 'boolean') {
    throw new Fault('operation', 'cannot get absolute value');
  }
  if (isFloat(value)) return float(Math.abs(number));
  const whole = bigintOf(value) ?? 0n;
  return integer(whole < 0n ? -whole : whole);
}

/** Halves are rounded away from zero. */
function roundFilter(...[value, args]: Parameters<Filter>): Value {
  const number = numberOf(value);
  if (number === undefined || typeof value === 'boolean') {
    throw new Fault('operation', `cannot round value (${kindOf(value)})`);
  }
  if (!isFloat(value)) return value;
  const scale = 10 ** (args.integer(0, 'precision') ?? 0);
  const scaled = number * scale;
  return float((Math.sign(scaled) * Math.round(Math.abs(scaled))) / scale);
}

function intFilter(...[value, args]: Parameters<Filter>): Value {
  const fallback = args.get(0, 'default');
  if (isText(value)) {
    const text = textOf(value);
    if (/^[+-]?\d+$/.test(text)) return integer(BigInt(text.replace('+', '')));
    const number = parseRustFloat(text);
    if (number !== undefined) return Number.isFinite(number) ? Math.trunc(number) : 0;
    if (fallback !== undefined) return fallback;
    throw new Fault('operation', floatProblem(text));
  }
  if (value === undefined || value === null) return fallback ?? 0;
  const number = numberOf(value);
  if (number === undefined) {
    if (fallback !== undefined) return fallback;
    throw new Fault('operation', `cannot convert ${kindOf(value)} to integer`);
  }
  return bigintOf(value) === undefined ? Math.trunc(number) : integer(bigintOf(value) ?? 0n);
}

function floatFilter(...[value, args]: Parameters<Filter>): Value {
  const fallback = args.get(0, 'default');
  if (value === undefined || value === null) return fallback ?? float(0);
  const number = isText(value) ? parseRustFloat(textOf(value)) : numberOf(value);
  if (number !== undefined) return float(number);
  if (fallback !== undefined) return fallback;
  throw new Fault(
    'operation',
    isText(value) ? floatProblem(textOf(value)) : `cannot convert ${kindOf(value)} to float`,
  );
}

/** As Rust reads a float: no blanks around it, `inf` and `nan` in any case. */
function parseRustFloat(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^[+-]?nan$/i.test(text)) return NaN;
  if (!/^[+-]?inf(inity)?$/i.test(text)) return undefined;
  return text.startsWith('-') ? -Infinity : Infinity;
}

function floatProblem(text: string): string {
  return text === '' ? 'cannot parse float from empty string' : 'invalid float literal';
}

const DECIMAL_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const BINARY_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

function filesizeFilter(...[value, args]: Parameters<Filter>): Value {
  const isBinary = args.flag(0, 'binary') ?? false;
  const bytes = numberOf(value);
  if (bytes === undefined) throw new Fault('operation', `cannot convert ${kindOf(value)} to f64`);
  const base = isBinary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  const sign = bytes < 0 ? '-' : '';
  const size = Math.abs(bytes);
  if (size < base) return `${sign}${plainDigits(size)} Bytes`;
  const units = isBinary ? BINARY_UNITS : DECIMAL_UNITS;
  const power = Math.min(Math.floor(Math.log(size) / Math.log(base) + 1e-9), units.length);
  return `${sign}${(size / base ** power).toFixed(1)} ${units[power - 1] ?? ''}`;
}

function pluralizeFilter(...[value, args]: Parameters<Filter>): Value {
  const chosen = isSingular(value) ? args.get(0, 'singular') : args.get(1, 'plural');
  const fallback = isSingular(value) ? '' : 's';
  return chosen === undefined || chosen === null ? fallback : display(chosen);
}

function isSingular(value: Value): boolean {
  if (isText(value)) return [...textOf(value)].length === 1;
  if (isList(value)) return value.length === 1;
  if (isDict(value)) return dictSize(value) === 1;
  const count = bigintOf(value);
  if (count !== undefined) return count === 1n;
  throw new Fault(
    'operation',
    'Pluralize argument is not an integer, or a sequence / object with a length but of type ' +
      kindOf(value),
  );
}
