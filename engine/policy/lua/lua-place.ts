/** Places in the policy: the first Lua function on a stack, and the position in a message. */
import { LUA_DEBUG, type LuaState } from './lua-abi.ts';
import type { LuaPlace } from './lua-error.ts';
import type { LuaMachine } from './lua-machine.ts';

/** Stacks deeper than this are cut: the place of interest is near the top. */
const LEVELS_MAX = 200;

/**
 * The innermost Lua function that is executing (or was, when the coroutine failed).
 * @param shortSrc only a function of the chunk that Lua prints like this
 */
export function firstLuaPlace(
  machine: LuaMachine,
  L: LuaState,
  shortSrc?: string,
): LuaPlace | null {
  const debug = machine.scratch;
  for (let level = 0; level < LEVELS_MAX; level++) {
    if (machine.lua.lua_getstack(L, level, debug) === 0) return null;
    machine.lua.lua_getinfo(L, machine.name('Sl'), debug);
    const line = machine.i32[(debug + LUA_DEBUG.currentLine) >> 2] ?? -1;
    if (line <= 0) continue;
    const source = machine.cString(machine.u32[(debug + LUA_DEBUG.source) >> 2] ?? 0);
    // Chunks named with `=` are ours.
    if (source.startsWith('=')) continue;
    if (shortSrc !== undefined && machine.cString(debug + LUA_DEBUG.shortSrc) !== shortSrc)
      continue;
    return { file: chunkFile(source), line };
  }
  return null;
}

/** The position that Lua put in front of a message, e.g. `[string "init.lua"]:12: …`. */
export function placeInMessage(
  message: string,
  fileOf: (shortSrc: string) => string,
): LuaPlace | null {
  // A module that does not compile is of more interest than whoever required it.
  const module = /error loading module '[^']*' from file '[^\n]*':\n\t([^\n:]+):(\d+):/.exec(
    message,
  );
  const match = module ?? /^(\[string "[^\n]*?"\]|[^\n:]+):(\d+):/.exec(message);
  if (!match?.[1]) return null;
  return { file: chunkFile(fileOf(match[1])), line: Number(match[2]) };
}

/** A chunk name as a path: the main policy is loaded under its bare path, files with `@`. */
export function chunkFile(source: string): string {
  return source.startsWith('@') || source.startsWith('=') ? source.slice(1) : source;
}
