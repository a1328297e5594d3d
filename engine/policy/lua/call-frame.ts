/**
 * The arguments of one call from Lua to the host, converted as mlua converts them.
 *
 * Frames are reused: one per depth of nesting, so that a call allocates nothing. A call that
 * suspends keeps its frame (the bridge makes a new one); its arguments stay on the coroutine's
 * stack until it is resumed.
 *
 * Source: reference `lua-api.md` §0.2.
 */
import {
  LUA_DEBUG,
  LUA_TFUNCTION,
  LUA_TNIL,
  LUA_TNONE,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TUSERDATA,
  type LuaState,
} from './lua-abi.ts';
import type { HostCall, LuaContextHandle, StackFrame } from './host-function.ts';
import { utf8Problem } from './lua-error.ts';
import type { LuaMachine } from './lua-machine.ts';
import type { LuaObjects } from './lua-objects.ts';
import type { LuaValues } from './lua-values.ts';
import type { HostObject, LuaFloat, LuaFunctionRef, LuaValue } from './lua-value.ts';
import { luaTypeName } from './type-name.ts';

type IntegerType = 'u8' | 'u16' | 'u32' | 'u64' | 'usize' | 'i64';

const INTEGER_RANGE: Readonly<Record<IntegerType, readonly [number, number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  u64: [0, 2 ** 64],
  usize: [0, 2 ** 64],
  i64: [-(2 ** 63), 2 ** 63],
};

/** What a frame needs of the context it works in. */
export interface FrameHost {
  readonly machine: LuaMachine;
  readonly values: LuaValues;
  readonly objects: LuaObjects;
  readonly calls: LuaContextHandle;
}

export class CallFrame implements HostCall {
  count = 0;
  #host: FrameHost;
  #L: LuaState = 0;
  #base: 0 | 1 = 0;
  #name = '';
  /** Functions read out of tables, released when the call ends. */
  readonly #functions: LuaFunctionRef[] = [];

  constructor(host: FrameHost) {
    this.#host = host;
  }

  begin(L: LuaState, base: 0 | 1, name: string): void {
    this.#L = L;
    this.#base = base;
    this.#name = name;
    this.count = this.#host.machine.lua.lua_gettop(L) - base;
  }

  /** Its context has ended: whoever still holds the call can read nothing any more. */
  kill(): void {
    this.#functions.length = 0;
    this.#host = ENDED;
  }

  end(): void {
    if (this.#functions.length === 0) return;
    for (const fn of this.#functions) this.#host.calls.release(fn);
    this.#functions.length = 0;
  }

  get context(): LuaContextHandle {
    return this.#host.calls;
  }

  /** The coroutine this call runs in. */
  get state(): LuaState {
    return this.#L;
  }

  self<T extends HostObject>(type: abstract new (...args: never[]) => T): T {
    const { objects } = this.#host;
    if (!objects.isObject(this.#L, 1)) {
      throw this.#badArgument(0, `error converting Lua ${this.typeName(0)} to userdata`);
    }
    const object = objects.at(this.#L, 1);
    if (object instanceof type) return object;
    throw this.#badArgument(0, 'userdata is not expected type');
  }

  value(n: number): LuaValue {
    const index = n + this.#base;
    const { values } = this.#host;
    if (this.#type(n) === LUA_TFUNCTION) return values.read(this.#L, index);
    return values.read(this.#L, index, this.#functions);
  }

  string(n: number): string {
    const text = this.#text(n, 'String');
    if (typeof text === 'string') return text;
    throw this.#badArgument(n, `error converting Lua string to &str (${utf8Problem(text)})`);
  }

  optString(n: number): string | undefined {
    return this.isNil(n) ? undefined : this.string(n);
  }

  bytes(n: number): Uint8Array {
    if (this.#type(n) === LUA_TSTRING) {
      return this.#host.values.readBytes(this.#L, n + this.#base);
    }
    const text = this.#text(n, 'string');
    return typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  }

  optBytes(n: number): Uint8Array | undefined {
    return this.isNil(n) ? undefined : this.bytes(n);
  }

  number(n: number): number {
    const value = this.#coerceNumber(n, 'f64');
    return typeof value === 'object' ? value.value : Number(value);
  }

  optNumber(n: number): number | undefined {
    return this.isNil(n) ? undefined : this.number(n);
  }

  integer(n: number, rustType: IntegerType = 'i64'): number {
    const value = this.#coerceNumber(n, rustType);
    const whole = Math.trunc(typeof value === 'object' ? value.value : Number(value));
    const [low, high] = INTEGER_RANGE[rustType];
    if (!(whole >= low && whole <= high)) {
      const from = this.typeName(n);
      throw this.#badArgument(n, `error converting Lua ${from} to ${rustType} (out of range)`);
    }
    return whole;
  }

  optInteger(n: number, rustType: IntegerType = 'i64'): number | undefined {
    return this.isNil(n) ? undefined : this.integer(n, rustType);
  }

  boolean(n: number): boolean {
    return this.#host.machine.lua.lua_toboolean(this.#L, n + this.#base) !== 0;
  }

  object<T extends HostObject>(n: number, type: abstract new (...args: never[]) => T): T {
    const { objects } = this.#host;
    if (this.#type(n) !== LUA_TUSERDATA) {
      const wanted = objects.nameOf(type);
      throw this.#badArgument(n, `error converting Lua ${this.typeName(n)} to ${wanted}`);
    }
    const object = objects.at(this.#L, n + this.#base);
    if (object instanceof type) return object;
    throw this.#badArgument(n, 'userdata is not expected type');
  }

  func(n: number): LuaFunctionRef {
    if (this.#type(n) !== LUA_TFUNCTION) {
      throw this.#badArgument(n, `error converting Lua ${this.typeName(n)} to function`);
    }
    return this.#host.values.functionRef(this.#L, n + this.#base);
  }

  isNil(n: number): boolean {
    const type = this.#type(n);
    return type === LUA_TNIL || type === LUA_TNONE;
  }

  /** mlua's name of the argument's type. */
  typeName(n: number): string {
    if (this.#type(n) === LUA_TNONE) return 'nil';
    return luaTypeName(this.#host.machine.lua, this.#L, n + this.#base);
  }

  /** Pushes copies of all arguments onto another coroutine of the same state. */
  copyArguments(to: LuaState): number {
    const { lua } = this.#host.machine;
    lua.lua_checkstack(this.#L, 1);
    lua.lua_checkstack(to, this.count + 1);
    for (let n = 1; n <= this.count; n++) {
      lua.lua_pushvalue(this.#L, n + this.#base);
      lua.lua_xmove(this.#L, to, 1);
    }
    return this.count;
  }

  /** Lua's `tostring` of argument `n`, which may run a `__tostring` metamethod. */
  toText(n: number): string | Uint8Array {
    const { machine } = this.#host;
    const pointer = machine.lua.luaL_tolstring(this.#L, n + this.#base, machine.out);
    const length = machine.u32[machine.out >> 2] ?? 0;
    const text = machine.text(pointer, length) ?? machine.copy(pointer, length);
    machine.pop(this.#L, 1);
    return text;
  }

  where(level = 1): { source: string; shortSrc: string; line: number } | undefined {
    const { machine } = this.#host;
    const debug = machine.scratch;
    if (machine.lua.lua_getstack(this.#L, level, debug) === 0) return undefined;
    machine.lua.lua_getinfo(this.#L, machine.name('Sl'), debug);
    return {
      source: machine.cString(machine.u32[(debug + LUA_DEBUG.source) >> 2] ?? 0),
      shortSrc: machine.cString(debug + LUA_DEBUG.shortSrc),
      line: machine.i32[(debug + LUA_DEBUG.currentLine) >> 2] ?? -1,
    };
  }

  stackFrame(level: number): StackFrame | undefined {
    const { machine } = this.#host;
    const debug = machine.scratch;
    if (level < 0 || machine.lua.lua_getstack(this.#L, level, debug) === 0) return undefined;
    machine.lua.lua_getinfo(this.#L, machine.name('nSlt'), debug);
    const text = (offset: number): string =>
      machine.cString(machine.u32[(debug + offset) >> 2] ?? 0);
    const line = (offset: number): number => machine.i32[(debug + offset) >> 2] ?? -1;
    return {
      name: text(LUA_DEBUG.name),
      nameWhat: text(LUA_DEBUG.nameWhat),
      what: text(LUA_DEBUG.what),
      source: text(LUA_DEBUG.source),
      shortSrc: machine.cString(debug + LUA_DEBUG.shortSrc),
      currentLine: line(LUA_DEBUG.currentLine),
      lineDefined: line(LUA_DEBUG.lineDefined),
      lastLineDefined: line(LUA_DEBUG.lastLineDefined),
      isTailCall: (machine.u8[debug + LUA_DEBUG.isTailCall] ?? 0) !== 0,
    };
  }

  badArgument(n: number, cause: string): Error {
    return this.#badArgument(n, cause);
  }

  #type(n: number): number {
    return this.#host.machine.lua.lua_type(this.#L, n + this.#base);
  }

  #text(n: number, wanted: string): string | Uint8Array {
    const type = this.#type(n);
    if (type === LUA_TSTRING) return this.#host.values.readString(this.#L, n + this.#base);
    if (type !== LUA_TNUMBER) {
      const from = this.typeName(n);
      const cause = `error converting Lua ${from} to ${wanted} (expected string or number)`;
      throw this.#badArgument(n, cause);
    }
    return this.toText(n);
  }

  #coerceNumber(n: number, wanted: string): number | bigint | LuaFloat {
    const { machine, values } = this.#host;
    const type = this.#type(n);
    if (type === LUA_TNUMBER) return values.readNumber(this.#L, n + this.#base);
    if (type === LUA_TSTRING) {
      const value = machine.lua.lua_tonumberx(this.#L, n + this.#base, machine.out);
      if (machine.u32[machine.out >> 2] !== 0) return value;
    }
    const cause = `error converting Lua ${this.typeName(n)} to ${wanted} (expected number or string coercible to number)`;
    throw this.#badArgument(n, cause);
  }

  /** mlua's `BadArgument`: methods are named and count `self`, functions are not. */
  #badArgument(n: number, cause: string): Error {
    if (this.#base === 0) return new Error(`bad argument #${n}: ${cause}`);
    const which = n === 0 ? '`self`' : `#${n + 1}`;
    return new Error(`bad argument ${which} to \`${this.#name}\`: ${cause}`);
  }
}

function ended(): never {
  throw new Error('the Lua context has ended');
}

const ENDED: FrameHost = {
  get machine(): never {
    return ended();
  },
  get values(): never {
    return ended();
  },
  get objects(): never {
    return ended();
  },
  get calls(): never {
    return ended();
  },
};
