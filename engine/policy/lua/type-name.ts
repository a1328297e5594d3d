/**
 * How mlua names the type of a value on a Lua stack: integers and other numbers apart.
 *
 * Source: mlua's error texts, as recorded.
 */
import {
  LUA_TBOOLEAN,
  LUA_TFUNCTION,
  LUA_TLIGHTUSERDATA,
  LUA_TNIL,
  LUA_TNONE,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TTABLE,
  LUA_TUSERDATA,
  type LuaExports,
  type LuaState,
} from './lua-abi.ts';

export function luaTypeName(lua: LuaExports, L: LuaState, index: number): string {
  switch (lua.lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return 'nil';
    case LUA_TBOOLEAN:
      return 'boolean';
    case LUA_TLIGHTUSERDATA:
      return 'lightuserdata';
    case LUA_TNUMBER:
      return lua.lua_isinteger(L, index) ? 'integer' : 'number';
    case LUA_TSTRING:
      return 'string';
    case LUA_TTABLE:
      return 'table';
    case LUA_TFUNCTION:
      return 'function';
    case LUA_TUSERDATA:
      return 'userdata';
    default:
      return 'thread';
  }
}
