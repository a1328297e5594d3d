/** Routes of the fake engine: a list as people have one, changed in memory by the real functions. */
import type { FastifyInstance } from 'fastify';
import type { LedgerLine, RouteChanged, RouteList, RouteSpec } from '../../engine/api/protocol.ts';
import { asLua } from '../../engine/routes/as-lua.ts';
import { matchText } from '../../engine/routes/match.ts';
import { checkRoute } from '../../engine/routes/route-file.ts';
import { levelOf, targetText, techniqueOf } from '../../engine/routes/route.ts';
import { troublesOf } from '../../engine/routes/shadow.ts';
import { FAKE_NOW_MS } from './fake-mail.ts';

const on = { enabled: true } as const;
const SAMPLE: readonly RouteSpec[] = [
  {
    ...on,
    name: 'suppressed-null',
    match: { header: { 'X-Suppress': '1' } },
    to: { kind: 'null' },
  },
  {
    ...{ ...on, name: 'sg-smarthost', note: 'The same host as in production' },
    match: { tenant: 'acme' },
    to: { kind: 'routingDomain', domain: 'smarthost.example.net' },
  },
  {
    ...{ ...on, name: 'news-maildir', match: { campaign: 'news', domain: 'example.com' } },
    to: { kind: 'maildir', path: 'mail/{{ domain_part }}/{{ local_part }}' },
  },
  {
    ...{ ...on, name: 'hooks-lua', match: { domain: 'hooks.example.com' } },
    to: { kind: 'customLua', event: 'make.webhook' },
  },
  {
    ...{ ...on, name: 'partner-live', match: { recipient: '*@partner.example.org' } },
    to: { kind: 'mxList', hosts: ['mx.partner.example.org:25'] },
    ...{ opens: ['mx.partner.example.org'], passThrough: '10s' },
  },
  {
    ...{ enabled: false, name: 'acme-direct', match: { tenant: 'acme', domain: '*.org' } },
    to: { kind: 'mxList', hosts: ['[127.0.0.1]:2540'] },
  },
  {
    ...{ ...on, name: 'acme-eu', match: { tenant: 'acme', campaign: 'eu-*' } },
    to: { kind: 'routingDomain', domain: 'smarthost.example.org' },
  },
  {
    ...{ enabled: false, name: 'all-refuse', match: { recipient: '*' } },
    to: { kind: 'reject', code: 550, text: '5.7.1 not today' },
  },
];
const HITS = [12, 418, 96, 31, 2, 0, 0, 0];
const CODES = [250, 451, 250, 400, 451, null, null, null];

const LEDGER: readonly LedgerLine[] = [
  { kind: 'smtp', target: 'mx.partner.example.org (192.0.2.25:25)', allowed: true },
  { kind: 'dns', target: 'mx.partner.example.org', allowed: true },
  { kind: 'http', target: '198.51.100.20:443', allowed: false },
  { kind: 'dns', target: '_dmarc.example.org', allowed: false },
].map((row, index) => ({
  ...{ ...row, seq: 40 - index, timeMs: FAKE_NOW_MS - index * 186_000 },
  why: row.allowed ? 'route partner-live: mx.partner.example.org' : 'not opened',
}));

/**
 * @param isEmpty as in a fresh workspace
 * @returns the list as it is now
 */
export function serveRoutes(server: FastifyInstance, isEmpty: boolean): () => RouteList {
  let routes: RouteSpec[] = isEmpty ? [] : [...SAMPLE];
  let capture = true;
  let openHosts: readonly string[] = [];
  let revision = 1;
  const list = (): RouteList => {
    const troubles = troublesOf(routes);
    return {
      ...{ revision, file: 'routes.json', problem: null },
      routes: routes.map((route) => {
        const index = SAMPLE.findIndex(({ name }) => name === route.name);
        const code = CODES[index] ?? null;
        const state = code === 250 ? 'delivered' : 'deferred';
        const atMs = FAKE_NOW_MS - index * 61_000;
        return {
          ...{ route, level: levelOf(route), technique: techniqueOf(route) },
          ...{ match: matchText(route.match), target: targetText(route) },
          ...{ trouble: troubles.get(route.name) ?? null, queued: index === 1 ? 3 : 0 },
          hits: HITS[index] ?? 0,
          last: code === null ? null : { code, text: 'as the far end said', state, atMs },
        };
      }),
      otherwise: {
        hits: 651,
        last: { code: 250, text: '', state: 'delivered', atMs: FAKE_NOW_MS },
      },
      capture: { hits: 590, last: null, enabled: capture, maildir: 'mail/{{ email }}' },
      openHosts: {
        workspace: openHosts,
        byRoute: routes.flatMap(({ name, enabled, opens = [] }) =>
          enabled && opens.length > 0 ? [{ route: name, hosts: opens }] : [],
        ),
      },
    };
  };
  const changed = (queued = 0): RouteChanged => {
    revision++;
    return { list: list(), movable: { value: queued, isExact: true } };
  };
  const named = (params: unknown): string => (params as { name: string }).name;
  const lua = (chosen: readonly RouteSpec[]): { text: string } => ({
    text: asLua(chosen, {
      farEnd: () => null,
      siteOf: (hosts) => `mx_list:${hosts.length}`,
      handled: new Set(),
    }),
  });
  server.get('/api/v1/routes', list);
  server.get('/api/v1/ledger', () => ({ rows: isEmpty ? [] : LEDGER, next: null }));
  server.get('/api/v1/lua/routes', () => lua(routes));
  server.get('/api/v1/routes/:name/lua', ({ params }) =>
    lua(routes.filter(({ name }) => name === named(params)).map((one) => ({ ...one, ...on }))),
  );
  server.put('/api/v1/routes/:name', ({ params, body }) => {
    const { route, at } = body as { route: RouteSpec; at?: number };
    const index = routes.findIndex(({ name }) => name === named(params));
    if (index >= 0) routes[index] = route;
    else routes.splice(at ?? routes.length, 0, route);
    return changed();
  });
  server.patch('/api/v1/routes/:name', ({ params, body }) => {
    const { enabled } = body as { enabled: boolean };
    routes = routes.map((one) => (one.name === named(params) ? { ...one, enabled } : one));
    return changed(named(params) === 'sg-smarthost' ? 3 : 0);
  });
  server.delete('/api/v1/routes/:name', ({ params }) => {
    routes = routes.filter(({ name }) => name !== named(params));
    return changed();
  });
  server.post('/api/v1/routes/order', ({ body }) => {
    const { names } = body as { names: readonly string[] };
    routes.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
    return changed();
  });
  server.post('/api/v1/routes/move', () => ({
    moved: 3,
    text: '3 queued messages took the way that new mail takes',
  }));
  server.post('/api/v1/routes/check', ({ body }) => {
    const checked = checkRoute((body as { route: unknown }).route);
    if (!checked.ok)
      return { ...{ problems: [checked], level: null, match: '', target: '' }, closedHosts: [] };
    const { route } = checked;
    return {
      ...{ problems: [], level: levelOf(route), match: matchText(route.match) },
      ...{ target: targetText(route), closedHosts: [] },
    };
  });
  server.post('/api/v1/routes/capture', ({ body }) => {
    capture = (body as { enabled: boolean }).enabled;
    return changed();
  });
  server.put('/api/v1/open-hosts', ({ body }) => {
    openHosts = (body as { hosts: readonly string[] }).hosts;
    return changed();
  });
  return list;
}
