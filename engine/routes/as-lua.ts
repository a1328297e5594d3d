/**
 * Routes "as Lua": text that a KumoMTA policy can contain and that does the same. Message-level
 * routes become a function for the reception events, queue-level ones and the queues of the former
 * a `get_queue_config` handler, connections a `get_egress_path_config` handler.
 *
 * KumoMTA takes one handler for each reception event and for the egress path: where the policy has
 * one already, the text says which line to add to it instead.
 *
 * Source: reference `lua-api.md` §1.1, §1.2; the techniques of KumoMTA's documentation.
 */
import type { MxListEntry } from '../policy/settings.ts';
import { helpersFor, luaCondition } from './lua-match.ts';
import { luaString, luaValue } from './lua-text.ts';
import { mayOverwrite } from './match.ts';
import { luaPathParameters, mxListOf, passwordOf, queueParameters } from './parameters.ts';
import type { FarEndAddress } from './parameters.ts';
import { hasQueueConfig, levelOf, ownRoutingDomain } from './route.ts';
import type { Route } from './route.ts';

export interface LuaSurroundings {
  readonly farEnd: FarEndAddress;
  /** Name of the site of a list of hosts, as ready queues have it. */
  readonly siteOf: (mxList: readonly MxListEntry[]) => string;
  /** Events that the policy handles already. */
  readonly handled: ReadonlySet<string>;
}

/** The enabled ones of these routes, in their order. */
export function asLua(routes: readonly Route[], around: LuaSurroundings): string {
  const enabled = routes.filter((route) => route.enabled);
  const body = bodyOf(enabled, around);
  if (body === '') return '-- No route is on.\n';
  const wiring = [receptionWiring(enabled, around), pathWiring(enabled, around)];
  return [body, ...wiring.filter((part) => part !== '')].join('\n');
}

/**
 * The same as a module for whoever wires it: `message(msg)` for the end of a reception handler and
 * `path(routing_domain, site_name)` for the beginning of an egress path's; either may be nil.
 */
export function asLuaModule(
  routes: readonly Route[],
  around: Omit<LuaSurroundings, 'handled'>,
): string {
  const enabled = routes.filter((route) => route.enabled);
  const body = bodyOf(enabled, around);
  return `${body}\nreturn { message = route_message, path = route_path }\n`;
}

/** Everything but the handlers that a policy can have only one of; empty when no route is on. */
function bodyOf(enabled: readonly Route[], around: Omit<LuaSurroundings, 'handled'>): string {
  const parts = [
    messageFunction(enabled),
    queueConfigHandler(enabled, around),
    pathFunction(enabled, around),
  ].filter((part) => part !== '');
  if (parts.length === 0) return '';
  const text = parts.join('\n');
  const helpers = helpersFor(text);
  return [`local kumo = require 'kumo'\n`, ...(helpers === '' ? [] : [helpers]), text].join('\n');
}

function messageFunction(routes: readonly Route[]): string {
  if (routes.every((route) => levelOf(route) === 'queue')) return '';
  const steps = routes.map((route, index) => messageStep(route, routes.slice(0, index))).join('');
  const names = `${steps}`;
  const parts = ['domain', 'tenant', 'campaign'].map((name) =>
    new RegExp(`(?<![.'\\w])${name}\\b(?!')`).test(names) ? name : '_',
  );
  return `-- The first route that matches wins.
local function route_message(msg)
  if msg:get_meta 'queue' == 'null' then
    return
  end
  local ${parts.join(', ')}, routing_domain = queue_parts(msg:queue_name())
  local is_set = msg:get_meta 'queue' ~= nil or routing_domain ~= nil
${steps}end
`;
}

function messageStep(route: Route, before: readonly Route[]): string {
  const lines =
    levelOf(route) === 'queue' ? ['return -- get_queue_config answers'] : actionLines(route);
  return `
  -- ${route.name}
  if ${luaCondition(route, before)}
  then
${lines.map((line) => `    ${line}\n`).join('')}  end
`;
}

function actionLines(route: Route): string[] {
  const { to, name } = route;
  switch (to.kind) {
    case 'reject':
      return [`kumo.reject(${to.code}, ${luaString(to.text)})`];
    case 'null':
      return [`msg:set_meta('queue', 'null')`, 'return'];
    case 'queue':
      return [`msg:set_meta('queue', ${luaString(to.name)})`, 'return'];
    default: {
      const domain = to.kind === 'routingDomain' ? to.domain : ownRoutingDomain(name);
      return [
        ...(mayOverwrite(route) ? [`msg:set_meta('queue', nil)`] : []),
        `msg:set_meta('routing_domain', ${luaString(domain)})`,
        'return',
      ];
    }
  }
}

function queueConfigHandler(
  routes: readonly Route[],
  { farEnd }: Pick<LuaSurroundings, 'farEnd'>,
): string {
  const answering = routes.filter(hasQueueConfig);
  if (answering.length === 0) return '';
  const own = answering.filter((route) => levelOf(route) === 'message');
  const byName = answering.filter((route) => levelOf(route) === 'queue');
  const answer = (route: Route, condition: string): string => `
  -- ${route.name}
  if ${condition}
  then
    return kumo.make_queue_config ${luaValue(queueParameters(route, farEnd), '    ')}
  end
`;
  return `-- Before the policy's own get_queue_config handler: the first one that returns something wins.
kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)${[
    ...own.map((route) =>
      answer(route, `routing_domain == ${luaString(ownRoutingDomain(route.name))}`),
    ),
    ...byName.map((route) =>
      answer(route, luaCondition(route, routes.slice(0, routes.indexOf(route)))),
    ),
  ].join('')}end)
`;
}

function pathFunction(routes: readonly Route[], around: Omit<LuaSurroundings, 'handled'>): string {
  const answering = routes.filter((route) => luaPathParameters(route, around.farEnd) !== null);
  if (answering.length === 0) return '';
  const steps = answering.map((route) => {
    const { to } = route;
    const condition =
      to.kind === 'routingDomain'
        ? `routing_domain == ${luaString(to.domain)}`
        : `site_name == ${luaString(around.siteOf(mxListOf(route, around.farEnd)))}`;
    return `
  -- ${route.name}
  if ${condition} then
    return kumo.make_egress_path ${pathTable(route, around.farEnd)}
  end
`;
  });
  return `local function route_path(routing_domain, site_name)${steps.join('')}end
`;
}

function pathTable(route: Route, farEnd: FarEndAddress): string {
  const password = passwordOf(route);
  const table = luaValue(luaPathParameters(route, farEnd) ?? {}, '    ');
  if (password === null) return table;
  const data = typeof password === 'string' ? luaString(password) : `os.getenv '${password.env}'`;
  const entry = `smtp_auth_plain_password = { key_data = ${data} },`;
  const inner = table.includes('\n')
    ? table.slice(2, -1).trimEnd()
    : `      ${table.slice(2, -2)},`;
  return `{\n${inner}\n      ${entry}\n    }`;
}

function receptionWiring(routes: readonly Route[], { handled }: LuaSurroundings): string {
  if (routes.every((route) => levelOf(route) === 'queue')) return '';
  return ['smtp_server_message_received', 'http_message_generated']
    .map((event) =>
      handled.has(event)
        ? `-- The policy has a handler of ${event}: at its end, add\n--   route_message(msg)\n`
        : `kumo.on('${event}', function(msg)\n  route_message(msg)\nend)\n`,
    )
    .join('\n');
}

function pathWiring(routes: readonly Route[], around: LuaSurroundings): string {
  if (routes.every((route) => luaPathParameters(route, around.farEnd) === null)) return '';
  if (around.handled.has('get_egress_path_config'))
    return `-- The policy has a handler of get_egress_path_config: at its beginning, add
--   local path = route_path(routing_domain, site_name)
--   if path then return path end
`;
  return `kumo.on('get_egress_path_config', function(routing_domain, egress_source, site_name)
  return route_path(routing_domain, site_name) or kumo.make_egress_path {}
end)
`;
}
