/** JSON as values. Metadata, records and settings are made of these. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** A deep copy. Several times faster than `structuredClone` for the small objects metadata is. */
export function cloneJson<T extends JsonValue>(value: T): T;
export function cloneJson(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => cloneJson(item));
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) copy[key] = cloneJson(item);
  return copy;
}

/**
 * A float whose value is integral. Scripts tell `1.0` from `1`, so metadata keeps the difference as
 * a `Number` object: JSON prints it like any number, a structured clone keeps it, arithmetic works.
 */
export function jsonFloat(value: number): number {
  return (Number.isInteger(value) ? Object(value) : value) as number;
}

export function isJsonFloat(value: unknown): boolean {
  return value instanceof Number;
}
