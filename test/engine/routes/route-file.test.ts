import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  readRoutes,
  renamed,
  routesJsonSchema,
  withEnabled,
  withOrder,
  withRoute,
  withoutRoute,
} from '../../../engine/routes/route-file.ts';
import { routeOf } from './route-fixtures.ts';

const FILE = `// Who goes where
{
  "routes": [
    // the shop
    { "name": "shop", "note": "asked for by Ada", "to": { "kind": "null" } }, // for now
    /* the rest */
    {
      "name": "rest",
      "enabled": false, // until Monday
      "to": { "kind": "maildir", "path": "mail/rest" },
    },
    { "name": "last", "to": { "kind": "null" } }
  ]
}
`;

const names = (text: string): string[] => {
  const read = readRoutes(text);
  return read.ok ? read.routes.map((route) => `${route.name}${route.enabled ? '' : ' off'}`) : [];
};

const problem = (text: string): string => {
  const read = readRoutes(text);
  return read.ok ? 'none' : `${read.problem.line}: ${read.problem.message}`;
};

test('no file and an empty file are no routes', () => {
  expect(readRoutes('')).toEqual({ ok: true, routes: [] });
  expect(names(FILE)).toEqual(['shop', 'rest off', 'last']);
});

test('what is wrong is said with its line', () => {
  expect(problem('{\n  "routes": [\n    }\n')).toMatch(/^3: /);
  expect(problem(FILE.replace('"maildir"', '"mailbox"'))).toMatch(/^10: routes\[1\]\.to\.kind: /);
  expect(problem(FILE.replace('"last"', '"shop"'))).toBe(
    '12: routes[2].name: found shop twice, expected it once',
  );
  expect(problem(FILE.replace('"note"', '"notes"'))).toMatch(/^5: .*notes/);
  expect(problem(FILE.replace('"last"', '"captured"'))).toMatch(
    /^12: routes\[2\]\.name: found "captured", expected/,
  );
});

test('a switch touches the switch alone', () => {
  expect(withEnabled(FILE, 'rest', true)).toBe(FILE.replace('false', 'true'));
  expect(withEnabled(FILE, 'shop', false)).toBe(
    FILE.replace('"name": "shop",', '"name": "shop", "enabled": false,'),
  );
  expect(withEnabled(FILE, 'shop', true)).toBe(FILE);
});

test('a change keeps comments and notes', () => {
  const shop = routeOf('shop', { note: 'asked for by Ada', to: { kind: 'queue', name: 'x' } });
  const changed = withRoute(FILE, shop);
  for (const comment of ['// the shop', '// for now', '/* the rest */', '// until Monday', 'Ada'])
    expect(changed).toContain(comment);
  const read = readRoutes(changed);
  expect(read.ok && read.routes[0]).toEqual(shop);
});

test('a new route goes to its place, into no file too', () => {
  expect(names(withRoute(FILE, routeOf('new'), 1))).toEqual(['shop', 'new', 'rest off', 'last']);
  expect(names(withRoute(FILE, routeOf('new')))).toEqual(['shop', 'rest off', 'last', 'new']);
  expect(names(withRoute('', routeOf('new')))).toEqual(['new']);
});

test('routes that change places take their comments along', () => {
  const moved = withOrder(FILE, ['last', 'rest']);
  expect(names(moved)).toEqual(['last', 'rest off', 'shop']);
  expect(moved).toMatch(/\/\/ the shop\n\s*\{ "name": "shop".* \/\/ for now/);
  expect(moved).toMatch(/\/\* the rest \*\/\n\s*\{\n\s*"name": "rest"/);
  expect(names(withOrder(moved, ['shop', 'rest', 'last']))).toEqual(['shop', 'rest off', 'last']);
});

test('rename and remove', () => {
  expect(names(renamed(FILE, 'rest', 'other'))).toEqual(['shop', 'other off', 'last']);
  expect(names(withoutRoute(FILE, 'last'))).toEqual(['shop', 'rest off']);
  expect(names(withoutRoute(withoutRoute(FILE, 'shop'), 'rest'))).toEqual(['last']);
});

test('the JSON Schema of the docs is the one of the code', () => {
  const file = join(import.meta.dirname, '../../../docs/reference/routes.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(routesJsonSchema())),
  );
});
