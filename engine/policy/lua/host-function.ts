/**
 * How the host gives functions and userdata to Lua. Bindings are data: a table of functions with
 * their effect, from which the registration, the compatibility page, completion and dry-run stubs
 * are all made.
 *
 * A function returns a value (or `MultiValue`), or a promise of one: then the Lua coroutine is
 * suspended until it settles (`pcall` and generic `for` work through it; across a C boundary the
 * caller gets `attempt to yield across a C-call boundary`, as in KumoMTA).
 * A thrown `Error` becomes a userdata error with `__tostring`: `<message>\nstack traceback:…`.
 * A thrown `PolicyReject` stays recognisable however often `pcall`/`error(e)` pass it on.
 *
 * Source: reference `lua-api.md` §0, §16.
 */
import type { HostObject, LuaFunctionRef, LuaValue, MultiValue } from './lua-value.ts';

/** What a host function touches; decides what a dry run does with it. */
export type Effect = 'pure' | 'read' | 'write' | 'network';

export interface HostCall {
  /** Number of arguments, `self` not counted. Argument numbers below start at 1. */
  readonly count: number;
  /** The context this runs in. */
  readonly context: LuaContextHandle;
  /** The object a method was called on. @throws `bad argument \`self\` to …` */
  self<T extends HostObject>(type: abstract new (...args: never[]) => T): T;
  /**
   * Deep copy of an argument. Tables become `LuaTable`; functions inside tables are released when
   * the call ends, an argument that is itself a function is the caller's to release.
   */
  value(n: number): LuaValue;
  /** mlua's conversions, with its error texts (`bad argument #n: error converting Lua nil to String (…)`). */
  string(n: number): string;
  optString(n: number): string | undefined;
  bytes(n: number): Uint8Array;
  optBytes(n: number): Uint8Array | undefined;
  number(n: number): number;
  optNumber(n: number): number | undefined;
  integer(n: number, rustType?: 'u8' | 'u16' | 'u32' | 'u64' | 'usize' | 'i64'): number;
  optInteger(
    n: number,
    rustType?: 'u8' | 'u16' | 'u32' | 'u64' | 'usize' | 'i64',
  ): number | undefined;
  boolean(n: number): boolean;
  /** The host object behind a userdata argument. @throws `error converting Lua table to <typeName>` or `userdata is not expected type` */
  object<T extends HostObject>(n: number, type: abstract new (...args: never[]) => T): T;
  func(n: number): LuaFunctionRef;
  isNil(n: number): boolean;
  /** mlua's word for the argument's type: `nil`, `integer`, `number`, `string`, `table`, … */
  typeName(n: number): string;
  /** Lua's `tostring`, `__tostring` included. */
  toText(n: number): string | Uint8Array;
  /** `bad argument #n: <cause>`, with the method's name for methods. */
  badArgument(n: number, cause: string): Error;
  /** Level 0 is the host function itself, 1 its caller. */
  stackFrame(level: number): StackFrame | undefined;
  /** Source and line of the Lua caller, `level` 1 = the function that called the host. */
  where(
    level?: number,
  ): { readonly source: string; readonly shortSrc: string; readonly line: number } | undefined;
}

/** One level of the Lua stack; absent texts are empty, absent lines -1. */
export interface StackFrame {
  readonly name: string;
  readonly nameWhat: string;
  readonly what: string;
  readonly source: string;
  readonly shortSrc: string;
  readonly currentLine: number;
  readonly lineDefined: number;
  readonly lastLineDefined: number;
  readonly isTailCall: boolean;
}

export type HostResult = LuaValue | MultiValue | Promise<LuaValue | MultiValue>;

export interface HostFunction {
  readonly effect: Effect;
  /**
   * `fn(name, n?) -> string`: its own name first, without the path; shown in completion and docs.
   * Without `->` it gives no value.
   */
  readonly signature: string;
  /** One sentence. */
  readonly doc: string;
  readonly run: (call: HostCall) => HostResult;
}

/** A field of `kumo` that holds functions: `['kumo']`, `['kumo', 'time']`, or a module for `require`. */
export interface HostModule {
  readonly path: readonly string[];
  readonly functions: Readonly<Record<string, HostFunction>>;
  /** Constants, e.g. `kumo.version`. */
  readonly constants?: Readonly<Record<string, LuaValue>>;
}

export interface HostMethod<T> {
  readonly effect: Effect;
  readonly signature: string;
  readonly doc: string;
  readonly run: (self: T, call: HostCall) => HostResult;
}

/** A userdata type. Unknown members: nil when it has methods, an error when it has only fields. */
export interface UserdataType<T extends HostObject> {
  readonly name: string;
  readonly class: abstract new (...args: never[]) => T;
  readonly methods?: Readonly<Record<string, HostMethod<T>>>;
  readonly fields?: Readonly<Record<string, (self: T) => LuaValue>>;
  /** Dynamic keys (MemoizedTable, DomainMap, config objects). */
  readonly index?: (self: T, key: LuaValue) => LuaValue;
  readonly newIndex?: (self: T, key: LuaValue, value: LuaValue) => void;
  readonly length?: (self: T) => number;
  /** Pairs for `__pairs`, in order. Also how the value is materialised for encoders and constructors. */
  readonly pairs?: (self: T) => readonly (readonly [LuaValue, LuaValue])[];
  readonly toString?: (self: T) => string | Uint8Array;
  readonly equals?: (a: T, b: unknown) => boolean;
  readonly add?: (a: LuaValue, b: LuaValue) => LuaValue;
  readonly subtract?: (a: LuaValue, b: LuaValue) => LuaValue;
  readonly close?: (self: T) => void;
}

/** What bindings may ask of a running context. */
export interface LuaContextHandle {
  readonly id: number;
  /** Calls a Lua function in this context, from within a host function. */
  call(fn: LuaFunctionRef, args: readonly LuaValue[]): Promise<readonly LuaValue[]>;
  /**
   * Calls a function with all arguments of a call, as they are. A promise only when it suspended:
   * what is known at once can also be returned where nothing may suspend.
   */
  forward(fn: LuaFunctionRef, call: HostCall): readonly LuaValue[] | Promise<readonly LuaValue[]>;
  /** Like `call`, but fails when the function yields. */
  callSync(fn: LuaFunctionRef, args: readonly LuaValue[]): readonly LuaValue[];
  release(fn: LuaFunctionRef): void;
  /** The pairs behind a userdata, as its `__pairs` gives them; `undefined` when its type has none. */
  pairsOf(object: HostObject): readonly (readonly [LuaValue, LuaValue])[] | undefined;
}
