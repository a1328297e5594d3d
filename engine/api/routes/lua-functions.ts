/** `/policy/functions`: what Lua can call and the events it can handle, for an editor. */
import { EVENTS } from '../../policy/event-reference.ts';
import { luaGroups } from '../../policy/lua-reference.ts';
import type { LuaFunctionList } from '../protocol.ts';
import { route } from '../route.ts';
import type { Route } from '../route.ts';

let list: LuaFunctionList | null = null;

/** The same for as long as the engine runs. */
function functionList(): LuaFunctionList {
  const groups = luaGroups();
  list ??= {
    functions: groups.flatMap(({ entries }) => entries),
    fields: groups.flatMap(({ name, fields }) => fields.map((field) => `${name}.${field}`)),
    events: EVENTS,
  };
  return list;
}

export const luaFunctionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/policy/functions',
    summary: 'What Lua can call, with signatures, and the events of a policy',
    answer: 'LuaFunctionList',
    run: () => Promise.resolve(functionList()),
  }),
];
