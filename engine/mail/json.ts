/**
 * JSON as values. Metadata, records and settings are made of these.
 *
 * Scripts tell `1.0` from `1` and have integers of 64 bits, JavaScript's numbers do neither. Such a
 * number is a `Number` object here: arithmetic works on it, and `JSON.stringify` writes it as
 * KumoMTA does.
 */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;
/** Only an object or list with one of these can hold a number that a plain one would not keep. */
const UNUSUAL_NUMBER = /[:[,]-?(?:\d+\.0[\],}]|\d[\d.]*e\d|\d{16})/;

/** A float whose value is integral. */
class JsonFloat extends Number {
  toJSON(): unknown {
    return rawJson(floatText(this.valueOf()));
  }
}

/** An integer beyond those that JavaScript counts exactly. */
class JsonInteger extends Number {
  readonly exact: bigint;

  constructor(exact: bigint) {
    super(exact);
    this.exact = exact;
  }

  toJSON(): unknown {
    return rawJson(String(this.exact));
  }
}

/** What the object itself has at a key that a script chose: `constructor` is no key of `{}`. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A deep copy. Several times faster than `structuredClone` for the small objects metadata is. */
export function cloneJson<T extends JsonValue>(value: T): T;
export function cloneJson(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || isBoxed(value)) return value;
  if (Array.isArray(value)) return value.map((item) => cloneJson(item));
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) copy[key] = cloneJson(item);
  return copy;
}

/** Compact JSON with the keys of every object in order, as serde_json's maps have them. */
export function sortedJsonText(value: JsonValue): string {
  if (typeof value !== 'object' || value === null || isBoxed(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJsonText).join(',')}]`;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = pairs.map(([key, item]) => `${JSON.stringify(key)}:${sortedJsonText(item)}`);
  return `{${texts.join(',')}}`;
}

/** The object or list in a text that `JSON.stringify` made, its kinds of numbers kept. */
export function parseJson(text: string): JsonValue {
  if (!UNUSUAL_NUMBER.test(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text, keepKind) as JsonValue;
}

function keepKind(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? jsonNumber(context?.source ?? String(value)) : value;
}

/** The number that a JSON text spells. */
export function jsonNumber(source: string): number {
  return /[.eE]|^-0$/.test(source) ? jsonFloat(Number(source)) : jsonInteger(BigInt(source));
}

/** A float that stays one: `1.0` is not `1`. */
export function jsonFloat(value: number): number {
  return (Number.isInteger(value) ? new JsonFloat(value) : value) as number;
}

/** An integer with all its digits; what 64 bits cannot hold is a float. */
export function jsonInteger(value: bigint): number {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  if (value < INTEGER_MIN || value > INTEGER_MAX) return jsonFloat(Number(value));
  return new JsonInteger(value) as unknown as number;
}

export function isJsonFloat(value: unknown): boolean {
  return value instanceof Number && !(value instanceof JsonInteger);
}

/** The digits of an integer that a plain number would not keep; `undefined` for anything else. */
export function exactInteger(value: unknown): bigint | undefined {
  return value instanceof JsonInteger ? value.exact : undefined;
}

/** A number that is an object to JavaScript. */
export function isBoxed(value: unknown): boolean {
  return value instanceof Number;
}

/** A number in serde's words, e.g. ``floating point `5.0` ``; `undefined` for anything else. */
export function describeNumber(value: JsonValue): string | undefined {
  if (typeof value !== 'number' && !isBoxed(value)) return undefined;
  const isFloat = isJsonFloat(value) || !Number.isInteger(Number(value));
  return `${isFloat ? 'floating point' : 'integer'} \`${JSON.stringify(value)}\``;
}

/** An integral float as KumoMTA's JSON has it: `2.0`, and `1e16` from sixteen zeros on. */
function floatText(value: number): string {
  if (Math.abs(value) >= 1e16) return value.toExponential().replace('+', '');
  return Object.is(value, -0) ? '-0.0' : `${value}.0`;
}

/** TypeScript does not know it yet. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}
