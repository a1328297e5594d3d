/**
 * `kumo.api.admin.*`: what the admin HTTP routes do, from Lua.
 *
 * Source: reference `lua-api.md` §3.20; `queues-delivery.md` §10.
 */
import type { HostFunction } from '../lua/host-function.ts';
import { luaToJson } from '../lua-json.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';

const AREAS = {
  bounce: ['list', 'bounce', 'delete'],
  suspend: ['list', 'suspend', 'delete'],
  suspend_ready_q: ['list', 'suspend', 'delete'],
} as const;

type Area = keyof typeof AREAS;

export function adminBindings(deps: CoreDeps): Bindings {
  return {
    modules: (Object.keys(AREAS) as Area[]).map((area) => ({
      path: ['kumo', 'api', 'admin', area],
      functions: Object.fromEntries(AREAS[area].map((verb) => [verb, adminVerb(deps, area, verb)])),
    })),
    types: [],
  };
}

function adminVerb(deps: CoreDeps, area: Area, verb: string): HostFunction {
  return {
    effect: verb === 'list' ? 'read' : 'write',
    signature: `${verb}(…)`,
    doc: `The admin route ${area}, ${verb}.`,
    run: (call) => {
      const argument = call.isNil(1) ? undefined : luaToJson(call.value(1));
      return deps.services.admin(area, verb, argument);
    },
  };
}
