/**
 * Records one call of a policy event for the Journey: printable arguments, what came back, prints
 * and changed metadata with their lines. Exists only while the call runs and only when somebody
 * wants the trace.
 */
import type { Clock } from '../base/clock.ts';
import type { JsonValue } from '../mail/json.ts';
import { PolicyReject } from './events.ts';
import type { EventCall, EventTrace } from './event-call.ts';
import type { LuaPlace } from './lua/lua-error.ts';
import { withoutTraceback } from './lua/lua-error.ts';
import { luaJsonText } from './lua-json.ts';
import { HostObject, LuaFloat, LuaTable, type LuaValue } from './lua/lua-value.ts';

/** Characters of one printed value. Longer: cut. */
const VALUE_CHARS_MAX = 500;
/** Lines that one call may print into its trace. More: counted in a last line. */
const PRINT_LINES_MAX = 200;
/** Metadata changes kept per call. */
const META_CHANGES_MAX = 200;

/** An argument that must not be shown. */
export const SECRET = '••••';

export class CallRecorder {
  readonly #trace: EventTrace;
  readonly #clock: Clock;
  readonly #event: string;
  readonly #atMs: number;
  readonly #startedMs: number;
  readonly #args: readonly string[];
  readonly #handler: EventCall['handler'];
  readonly #prints: { text: string; line?: number }[] = [];
  #printsDropped = 0;
  readonly #metaChanges: EventCall['metaChanges'][number][] = [];

  constructor(
    trace: EventTrace,
    clock: Clock,
    event: string,
    args: readonly string[],
    handler: LuaPlace | null,
  ) {
    this.#trace = trace;
    this.#clock = clock;
    this.#event = event;
    this.#args = args;
    this.#handler = handler ?? undefined;
    this.#atMs = trace.elapsedMs();
    this.#startedMs = clock.monotonic();
  }

  print(text: string, line: number | undefined): void {
    if (this.#prints.length >= PRINT_LINES_MAX) {
      this.#printsDropped++;
      return;
    }
    this.#prints.push({ text: cut(text), ...(line === undefined ? {} : { line }) });
  }

  metaChanged(
    key: string,
    from: JsonValue | undefined,
    to: JsonValue,
    line: number | undefined,
  ): void {
    if (this.#metaChanges.length >= META_CHANGES_MAX) return;
    this.#metaChanges.push({ key, from, to, ...(line === undefined ? {} : { line }) });
  }

  returned(values: readonly LuaValue[]): void {
    this.#finish({ returned: values.map(printable) });
  }

  failed(error: Error, place: LuaPlace | null): void {
    const text = error instanceof PolicyReject ? error.text : withoutTraceback(error.message);
    this.#finish({
      raised: {
        ...(error instanceof PolicyReject ? { code: error.code } : {}),
        text: cut(text),
        ...(place ?? {}),
      },
    });
  }

  #finish(outcome: Pick<EventCall, 'returned' | 'raised'>): void {
    if (this.#printsDropped > 0) {
      this.#prints.push({ text: `… and ${this.#printsDropped} more lines` });
    }
    this.#trace.add({
      event: this.#event,
      atMs: this.#atMs,
      durationMs: this.#clock.monotonic() - this.#startedMs,
      args: this.#args,
      ...outcome,
      prints: this.#prints,
      metaChanges: this.#metaChanges,
      ...(this.#handler ? { handler: this.#handler } : {}),
    });
  }
}

/** A value as a reader of the Journey would write it. */
export function printable(value: LuaValue): string {
  if (value === undefined || value === null) return 'nil';
  if (typeof value === 'string') return cut(JSON.stringify(value));
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (value instanceof HostObject) return cut(value.describe());
  if (value instanceof LuaFloat || typeof value !== 'object') return luaJsonTextOr(value);
  if (value instanceof LuaTable && holdsObject(value)) return `table of ${sizeOf(value)}`;
  return cut(luaJsonTextOr(value));
}

function holdsObject(table: LuaTable): boolean {
  const values = [...table.sequence, ...table.entries.map(([, item]) => item)];
  return values.some(
    (item) =>
      item instanceof HostObject || (typeof item === 'object' && item !== null && 'ref' in item),
  );
}

function sizeOf(table: LuaTable): number {
  return table.sequence.length + table.entries.length;
}

function luaJsonTextOr(value: LuaValue): string {
  try {
    return luaJsonText(value);
  } catch {
    return 'function';
  }
}

function cut(text: string): string {
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}
