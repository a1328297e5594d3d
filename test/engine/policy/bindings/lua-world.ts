/** A Lua context with chosen binding groups, for tests that speak to bindings in Lua. */
import { SystemClock } from '../../../../engine/base/clock.ts';
import { SpoolIdSource } from '../../../../engine/base/ids.ts';
import { SeededRandom } from '../../../../engine/base/random.ts';
import type { BindingDeps, Bindings } from '../../../../engine/policy/bindings/bindings.ts';
import { LuaContext } from '../../../../engine/policy/lua/lua-context.ts';
import type { LuaValue } from '../../../../engine/policy/lua/lua-value.ts';

/** Texts of any value on one line, tables with sorted keys; an error's first line. */
const PRELUDE = `
local kumo = require 'kumo'
local function show(v)
  if type(v) ~= 'table' then
    return (tostring(v):gsub('\\r', '\\\\r'):gsub('\\n', '\\\\n'))
  end
  local keys = {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  local parts = {}
  for _, k in ipairs(keys) do parts[#parts + 1] = tostring(k) .. '=' .. show(v[k]) end
  return '{' .. table.concat(parts, ',') .. '}'
end
local lines = {}
local function trace(...)
  local words = {}
  for i = 1, select('#', ...) do words[i] = show((select(i, ...))) end
  lines[#lines + 1] = table.concat(words, ' ')
end
local function try(fn, ...)
  local r = table.pack(pcall(fn, ...))
  if r[1] then trace(table.unpack(r, 2, r.n)) else trace('error', tostring(r[2]):match '^[^\\n]*') end
end
`;

/** Runs Lua that calls `trace(…)` and `try(fn, …)`; resolves to the traced lines. */
export async function traceLua(
  groups: readonly Bindings[],
  code: string,
  globals: Readonly<Record<string, LuaValue>> = {},
): Promise<string[]> {
  const context = LuaContext.create({ clock: new SystemClock({ keepAlive: false }) });
  try {
    context.register([{ modules: [{ path: ['kumo'], functions: {} }], types: [] }, ...groups]);
    for (const [name, value] of Object.entries(globals)) context.setGlobal(name, value);
    const [lines] = await context.run(
      `${PRELUDE}${code}\nreturn table.concat(lines, '\\n')`,
      'test',
    );
    return lines === '' ? [] : String(lines).split('\n');
  } finally {
    context.dispose();
  }
}

/** Dependencies of a group: real clock, seeded randomness, every path allowed, nothing else. */
export function fakeDeps(overrides: Partial<BindingDeps> = {}): BindingDeps {
  const clock = new SystemClock({ keepAlive: false });
  const random = new SeededRandom(1);
  const missing = (name: string): never => {
    throw new Error(`this test has no ${name}`);
  };
  const deps: BindingDeps = {
    mailClock: clock,
    clock,
    random,
    ids: new SpoolIdSource(clock, random),
    mapPath: (path) => path,
    callEvent: (event) => Promise.reject(new Error(`Event ${event} has not been registered`)),
    get services() {
      return missing('services');
    },
    get guard() {
      return missing('guard');
    },
    get resolver() {
      return missing('resolver');
    },
  };
  return Object.defineProperties(deps, Object.getOwnPropertyDescriptors(overrides)) as BindingDeps;
}
