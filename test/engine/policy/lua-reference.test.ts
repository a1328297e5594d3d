/** What completion, hover and the reference page say about Lua is what the bindings have. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LUA_PAGE, luaPage } from '../../../build/lua-reference.ts';
import { EVENTS } from '../../../engine/policy/event-reference.ts';
import { luaGroups } from '../../../engine/policy/lua-reference.ts';
import { MULTIPLE_HANDLER_EVENTS } from '../../../engine/policy/policy-context.ts';

const entries = luaGroups().flatMap((group) => group.entries);

test('every signature begins with the name it is called by', () => {
  const odd = entries.filter(({ name, signature }) => {
    const own = name.slice(name.search(/[^.:]+$/));
    return !new RegExp(`^(?:[\\w.]+[.:])?${own}[({]`).test(signature);
  });
  expect(odd.map(({ name, signature }) => `${name}: ${signature}`)).toEqual([]);
  expect(entries.filter(({ doc }) => !/^[^\n]+[.!]$/.test(doc)).map(({ name }) => name)).toEqual(
    [],
  );
  expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
});

test('signatures carry their path or their receiver', () => {
  const signatures = new Map(entries.map(({ name, signature }) => [name, signature]));
  expect(signatures.get('kumo.json_parse')).toBe('kumo.json_parse(text) -> value');
  expect(signatures.get('Message:set_meta')).toBe('msg:set_meta(key, value)');
  expect(signatures.get('kumo.api.inject.build_v1')).toBe(
    'kumo.api.inject.build_v1(request) -> array',
  );
  expect(signatures.get('io.open')).toBe('io.open(path, mode?) -> file');
  expect(signatures.get('print')).toBe('print(...)');
  expect(signatures.get('HeaderMap:set_subject')).toBe('header_map:set_subject(value)');
});

test('every event that the engine asks is described', () => {
  const names = new Set(EVENTS.map(({ name }) => name));
  const calls = readFileSync(
    join(import.meta.dirname, '../../../engine/policy/event-calls.ts'),
    'utf8',
  );
  const asked = [
    ...calls.matchAll(/(?:event: |#tell\(|#lookUp\(|EVENT = )'([a-z]+_[a-z_]+)'/g),
  ].map((match) => match[1] ?? '');
  expect(asked.length).toBeGreaterThan(20);
  expect([...asked, ...MULTIPLE_HANDLER_EVENTS].filter((name) => !names.has(name))).toEqual([]);
});

test('docs/reference/lua.md is what build/lua-reference.ts writes', async () => {
  expect(readFileSync(LUA_PAGE, 'utf8')).toBe(await luaPage());
});
