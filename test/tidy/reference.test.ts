/** The reference pages and the code list the same things. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ROUTES } from '../../engine/api/routes.ts';
import { RECORD_TYPES } from '../../engine/log/record.ts';
import { SETTING_NAMES } from '../../engine/workspace/settings.ts';

const root = resolve(import.meta.dirname, '../..');

function headings(page: string): string[] {
  const text = readFileSync(join(root, 'docs/reference', page), 'utf8');
  return [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '');
}

test('every record type has a section', () => {
  expect(headings('records.md').sort()).toEqual([...RECORD_TYPES].sort());
});

test('every setting has a section', () => {
  expect(headings('settings.md').sort()).toEqual([...SETTING_NAMES].sort());
});

test('every API route has a section', () => {
  const routes = ROUTES.map((route) => `${route.method} /api/v1${route.url}`);
  expect(headings('api.md').sort()).toEqual(
    [...routes, 'GET /api/v1/live', 'GET /api/v1/openapi.json'].sort(),
  );
});
