/**
 * Puts bindings into a context: userdata types first, then modules. A module whose path starts with
 * `_G` is a global, any other an entry of `package.loaded`.
 *
 * A gate may replace what a function or method does, by its name and effect: that is how a dry run
 * keeps a policy's hands off the world.
 *
 * A function whose signature names no result (`set_meta(key, value)`) gives none, not even nil: a
 * handler that ends in `return msg:set_meta(…)` lets the next handler run.
 *
 * Source: reference `lua-api.md` §0.1.
 */
import type { Bindings } from '../bindings/bindings.ts';
import type { HostFunction, HostResult } from './host-function.ts';
import { LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS, type LuaState } from './lua-abi.ts';
import type { LuaContext } from './lua-context.ts';
import { MultiValue } from './lua-value.ts';

/**
 * What to run instead; null keeps the function. Methods are named `Type.method` and find their
 * object with `call.self`; `fn.run` is what would run.
 */
export type Gate = (
  name: string,
  fn: Pick<HostFunction, 'effect' | 'run'>,
) => HostFunction['run'] | null;

export function registerBindings(
  context: LuaContext,
  bindings: readonly Bindings[],
  gate: Gate | null,
): void {
  const L = context.mainState;
  const { machine, objects, values } = context;
  for (const { modules, types } of bindings) {
    for (const type of types) objects.define(L, type, gate);
    for (const module of modules) {
      pushModule(context, L, module.path);
      for (const [name, fn] of Object.entries(module.functions)) {
        const fullName = [...module.path, name].join('.');
        const own = isStandardLibrary(module.path) ? fn.run : givingWhatIsSigned(fn);
        const run = gate?.(fullName, { effect: fn.effect, run: own }) ?? own;
        context.pushFunction(L, { name: fullName, effect: fn.effect, base: 0, run });
        machine.lua.lua_setfield(L, -2, machine.name(name));
      }
      for (const [name, value] of Object.entries(module.constants ?? {})) {
        values.push(L, value);
        machine.lua.lua_setfield(L, -2, machine.name(name));
      }
      machine.lua.lua_settop(L, 0);
    }
  }
}

const NO_VALUES = new MultiValue();

/** `run`, giving no values where the signature names no result and nothing came of it. */
export function givingWhatIsSigned<A extends unknown[]>(fn: {
  readonly signature: string;
  readonly run: (...args: A) => HostResult;
}): (...args: A) => HostResult {
  const { run, signature } = fn;
  if (signature.includes('->')) return run;
  return (...args) => {
    const result = run(...args);
    return result instanceof Promise
      ? result.then((value) => value ?? NO_VALUES)
      : (result ?? NO_VALUES);
  };
}

/** `io` and `os` give nil where Lua's manual says so. */
function isStandardLibrary(path: readonly string[]): boolean {
  return path[0] === '_G' && path.length > 1;
}

function pushModule(context: LuaContext, L: LuaState, path: readonly string[]): void {
  const { machine } = context;
  const { lua } = machine;
  const [root, ...rest] = path;
  if (root === '_G') {
    lua.lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  } else {
    lua.luaL_getsubtable(L, LUA_REGISTRYINDEX, machine.name('_LOADED'));
    lua.luaL_getsubtable(L, -1, machine.name(root ?? ''));
  }
  for (const name of rest) lua.luaL_getsubtable(L, -1, machine.name(name));
}
