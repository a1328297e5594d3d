import { expect, test } from 'vitest';
import { troublesOf } from '../../../engine/routes/shadow.ts';
import { routeOf } from './route-fixtures.ts';

const kinds = (...routes: Parameters<typeof troublesOf>[0]): Record<string, string> =>
  Object.fromEntries(
    [...troublesOf(routes)].map(([name, { kind, by }]) => [name, `${kind} ${by}`]),
  );

const to = { kind: 'maildir', path: 'elsewhere' };

test('an earlier route that matches everything shadows a later one', () => {
  const acme = routeOf('acme', { match: { tenant: 'acme' } });
  const eu = routeOf('eu', { match: { tenant: 'acme', campaign: 'eu*' } });
  expect(kinds(acme, eu)).toEqual({ eu: 'shadowed acme' });
  expect(kinds(eu, acme)).toEqual({});
  expect(troublesOf([acme, eu]).get('eu')?.text).toBe(
    'Route 2 is never reached: route 1 matches everything it matches',
  );
});

test('a route that is off neither shadows nor is marked', () => {
  const all = routeOf('all');
  expect(kinds({ ...all, enabled: false }, routeOf('b'))).toEqual({});
  expect(kinds(all, { ...routeOf('b'), enabled: false })).toEqual({});
});

test('an address says its domain', () => {
  const domain = routeOf('domain', { match: { domain: '*.example' } });
  expect(kinds(domain, routeOf('one', { match: { recipient: 'a*@mx.example' } }))).toEqual({
    one: 'shadowed domain',
  });
  expect(kinds(domain, routeOf('one', { match: { recipient: 'a*@mx.test' } }))).toEqual({});
});

test('a route that overwrites is reached where the other leaves alone', () => {
  expect(kinds(routeOf('all'), routeOf('over', { overwrite: true }))).toEqual({});
  expect(kinds(routeOf('all', { overwrite: true }), routeOf('over'))).toEqual({
    over: 'shadowed all',
  });
});

test('a star for a tenant still wants a tenant', () => {
  expect(kinds(routeOf('some', { match: { tenant: '*' } }), routeOf('all'))).toEqual({});
});

test('routes that meet without one being the special case contradict each other', () => {
  const a = routeOf('a', { match: { domain: 'mx.*' } });
  const b = routeOf('b', { match: { domain: '*.example' }, to });
  expect(kinds(a, b)).toEqual({ b: 'conflict a' });
  expect(kinds(a, { ...b, to: a.to })).toEqual({});
  expect(kinds(routeOf('special', { match: { domain: 'mx.example' } }), b)).toEqual({});
});
