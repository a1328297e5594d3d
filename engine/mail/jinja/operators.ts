/**
 * Arithmetic, containment, attributes and slices of template values, with minijinja's rules:
 * `/` always gives a float, `//` and `%` are Euclidean, an attribute of a missing value is an error.
 */
import type { BinaryOperator } from './ast.ts';
import { Fault } from './fault.ts';
import {
  areEqual,
  bigintOf,
  compareValues,
  dictGet,
  display,
  float,
  GroupTuple,
  HostValue,
  integer,
  isDict,
  isFloat,
  isList,
  isText,
  iterate,
  kindOf,
  numberOf,
  textOf,
} from './value.ts';
import type { Value } from './value.ts';

export function binary(operator: BinaryOperator, a: Value, b: Value): Value {
  switch (operator) {
    case '==':
      return areEqual(a, b);
    case '!=':
      return !areEqual(a, b);
    case '<':
      return compareValues(a, b) < 0;
    case '<=':
      return compareValues(a, b) <= 0;
    case '>':
      return compareValues(a, b) > 0;
    case '>=':
      return compareValues(a, b) >= 0;
    case 'in':
      return contains(b, a);
    case '~':
      return display(a) + display(b);
    case '+':
      return add(a, b);
    case '*':
      return repeat(a, b) ?? repeat(b, a) ?? arithmetic('*', a, b);
    default:
      return arithmetic(operator, a, b);
  }
}

function add(a: Value, b: Value): Value {
  if (isText(a) && isText(b)) return textOf(a) + textOf(b);
  if (isList(a) && isList(b)) return [...a, ...b];
  return arithmetic('+', a, b);
}

/** `"ab" * 3` and `[1] * 3`. */
function repeat(value: Value, times: Value): Value {
  const count = bigintOf(times);
  if (count === undefined || !(isText(value) || isList(value))) return undefined;
  const n = Number(count);
  if (n < 0 || n * (isText(value) ? textOf(value).length : value.length) > REPEAT_MAX) {
    throw new Fault('operation', 'sequences and strings can only be multiplied with integers');
  }
  if (isText(value)) return textOf(value).repeat(n);
  return Array.from({ length: n }, () => value).flat();
}

/** Characters or items a `*` may make. */
const REPEAT_MAX = 1_000_000;

type Arithmetic = '+' | '-' | '*' | '/' | '//' | '%' | '**';

function arithmetic(operator: Arithmetic, a: Value, b: Value): Value {
  const x = numberOf(a);
  const y = numberOf(b);
  if (x === undefined || y === undefined) {
    throw new Fault(
      'operation',
      `tried to use ${operator} operator on unsupported types ${kindOf(a)} and ${kindOf(b)}`,
    );
  }
  if (operator === '/') return float(x / y);
  if (isFloat(a) || isFloat(b)) return float(floatArithmetic(operator, x, y));
  const result = integerArithmetic(operator, bigintOf(a) ?? 0n, bigintOf(b) ?? 0n);
  if (result === undefined || result > INTEGER_MAX || result < -INTEGER_MAX) {
    throw new Fault('operation', `unable to calculate ${display(a)} ${operator} ${display(b)}`);
  }
  return integer(result);
}

/** The largest signed integer of 128 bits. */
const INTEGER_MAX = 2n ** 127n - 1n;

function floatArithmetic(operator: Arithmetic, x: number, y: number): number {
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '**':
      return x ** y;
    case '%':
      return ((x % y) + Math.abs(y)) % Math.abs(y);
    default:
      return y > 0 ? Math.floor(x / y) : -Math.floor(x / -y);
  }
}

function integerArithmetic(operator: Arithmetic, x: bigint, y: bigint): bigint | undefined {
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '**':
      return y < 0n || y > 200n ? undefined : x ** y;
    default:
      return y === 0n ? undefined : euclidean(operator, x, y);
  }
}

function euclidean(operator: Arithmetic, x: bigint, y: bigint): bigint {
  const size = y < 0n ? -y : y;
  const remainder = ((x % size) + size) % size;
  return operator === '%' ? remainder : (x - remainder) / y;
}

export function negate(value: Value): Value {
  const number = numberOf(value);
  if (number === undefined || typeof value === 'boolean') throw new Fault('operation');
  if (isFloat(value)) return float(-number);
  return integer(-(bigintOf(value) ?? 0n));
}

function contains(container: Value, value: Value): boolean {
  if (container === undefined) return false;
  if (isText(container)) return textOf(container).includes(display(value));
  if (isList(container)) return container.some((item) => areEqual(item, value));
  if (isDict(container)) return dictGet(container, value) !== undefined;
  throw new Fault('operation', 'cannot perform a containment check on this value');
}

/** `value.name`: undefined when there is none. @throws {Fault} the value itself is undefined */
export function attribute(value: Value, name: string): Value {
  if (value === undefined) throw new Fault('undefined');
  if (value instanceof HostValue) return value.get(name);
  if (value instanceof GroupTuple) return groupMember(value, name);
  return isDict(value) ? dictGet(value, name) : undefined;
}

function groupMember(group: GroupTuple, name: string): Value {
  if (name === 'grouper') return group.grouper;
  return name === 'list' ? group.list : undefined;
}

/** `value[key]`; negative indexes count from the end. */
export function item(value: Value, key: Value): Value {
  if (value === undefined) throw new Fault('undefined');
  if (isList(value) || isText(value)) {
    const index = bigintOf(key);
    if (index === undefined || typeof key === 'boolean') return undefined;
    return (isList(value) ? value : [...textOf(value)]).at(Number(index));
  }
  if (value instanceof HostValue) return isText(key) ? value.get(textOf(key)) : undefined;
  return isDict(value) ? dictGet(value, key) : undefined;
}

/** `value[start:stop:step]`, Python's rules. */
export function slice(value: Value, start: Value, stop: Value, step: Value): Value {
  const by = boundOf(step) ?? 1;
  if (by === 0) throw new Fault('operation', 'cannot slice by step size of 0');
  if (value === undefined || value === null) return [];
  if (!isList(value) && !isText(value)) {
    throw new Fault('operation', `value of type ${kindOf(value)} cannot be sliced`);
  }
  const items = iterate(value);
  const picked: Value[] = [];
  const [from, to] = sliceRange(items.length, boundOf(start), boundOf(stop), by);
  for (let i = from; by > 0 ? i < to : i > to; i += by) picked.push(items[i]);
  return isText(value) ? picked.map(display).join('') : picked;
}

function boundOf(value: Value): number | undefined {
  if (value === undefined || value === null) return undefined;
  const bound = bigintOf(value);
  if (bound === undefined) {
    throw new Fault('operation', `cannot convert ${kindOf(value)} to i64`);
  }
  return Number(bound);
}

function sliceRange(
  length: number,
  start: number | undefined,
  stop: number | undefined,
  step: number,
): [number, number] {
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? length : length - 1;
  const clamp = (bound: number): number =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, lowest), highest);
  return [
    start === undefined ? (step > 0 ? lowest : highest) : clamp(start),
    stop === undefined ? (step > 0 ? highest : lowest) : clamp(stop),
  ];
}
