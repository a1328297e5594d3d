/** How Handlebars prints values and what it takes for true. */
import { exactInteger, isBoxed, isJsonFloat } from '../json.ts';
import type { JsonObject, JsonValue } from '../json.ts';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isBoxed(value);
}

export function isTruthy(value: JsonValue | undefined, includesZero: boolean): boolean {
  if (typeof value === 'number' || isBoxed(value)) return includesZero || Number(value) !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

export function printValue(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return `[${value.map((v) => `${printValue(v)}, `).join('')}]`;
  if (isJsonFloat(value)) return `${Number(value)}.0`;
  return isObject(value) ? '[object]' : String(exactInteger(value) ?? value);
}
