/**
 * What a failed Lua call left on its stack, as errors of the host.
 *
 * The stack of a coroutine that failed is still there, so its traceback and the place of the error
 * are read from it; calls without a coroutine need the message handler for that.
 *
 * Source: reference `lua-api.md` §0.6.
 */
import {
  LUA_DEBUG,
  LUA_ERRMEM,
  LUA_OK,
  LUA_TSTRING,
  LUA_TUSERDATA,
  type LuaState,
} from './lua-abi.ts';
import { LuaError, RaisedError } from './lua-error.ts';
import type { LuaMachine } from './lua-machine.ts';
import type { LuaObjects } from './lua-objects.ts';
import { firstLuaPlace, placeInMessage } from './lua-place.ts';
import type { LuaValues } from './lua-values.ts';

export class ErrorReader {
  readonly #machine: LuaMachine;
  readonly #main: LuaState;
  readonly #values: LuaValues;
  readonly #objects: LuaObjects;
  /** Registry reference of Lua's `tostring`. */
  readonly #toString: number;

  constructor(machine: LuaMachine, main: LuaState, values: LuaValues, objects: LuaObjects) {
    this.#machine = machine;
    this.#main = main;
    this.#values = values;
    this.#objects = objects;
    machine.lua.lua_getglobal(main, machine.name('tostring'));
    this.#toString = machine.ref(main);
  }

  /** The message handler of `callSync`: gives every error its traceback while the stack is there. */
  wrapRaised(L: LuaState): number {
    const { lua } = this.#machine;
    if (lua.lua_type(L, 1) === LUA_TUSERDATA && this.#objects.at(L, 1) instanceof RaisedError) {
      return 1;
    }
    const error = this.#runtimeError(L);
    this.#objects.push(L, new RaisedError(error, ''));
    return 1;
  }

  /** The error a failed call left on top of `L`. */
  errorFrom(L: LuaState, status: number): Error {
    const { lua } = this.#machine;
    if (status === LUA_ERRMEM) {
      return new LuaError('memory error: not enough memory', null, firstLuaPlace(this.#machine, L));
    }
    if (lua.lua_type(L, -1) === LUA_TUSERDATA) {
      const object = this.#objects.at(L, -1);
      if (object instanceof RaisedError) return this.#hostError(L, object);
    }
    return this.#runtimeError(L);
  }

  #hostError(L: LuaState, raised: RaisedError): Error {
    if (raised.error instanceof LuaError && raised.traceback === '') return raised.error;
    const { error, root } = raised;
    const place =
      firstLuaPlace(this.#machine, L) ?? (error instanceof LuaError ? error.place : null);
    return new LuaError(raised.text.trimEnd(), root instanceof LuaError ? null : root, place);
  }

  /** For an error that Lua code raised; the value is on top of `L`, whose stack is still there. */
  #runtimeError(L: LuaState): LuaError {
    const message = this.#errorText(L);
    const place =
      placeInMessage(message, (short) => this.#sourceOf(L, short)) ??
      firstLuaPlace(this.#machine, L);
    return new LuaError(`runtime error: ${message}\n${this.traceback(L)}`, null, place);
  }

  #errorText(L: LuaState): string {
    const machine = this.#machine;
    const { lua } = machine;
    lua.lua_checkstack(L, 4);
    if (lua.lua_type(L, -1) === LUA_TSTRING) {
      return Buffer.from(this.#values.readBytes(L, -1)).toString('utf8');
    }
    // A `__tostring` may fail in turn, so it runs protected, and not on a coroutine that is dead.
    const S = this.#main;
    machine.pushRef(S, this.#toString);
    lua.lua_pushvalue(L, -1);
    lua.lua_xmove(L, S, 1);
    const status = lua.lua_pcallk(S, 1, 1, 0, 0, 0);
    const text = status === LUA_OK ? this.#values.readBytes(S, -1) : null;
    machine.pop(S, 1);
    return text === null ? '(error object cannot be printed)' : Buffer.from(text).toString('utf8');
  }

  #sourceOf(L: LuaState, shortSrc: string): string {
    return firstLuaPlace(this.#machine, L, shortSrc)?.file ?? shortSrc;
  }

  traceback(L: LuaState): string {
    const machine = this.#machine;
    machine.lua.lua_checkstack(L, 8);
    machine.lua.luaL_traceback(L, L, 0, 0);
    const text = this.#values.readString(L, -1);
    machine.pop(L, 1);
    return typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
  }

  /** `luaL_where(L, 1)`: the position of the Lua code that called the host, if it was Lua code. */
  position(L: LuaState): string | null {
    const machine = this.#machine;
    const debug = machine.scratch;
    if (machine.lua.lua_getstack(L, 1, debug) === 0) return null;
    machine.lua.lua_getinfo(L, machine.name('Sl'), debug);
    const line = machine.i32[(debug + LUA_DEBUG.currentLine) >> 2] ?? -1;
    return line > 0 ? `${machine.cString(debug + LUA_DEBUG.shortSrc)}:${line}: ` : null;
  }
}
