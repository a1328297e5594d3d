/**
 * Metadata and headers that a logger asked for by name. A trailing `*` matches every name that
 * starts so. Header names match in any case and keep the spelling of the message; metadata names
 * match exactly.
 *
 * Source: reference `http-logs-reception.md` §3.2.
 */
import { fieldName, fieldValue, headerString, readHeaderBlock } from '../mail/header.ts';
import { ownValue, type JsonObject, type JsonValue } from '../mail/json.ts';

export function captureMeta(meta: JsonObject, wanted: readonly string[]): JsonObject {
  const captured: JsonObject = {};
  for (const name of wanted) {
    if (name.endsWith('*')) {
      const prefix = name.slice(0, -1);
      for (const [key, value] of Object.entries(meta))
        if (key.startsWith(prefix)) captured[key] = value;
    } else {
      const value = ownValue(meta, name);
      if (value !== undefined && value !== null) captured[name] = value;
    }
  }
  return captured;
}

/** A header that stands several times becomes a list. */
export function captureHeaders(data: Uint8Array, wanted: readonly string[]): JsonObject {
  if (wanted.length === 0) return {};
  const patterns = wanted.map((name) => name.toLowerCase());
  const captured = new Map<string, { spelling: string; values: JsonValue[] }>();
  for (const field of readHeaderBlock(data).fields) {
    const spelling = fieldName(data, field);
    const name = spelling.toLowerCase();
    const isWanted = patterns.some((p) =>
      p.endsWith('*') ? name.startsWith(p.slice(0, -1)) : p === name,
    );
    if (!isWanted) continue;
    const entry = captured.get(name) ?? { spelling, values: [] };
    entry.values.push(headerString(fieldValue(data, field)));
    captured.set(name, entry);
  }
  const result: JsonObject = {};
  for (const { spelling, values } of captured.values()) {
    result[spelling] = values.length === 1 ? (values[0] ?? null) : values;
  }
  return result;
}
