/**
 * The C API of Lua 5.4 as the wasm build exports it: types, status codes and the functions that the
 * bridge uses. Pointers and `lua_State` are numbers, `lua_Integer` is a bigint.
 *
 * Source: Lua 5.4 reference manual §4; `glue.wasm` of wasmoon.
 */
export type LuaState = number;
export type Pointer = number;

export const LUA_REGISTRYINDEX = -1_001_000;
export const LUA_RIDX_GLOBALS = 2n;
export const LUA_MULTRET = -1;
export const LUA_MASKCOUNT = 8;

export const LUA_OK = 0;
export const LUA_YIELD = 1;
export const LUA_ERRSYNTAX = 3;
export const LUA_ERRMEM = 4;

export const LUA_TNONE = -1;
export const LUA_TNIL = 0;
export const LUA_TBOOLEAN = 1;
export const LUA_TLIGHTUSERDATA = 2;
export const LUA_TNUMBER = 3;
export const LUA_TSTRING = 4;
export const LUA_TTABLE = 5;
export const LUA_TFUNCTION = 6;
export const LUA_TUSERDATA = 7;

/** Pseudo-index of a closure's n-th upvalue. */
export function upvalueIndex(n: number): number {
  return LUA_REGISTRYINDEX - n;
}

/** Offsets into `lua_Debug` (wasm32). */
export const LUA_DEBUG = {
  event: 0,
  name: 4,
  nameWhat: 8,
  what: 12,
  source: 16,
  sourceLength: 20,
  currentLine: 24,
  lineDefined: 28,
  lastLineDefined: 32,
  isTailCall: 39,
  shortSrc: 44,
  size: 108,
} as const;

export interface LuaExports {
  readonly memory: WebAssembly.Memory;
  readonly __indirect_function_table: WebAssembly.Table;
  __wasm_call_ctors(): void;
  emscripten_stack_init(): void;
  emscripten_stack_get_base(): Pointer;
  emscripten_stack_get_end(): Pointer;
  stackSave(): Pointer;
  stackRestore(pointer: Pointer): void;
  setThrew(threw: number, value: number): void;
  malloc(size: number): Pointer;
  free(pointer: Pointer): void;

  luaL_newstate(): LuaState;
  luaL_requiref(L: LuaState, name: Pointer, open: number, global: number): void;
  luaL_ref(L: LuaState, table: number): number;
  luaL_unref(L: LuaState, table: number, ref: number): void;
  luaL_loadbufferx(
    L: LuaState,
    buffer: Pointer,
    size: number,
    name: Pointer,
    mode: Pointer,
  ): number;
  luaL_traceback(L: LuaState, L1: LuaState, message: Pointer, level: number): void;
  luaL_tolstring(L: LuaState, index: number, length: Pointer): Pointer;
  luaL_getsubtable(L: LuaState, index: number, name: Pointer): number;
  luaL_openlibs(L: LuaState): void;

  lua_newthread(L: LuaState): LuaState;
  lua_resetthread(L: LuaState): number;
  lua_absindex(L: LuaState, index: number): number;
  lua_gettop(L: LuaState): number;
  lua_settop(L: LuaState, index: number): void;
  lua_pushvalue(L: LuaState, index: number): void;
  lua_rotate(L: LuaState, index: number, n: number): void;
  lua_checkstack(L: LuaState, n: number): number;
  lua_xmove(from: LuaState, to: LuaState, n: number): void;
  lua_isinteger(L: LuaState, index: number): number;
  lua_type(L: LuaState, index: number): number;
  lua_tonumberx(L: LuaState, index: number, isNumber: Pointer): number;
  lua_tointegerx(L: LuaState, index: number, isNumber: Pointer): bigint;
  lua_toboolean(L: LuaState, index: number): number;
  lua_tolstring(L: LuaState, index: number, length: Pointer): Pointer;
  lua_rawlen(L: LuaState, index: number): bigint;
  lua_touserdata(L: LuaState, index: number): Pointer;
  lua_topointer(L: LuaState, index: number): Pointer;
  lua_rawequal(L: LuaState, a: number, b: number): number;
  lua_stringtonumber(L: LuaState, text: Pointer): number;
  lua_pushnil(L: LuaState): void;
  lua_pushnumber(L: LuaState, n: number): void;
  lua_pushinteger(L: LuaState, n: bigint): void;
  lua_pushlstring(L: LuaState, text: Pointer, length: number): Pointer;
  lua_pushcclosure(L: LuaState, fn: number, upvalueCount: number): void;
  lua_pushboolean(L: LuaState, b: number): void;
  lua_pushlightuserdata(L: LuaState, pointer: Pointer): void;
  lua_pushthread(L: LuaState): number;
  lua_gettable(L: LuaState, index: number): number;
  lua_getfield(L: LuaState, index: number, key: Pointer): number;
  lua_getglobal(L: LuaState, name: Pointer): number;
  lua_rawget(L: LuaState, index: number): number;
  lua_rawgeti(L: LuaState, index: number, n: bigint): number;
  lua_createtable(L: LuaState, arrayCount: number, recordCount: number): void;
  lua_newuserdatauv(L: LuaState, size: number, userValueCount: number): Pointer;
  lua_getmetatable(L: LuaState, index: number): number;
  lua_setglobal(L: LuaState, name: Pointer): void;
  lua_setfield(L: LuaState, index: number, key: Pointer): void;
  lua_rawset(L: LuaState, index: number): void;
  lua_rawseti(L: LuaState, index: number, n: bigint): void;
  lua_setupvalue(L: LuaState, functionIndex: number, n: number): Pointer;
  lua_setmetatable(L: LuaState, index: number): number;
  lua_pcallk(
    L: LuaState,
    argumentCount: number,
    resultCount: number,
    handler: number,
    context: number,
    k: number,
  ): number;
  lua_callk(
    L: LuaState,
    argumentCount: number,
    resultCount: number,
    context: number,
    k: number,
  ): void;
  lua_yieldk(L: LuaState, resultCount: number, context: number, k: number): number;
  lua_resume(L: LuaState, from: LuaState, argumentCount: number, resultCount: Pointer): number;
  lua_status(L: LuaState): number;
  lua_isyieldable(L: LuaState): number;
  lua_error(L: LuaState): number;
  lua_next(L: LuaState, index: number): number;
  lua_getstack(L: LuaState, level: number, debug: Pointer): number;
  lua_getinfo(L: LuaState, what: Pointer, debug: Pointer): number;
  lua_sethook(L: LuaState, hook: number, mask: number, count: number): void;
}
