/** The helpers that come with Handlebars, apart from the block helpers of `template.ts`. */
import { isDeepStrictEqual } from 'node:util';
import { isBoxed, type JsonValue } from '../json.ts';
import { isObject, isTruthy } from './value.ts';

type Helper = (params: readonly (JsonValue | undefined)[]) => JsonValue | undefined;

export const HELPERS: ReadonlyMap<string, Helper> = new Map<string, Helper>([
  ['eq', ([a, b]) => isDeepStrictEqual(a ?? null, b ?? null)],
  ['ne', ([a, b]) => !isDeepStrictEqual(a ?? null, b ?? null)],
  ['gt', ([a, b]) => isOrdered(a, b) && compare(a, b) > 0],
  ['gte', ([a, b]) => isOrdered(a, b) && compare(a, b) >= 0],
  ['lt', ([a, b]) => isOrdered(a, b) && compare(a, b) < 0],
  ['lte', ([a, b]) => isOrdered(a, b) && compare(a, b) <= 0],
  ['and', (params) => params.every((p) => isTruthy(p, false))],
  ['or', (params) => params.some((p) => isTruthy(p, false))],
  ['not', ([a]) => !isTruthy(a, false)],
  ['len', ([a]) => lengthOf(a)],
  ['lookup', ([of, key]) => lookup(of, key)],
  ['log', () => ''],
]);

function isOrdered(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return (isNumber(a) && isNumber(b)) || (typeof a === 'string' && typeof b === 'string');
}

function compare(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b);
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

function isNumber(value: JsonValue | undefined): boolean {
  return typeof value === 'number' || isBoxed(value);
}

function lengthOf(value: JsonValue | undefined): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : 0;
}

function lookup(of: JsonValue | undefined, key: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(of)) return of[Number(key)];
  if (!isObject(of)) return undefined;
  const name = String(key);
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
