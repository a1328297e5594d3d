/**
 * Lua files from the real file system: `loadfile`, `dofile`, `package.searchpath` and the searcher
 * behind `require`. The library functions of the wasm build look into an empty file system.
 *
 * The parts that call back into Lua are Lua themselves, so that `dofile` may suspend as it may in
 * stock Lua, and `require` (which is left as it is) may not.
 *
 * Source: Lua 5.4 reference manual §6.1, §6.3; reference `lua-api.md` §1, §16 no. 9–10.
 */
import { LUA_OK, LUA_TNIL, LUA_TNONE, LUA_TSTRING, type LuaState } from './lua-abi.ts';
import type { LuaContext } from './lua-context.ts';

export interface ChunkFiles {
  /** The path to load `path` from, under which it is also named; undefined when it cannot be read. */
  find(path: string): string | undefined;
  /** @throws {Error} with the system's sentence as its message */
  read(path: string): Uint8Array;
}

const PRELUDE = `
local loadfile, searchpath = ...
function dofile(filename)
  local chunk, message = loadfile(filename)
  if not chunk then error(message, 0) end
  return chunk()
end
package.searchpath = searchpath
package.searchers[2] = function(name)
  local path = package.path
  if type(path) ~= 'string' then error("'package.path' must be a string", 0) end
  local filename, message = searchpath(name, path)
  if not filename then return message end
  local chunk, problem = loadfile(filename)
  if chunk then return chunk, filename end
  error("error loading module '" .. name .. "' from file '" .. filename .. "':\\n\\t" .. problem, 0)
end
package.searchers[3] = function() return "\\n\\tcan't load C modules in safe mode" end
package.searchers[4] = nil
`;

/** @param pathPrefix put in front of `package.path` */
export function installChunkLoader(
  context: LuaContext,
  files: ChunkFiles,
  pathPrefix: string,
): void {
  const L = context.mainState;
  const { lua } = context.machine;
  const name = (text: string): number => context.machine.name(text);
  lua.lua_getglobal(L, name('package'));
  lua.lua_getfield(L, -1, name('path'));
  const stock = String(context.values.read(L, -1));
  context.machine.pop(L, 1);
  context.machine.pushString(L, `${pathPrefix}${stock}`);
  lua.lua_setfield(L, -2, name('path'));
  context.machine.pop(L, 1);

  context.loadInto(L, Buffer.from(PRELUDE, 'utf8'), '=loader');
  context.pushFunction(L, {
    name: 'loadfile',
    effect: 'read',
    base: 0,
    raw: (S) => loadfile(context, files, S),
  });
  lua.lua_pushvalue(L, -1);
  lua.lua_setglobal(L, name('loadfile'));
  context.pushFunction(L, {
    name: 'package.searchpath',
    effect: 'read',
    base: 0,
    raw: (S) => searchpath(context, files, S),
  });
  if (lua.lua_pcallk(L, 2, 0, 0, 0, 0) !== LUA_OK) {
    throw new Error(`Bug: the chunk loader failed: ${String(context.values.read(L, -1))}`);
  }
  lua.lua_settop(L, 0);
}

/** `loadfile(path, mode?, env?)`: the compiled chunk, or nil and a message. */
function loadfile(context: LuaContext, files: ChunkFiles, L: LuaState): number {
  const { lua } = context.machine;
  if (lua.lua_type(L, 1) !== LUA_TSTRING) {
    throw new Error('loadfile needs a path: there is no standard input here');
  }
  const path = String(context.values.read(L, 1));
  const modeType = lua.lua_type(L, 2);
  const mode = modeType === LUA_TSTRING ? String(context.values.read(L, 2)) : '';
  const hasEnv = lua.lua_type(L, 3) !== LUA_TNONE;
  const found = files.find(path) ?? path;
  let bytes: Uint8Array;
  try {
    bytes = withoutPreamble(files.read(found));
  } catch (error) {
    return fail(context, L, `cannot open ${path}: ${(error as Error).message}`);
  }
  const status = context.loadInto(L, bytes, `@${found}`, mode);
  if (status === LUA_OK) {
    if (hasEnv) {
      lua.lua_pushvalue(L, 3);
      if (lua.lua_setupvalue(L, -2, 1) === 0) context.machine.pop(L, 1);
    }
    return 1;
  }
  lua.lua_pushnil(L);
  lua.lua_rotate(L, -2, 1);
  return 2;
}

function fail(context: LuaContext, L: LuaState, message: string): number {
  context.machine.lua.lua_pushnil(L);
  context.machine.pushString(L, message);
  return 2;
}

/** A byte order mark goes, a first line that starts with `#` becomes empty. */
function withoutPreamble(bytes: Uint8Array): Uint8Array {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = hasMark ? bytes.subarray(3) : bytes;
  if (text[0] !== 0x23) return text;
  const end = text.indexOf(10);
  return end < 0 ? new Uint8Array() : text.subarray(end);
}

/** `package.searchpath(name, path, sep?, rep?)`. */
function searchpath(context: LuaContext, files: ChunkFiles, L: LuaState): number {
  const { lua } = context.machine;
  const argument = (n: number, absent: string): string => {
    const type = lua.lua_type(L, n);
    return type === LUA_TNIL || type === LUA_TNONE ? absent : String(context.values.read(L, n));
  };
  const separator = argument(3, '.');
  const replacement = argument(4, '/');
  const module = argument(1, '');
  const name = separator === '' ? module : module.replaceAll(separator, replacement);
  const missing: string[] = [];
  for (const template of argument(2, '').split(';')) {
    if (template === '') continue;
    const candidate = template.replaceAll('?', name);
    const found = files.find(candidate);
    if (found !== undefined) {
      context.machine.pushString(L, found);
      return 1;
    }
    missing.push(`no file '${candidate}'`);
  }
  return fail(context, L, missing.join('\n\t'));
}
