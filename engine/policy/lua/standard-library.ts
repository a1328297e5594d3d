/**
 * Lua's own libraries as KumoMTA's policies see them: mlua's safe set. `debug` is absent, C modules
 * cannot be loaded. What touches files, the clock or the process is replaced by host functions in
 * `bindings/`.
 *
 * Source: reference `lua-api.md` §0.1.
 */
import { LUA_REGISTRYINDEX, type LuaState } from './lua-abi.ts';
import type { LuaContext } from './lua-context.ts';

export function trimStandardLibrary(
  context: LuaContext,
  L: LuaState,
  seed: readonly [number, number],
): void {
  const { lua } = context.machine;
  const name = (text: string): number => context.machine.name(text);
  lua.lua_pushnil(L);
  lua.lua_setglobal(L, name('debug'));
  lua.luaL_getsubtable(L, LUA_REGISTRYINDEX, name('_LOADED'));
  lua.lua_pushnil(L);
  lua.lua_setfield(L, -2, name('debug'));
  lua.lua_getfield(L, -1, name('package'));
  context.pushFunction(L, {
    name: 'package.loadlib',
    effect: 'pure',
    base: 0,
    run: () => {
      throw new Error('package.loadlib is disabled in safe mode');
    },
  });
  lua.lua_setfield(L, -2, name('loadlib'));
  lua.lua_settop(L, 0);
  seedRandom(context, L, seed);
}

/** Lua seeds `math.random` from the machine's (constant) clock; each context gets its own numbers. */
export function seedRandom(
  context: LuaContext,
  L: LuaState,
  seed: readonly [number, number],
): void {
  const { lua } = context.machine;
  lua.luaL_getsubtable(L, LUA_REGISTRYINDEX, context.machine.name('_LOADED'));
  lua.lua_getfield(L, -1, context.machine.name('math'));
  lua.lua_getfield(L, -1, context.machine.name('randomseed'));
  lua.lua_pushinteger(L, BigInt(seed[0]));
  lua.lua_pushinteger(L, BigInt(seed[1]));
  lua.lua_pcallk(L, 2, 0, 0, 0, 0);
  lua.lua_settop(L, 0);
}

/** glibc prints the NULL pointer as `(nil)`; the C library of the wasm build does not. */
export function nameLightUserdata(context: LuaContext, L: LuaState): void {
  const { lua } = context.machine;
  lua.lua_pushlightuserdata(L, 0);
  lua.lua_createtable(L, 0, 2);
  context.pushFunction(L, {
    name: '__tostring',
    effect: 'pure',
    base: 0,
    raw: (S) => {
      const pointer = lua.lua_touserdata(S, 1);
      const shown = pointer === 0 ? '(nil)' : `0x${pointer.toString(16).padStart(12, '0')}`;
      context.machine.pushString(S, `userdata: ${shown}`);
      return 1;
    },
  });
  lua.lua_setfield(L, -2, context.machine.name('__tostring'));
  lua.lua_pushboolean(L, 0);
  lua.lua_setfield(L, -2, context.machine.name('__metatable'));
  lua.lua_setmetatable(L, -2);
  lua.lua_settop(L, 0);
}
