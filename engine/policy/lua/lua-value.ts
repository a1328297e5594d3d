/**
 * Lua values on the host's side of the bridge.
 *
 * | Lua | host |
 * | --- | --- |
 * | nil | `undefined` |
 * | NULL light userdata (serde's null, truthy in Lua) | `LUA_NULL` |
 * | boolean | `boolean` |
 * | integer | `number` when safe, else `bigint` |
 * | float | `number` when it has a fraction (or is inf/nan), else `LuaFloat` |
 * | string | `string` when it is valid UTF-8, else `Uint8Array` |
 * | table | `LuaTable`, a deep copy |
 * | function | `LuaFunctionRef` (release it, or keep it for the context's life) |
 * | our userdata | the host object it stands for (`HostObject`) |
 *
 * Pushed back: the same in reverse; `Uint8Array` becomes a byte string; a JS array becomes a table
 * with the array marker (`getmetatable(t) == false`), a plain object or `Map` a table, `null` nil.
 */
import type { HostCall, HostResult } from './host-function.ts';

export const LUA_NULL: unique symbol = Symbol('NULL');

/** A float whose value is integral: Lua tells `1.0` from `1`, JavaScript does not. */
export class LuaFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A table as read: the sequence part, and every other pair in iteration order. */
export class LuaTable {
  readonly sequence: LuaValue[];
  readonly entries: [LuaValue, LuaValue][];
  /** It carries the array marker, so that empty means `[]` and not `{}`. */
  readonly isArray: boolean;

  constructor(sequence: LuaValue[], entries: [LuaValue, LuaValue][], isArray: boolean) {
    this.sequence = sequence;
    this.entries = entries;
    this.isArray = isArray;
  }

  /** The value at a text key. */
  get(key: string): LuaValue {
    return this.entries.find(([k]) => k === key)?.[1];
  }
}

/** A Lua function kept in the registry of one context. */
export interface LuaFunctionRef {
  readonly kind: 'function';
  readonly ref: number;
  readonly contextId: number;
}

/** Anything that is a userdata in Lua. Its class is registered once with `defineUserdata`. */
export abstract class HostObject {
  /** The name Lua error texts use: `Message`, `EnvelopeAddress`, … */
  abstract readonly luaTypeName: string;

  /**
   * Called once when the last userdata for this object was collected, or its context ended. Files and
   * connections are closed here.
   */
  dispose?(): void;

  /** Bytes it keeps alive besides itself, so that Lua collects in time. */
  get weightBytes(): number {
    return 0;
  }

  /** How traces print it. */
  describe(): string {
    return this.luaTypeName;
  }
}

/**
 * A function made at run time: what `kumo.memoize` or an iterator factory returns. Pushed, it is an
 * ordinary Lua function; it is forgotten when Lua collects it.
 */
export class HostClosure {
  /** Shown in error texts and traces. */
  readonly name: string;
  readonly run: (call: HostCall) => HostResult;

  constructor(name: string, run: (call: HostCall) => HostResult) {
    this.name = name;
    this.run = run;
  }
}

export type LuaValue =
  | undefined
  | null
  | typeof LUA_NULL
  | boolean
  | number
  | bigint
  | LuaFloat
  | string
  | Uint8Array
  | LuaTable
  | LuaFunctionRef
  | HostClosure
  | HostObject
  | readonly LuaValue[]
  | ReadonlyMap<LuaValue, LuaValue>
  | { readonly [key: string]: LuaValue };

/** Several return values of a host function. */
export class MultiValue {
  readonly values: readonly LuaValue[];
  constructor(...values: LuaValue[]) {
    this.values = values;
  }
}
