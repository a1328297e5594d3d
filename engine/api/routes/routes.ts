/** `/routes…`, `/ledger` and `/open-hosts`: the overlay's list, and the door out. */
import { z } from 'zod';
import { routeSchema } from '../../routes/route.ts';
import { asSent, route } from '../route.ts';
import type { Route } from '../route.ts';

const byName = z.strictObject({ name: z.string() });

export const routeListRoutes: readonly Route[] = [
  route({
    method: 'GET',
    url: '/routes',
    summary: 'All routes in the order in which they are asked, with counts and troubles',
    answer: 'RouteList',
    run: (_input, { doors }) => Promise.resolve(doors.routes.list()),
  }),
  route({
    method: 'PUT',
    url: '/routes/:name',
    summary: 'Adds a route, changes it, or gives it another name',
    params: byName,
    body: z.strictObject({ route: routeSchema, at: z.int().min(0).optional() }),
    answer: 'RouteChanged',
    run({ params, body }, { doors }) {
      doors.audit('put route', { name: params.name, ...body });
      return doors.routes.put(params.name, asSent(body));
    },
  }),
  route({
    method: 'PATCH',
    url: '/routes/:name',
    summary: 'Switches a route on or off',
    params: byName,
    body: z.strictObject({ enabled: z.boolean() }),
    answer: 'RouteChanged',
    run({ params, body }, { doors }) {
      doors.audit(body.enabled ? 'route on' : 'route off', params);
      return doors.routes.toggle(params.name, body.enabled);
    },
  }),
  route({
    method: 'DELETE',
    url: '/routes/:name',
    summary: 'Removes a route; what waits for it is bound anew',
    params: byName,
    answer: 'RouteChanged',
    run({ params }, { doors }) {
      doors.audit('remove route', params);
      return doors.routes.remove(params.name);
    },
  }),
  route({
    method: 'POST',
    url: '/routes/order',
    summary: 'Puts the routes into this order; others follow as they were',
    body: z.strictObject({ names: z.array(z.string()).max(10_000) }),
    answer: 'RouteChanged',
    run({ body }, { doors }) {
      doors.audit('order routes', body);
      return doors.routes.order(body.names);
    },
  }),
  route({
    method: 'POST',
    url: '/routes/check',
    summary: 'What is wrong with a route, without saving it',
    body: z.strictObject({ route: z.unknown(), was: z.string().optional() }),
    answer: 'RouteCheck',
    run: ({ body }, { doors }) => doors.routes.check(body.route, body.was),
  }),
  route({
    method: 'POST',
    url: '/routes/move',
    summary: 'Sends queued mail on the way that new mail takes',
    body: z.strictObject({ name: z.string().optional() }),
    answer: 'RouteMoved',
    run({ body }, { doors }) {
      doors.audit('move queued mail', body);
      return doors.routes.move(body.name ?? null);
    },
  }),
  route({
    method: 'POST',
    url: '/routes/capture',
    summary: 'Switches the built-in last route "capture what would leave"',
    body: z.strictObject({ enabled: z.boolean() }),
    answer: 'RouteChanged',
    run({ body }, { doors }) {
      doors.audit(body.enabled ? 'capture on' : 'capture off', {});
      return doors.routes.setCapture(body.enabled);
    },
  }),
  route({
    method: 'GET',
    url: '/routes/:name/lua',
    summary: 'A route as the Lua that a KumoMTA policy would contain',
    params: byName,
    answer: 'RouteLua',
    run: ({ params }, { doors }) => Promise.resolve({ text: doors.routes.lua(params.name) }),
  }),
  route({
    method: 'GET',
    url: '/lua/routes',
    summary: 'All routes that are on, as Lua to paste or as a module to wire',
    query: z.strictObject({ form: z.enum(['text', 'module']).default('text') }),
    answer: 'RouteLua',
    run: ({ query }, { doors }) =>
      Promise.resolve({
        text: query.form === 'module' ? doors.routes.luaModule() : doors.routes.lua(null),
      }),
  }),
  route({
    method: 'PUT',
    url: '/open-hosts',
    summary: 'Hosts, addresses or networks that the workspace opens besides loopback',
    body: z.strictObject({ hosts: z.array(z.string().min(1)).max(1_000) }),
    answer: 'RouteChanged',
    run({ body }, { doors }) {
      doors.audit('open hosts', body);
      return doors.routes.openWorkspaceHosts(body.hosts);
    },
  }),
  route({
    method: 'GET',
    url: '/ledger',
    summary: 'Connections that went outside or were refused, newest first',
    query: z.strictObject({
      cursor: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
    answer: 'LedgerPage',
    run: ({ query }, { doors }) => doors.ledger(query.limit, query.cursor ?? null),
  }),
];
