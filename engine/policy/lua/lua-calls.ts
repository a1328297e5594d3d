/**
 * Calls from the host into Lua. Every call runs in a coroutine. A host function that returned a
 * promise yields it (`lua_yieldk`) and is resumed when the promise has settled; calls nest, and a
 * call made while another one is suspended uses a coroutine of its own. Finished coroutines are used
 * again.
 *
 * Failures are `LuaError`; a `LuaFatalError` (budget, broken machine) leaves the context unusable.
 *
 * Source: reference `lua-api.md` §0, §16.
 */
import { toError } from '../../base/assert.ts';
import { ENDED, type Activity } from './activity.ts';
import { CallFrame } from './call-frame.ts';
import type { ErrorReader } from './error-reader.ts';
import { isMachineFailure, type HostCalls } from './host-calls.ts';
import type { HostCall, LuaContextHandle } from './host-function.ts';
import { LUA_MULTRET, LUA_OK, LUA_YIELD, type LuaState } from './lua-abi.ts';
import { LuaError, LuaFatalError } from './lua-error.ts';
import { isLongjmp, type LuaMachine } from './lua-machine.ts';
import type { LuaObjects } from './lua-objects.ts';
import { firstLuaPlace } from './lua-place.ts';
import type { LuaTime } from './lua-time.ts';
import type { HostObject, LuaFunctionRef, LuaValue } from './lua-value.ts';
import type { LuaValues } from './lua-values.ts';

export interface LuaCallsParts {
  readonly machine: LuaMachine;
  /** The state that coroutines are made from; nothing runs on it. */
  readonly main: LuaState;
  readonly values: LuaValues;
  readonly objects: LuaObjects;
  readonly errors: ErrorReader;
  readonly hostCalls: HostCalls;
  readonly activity: Activity;
  readonly time: LuaTime;
  /** Registry reference of the message handler of `callSync`. */
  readonly messageHandler: number;
}

/** A coroutine that calls run in. */
interface Thread {
  readonly L: LuaState;
  readonly ref: number;
}

export class LuaCalls implements LuaContextHandle {
  readonly #machine: LuaMachine;
  readonly #main: LuaState;
  readonly #values: LuaValues;
  readonly #objects: LuaObjects;
  readonly #errors: ErrorReader;
  readonly #hostCalls: HostCalls;
  readonly #activity: Activity;
  readonly #time: LuaTime;
  readonly #messageHandler: number;
  /** Finished ones. */
  readonly #threads: Thread[] = [];

  constructor(parts: LuaCallsParts) {
    this.#machine = parts.machine;
    this.#main = parts.main;
    this.#values = parts.values;
    this.#objects = parts.objects;
    this.#errors = parts.errors;
    this.#hostCalls = parts.hostCalls;
    this.#activity = parts.activity;
    this.#time = parts.time;
    this.#messageHandler = parts.messageHandler;
  }

  get id(): number {
    return this.#activity.life;
  }

  /** Calls a function in a coroutine of its own. */
  async call(fn: LuaFunctionRef, args: readonly LuaValue[]): Promise<readonly LuaValue[]> {
    this.#assertOwn(fn);
    return this.invoke(fn.ref, args, (L, count) => this.readResults(L, count));
  }

  /**
   * Like `call` for the registry reference `ref`; `take` reads the results off the stack. No
   * promise is made when nothing suspended.
   */
  invoke<T>(
    ref: number,
    args: readonly LuaValue[],
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    this.#assertUsable();
    const thread = this.#takeThread();
    let pushed = false;
    try {
      this.#machine.pushRef(thread.L, ref);
      for (const arg of args) this.#values.push(thread.L, arg);
      pushed = true;
    } finally {
      if (!pushed) this.#dropThread(thread);
    }
    return this.#start(thread, args.length, take);
  }

  /** Calls method `name` of the table behind `ref`: `table:name(...args)`. */
  invokeMethod<T>(
    ref: number,
    name: string,
    args: readonly LuaValue[],
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    this.#assertUsable();
    const thread = this.#takeThread();
    const { lua } = this.#machine;
    this.#machine.pushRef(thread.L, ref);
    lua.lua_getfield(thread.L, -1, this.#machine.name(name));
    lua.lua_rotate(thread.L, -2, 1);
    for (const arg of args) this.#values.push(thread.L, arg);
    return this.#start(thread, args.length + 1, take);
  }

  forward(fn: LuaFunctionRef, call: HostCall): readonly LuaValue[] | Promise<readonly LuaValue[]> {
    if (!(call instanceof CallFrame)) throw new Error('Bug: a call of another bridge');
    this.#assertOwn(fn);
    this.#assertUsable();
    const thread = this.#takeThread();
    this.#machine.pushRef(thread.L, fn.ref);
    const count = call.copyArguments(thread.L);
    return this.#start(thread, count, (L, results) => this.readResults(L, results));
  }

  callSync(fn: LuaFunctionRef, args: readonly LuaValue[]): readonly LuaValue[] {
    this.#assertOwn(fn);
    this.#assertUsable();
    const { lua } = this.#machine;
    const L = this.#activity.running || this.#main;
    const top = lua.lua_gettop(L);
    const outermost = this.#enter(L);
    try {
      this.#machine.pushRef(L, this.#messageHandler);
      this.#machine.pushRef(L, fn.ref);
      for (const arg of args) this.#values.push(L, arg);
      const status = lua.lua_pcallk(L, args.length, LUA_MULTRET, top + 1, 0, 0);
      if (status !== LUA_OK) throw this.#errors.errorFrom(L, status);
      const count = lua.lua_gettop(L) - top - 1;
      return this.readResults(L, count);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      if (outermost) this.#leave();
      if (!this.#activity.fatal) lua.lua_settop(L, top);
    }
  }

  release(fn: LuaFunctionRef): void {
    if (!this.#activity.fatal && fn.contextId === this.#activity.life)
      this.#machine.unref(this.#main, fn.ref);
  }

  pairsOf(object: HostObject): readonly (readonly [LuaValue, LuaValue])[] | undefined {
    return this.#objects.typeOf(object).pairs?.(object);
  }

  readResults(L: LuaState, count: number): LuaValue[] {
    const first = this.#machine.lua.lua_gettop(L) - count + 1;
    return Array.from({ length: count }, (_, i) => this.#values.read(L, first + i));
  }

  /** The coroutines are gone with what the machine had in its memory. */
  abandon(): void {
    this.#threads.length = 0;
  }

  #assertOwn(fn: LuaFunctionRef): void {
    if (fn.contextId !== this.#activity.life) throw ENDED;
  }

  #assertUsable(): void {
    if (this.#activity.fatal) throw this.#activity.fatal;
  }

  #takeThread(): Thread {
    const free = this.#threads.pop();
    if (free) return free;
    const L = this.#machine.lua.lua_newthread(this.#main);
    return { L, ref: this.#machine.ref(this.#main) };
  }

  #dropThread(thread: Thread): void {
    if (this.#activity.fatal) return;
    this.#machine.lua.lua_resetthread(thread.L);
    this.#machine.unref(this.#main, thread.ref);
  }

  #start<T>(
    thread: Thread,
    argumentCount: number,
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    const status = this.#resume(thread.L, argumentCount);
    const count = this.#machine.u32[this.#machine.out >> 2] ?? 0;
    if (status === LUA_YIELD) return this.#continue(thread, count, take);
    return this.#finish(thread, status, count, take);
  }

  async #continue<T>(
    thread: Thread,
    firstCount: number,
    take: (L: LuaState, count: number) => T,
  ): Promise<T> {
    let count = firstCount;
    const { life } = this.#activity;
    for (;;) {
      const pending = this.#hostCalls.yielded(thread.L, count);
      this.#machine.pop(thread.L, count);
      // A script's own yield outside of any coroutine has no one to answer it: it goes on at once.
      if (pending) await pending.settled;
      if (life !== this.#activity.life) throw ENDED;
      this.#assertUsable();
      const status = this.#resume(thread.L, 0);
      count = this.#machine.u32[this.#machine.out >> 2] ?? 0;
      if (status !== LUA_YIELD) return this.#finish(thread, status, count, take);
    }
  }

  #resume(L: LuaState, argumentCount: number): number {
    const from = this.#activity.running;
    const outermost = this.#enter(L);
    try {
      return this.#machine.lua.lua_resume(L, from, argumentCount, this.#machine.out);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      this.#activity.running = from;
      if (outermost) this.#leave();
    }
  }

  #finish<T>(
    thread: Thread,
    status: number,
    count: number,
    take: (L: LuaState, count: number) => T,
  ): T {
    if (status !== LUA_OK) {
      const error = this.#errors.errorFrom(thread.L, status);
      this.#dropThread(thread);
      throw error;
    }
    try {
      return take(thread.L, count);
    } finally {
      this.#machine.lua.lua_settop(thread.L, 0);
      this.#threads.push(thread);
    }
  }

  /** @returns whether this is the outermost entry into Lua, which must `#leave` */
  #enter(L: LuaState): boolean {
    const outermost = this.#activity.running === 0;
    this.#activity.running = L;
    if (outermost) this.#time.enter();
    return outermost;
  }

  #leave(): void {
    this.#activity.running = 0;
    this.#hostCalls.resetDepth();
    this.#time.leave();
  }

  /** What left the wasm code as an exception: everything but our own errors broke the machine. */
  #settleThrown(thrown: unknown, L: LuaState): Error {
    if (thrown instanceof LuaError || thrown instanceof LuaFatalError) return thrown;
    if (!isMachineFailure(thrown)) return toError(thrown);
    const place = firstLuaPlace(this.#machine, L);
    const error = isLongjmp(thrown) ? 'error outside of a protected call' : toError(thrown).message;
    return this.#activity.breakDown(`Lua stopped: ${error}`, place, thrown);
  }
}
