import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Bindings } from '../../../../engine/policy/bindings/bindings.ts';
import { sqliteBindings } from '../../../../engine/policy/bindings/sqlite.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

let folder: string;
let bindings: Bindings;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-test-'));
  bindings = sqliteBindings(fakeDeps());
});
afterEach(() => {
  void bindings.close?.();
  rmSync(folder, { recursive: true });
});

const run = (code: string): Promise<string[]> =>
  traceLua([bindings], `local sqlite = require 'sqlite'\nlocal path = folder .. '/t.db'\n${code}`, {
    folder,
  });

const SEEN = `
  local db = sqlite.open(path)
  db:execute 'CREATE TABLE IF NOT EXISTS seen (who TEXT PRIMARY KEY, n INTEGER, note TEXT)'
`;

it('binds parameters in every form and shapes results by their columns', async () => {
  expect(
    await run(`${SEEN}
      trace(db:execute('INSERT OR REPLACE INTO seen VALUES (?, ?, ?)', 'u@door.test', 3, nil))
      trace(db:execute('SELECT who FROM seen WHERE who = ?', 'u@door.test'))
      trace(db:execute('SELECT who, n, note FROM seen WHERE who = :w', { w = 'u@door.test' }))
      trace(db:execute('SELECT who FROM seen WHERE who = ?', 'nobody'), db:execute('SELECT who, n FROM seen WHERE who = ?', 'nobody'))
      trace(db:execute 'SELECT count(*) FROM seen', db:execute('SELECT ? + ?', { 2, 3 }))
      local t = db:execute('SELECT 1.0, 2, ?, ?', 9007199254740993, 'x')[1]
      trace(math.type(t['1.0']), math.type(t['2']), t)
      trace(db:execute 'DELETE FROM seen', db:execute 'SELECT "a text"')
    `),
  ).toEqual([
    '1',
    '{1=u@door.test}',
    '{1={n=3,who=u@door.test}}',
    '{} {1={}}',
    '{1=1} {1=5}',
    'float integer {1.0=1.0,2=2,?=x}',
    '1 {1=a text}',
  ]);
});

it('explains what SQLite and the binding refuse', async () => {
  expect(
    await run(`${SEEN}
      try(db.execute, db, 'SELECT bogus FROM nowhere')
      try(db.execute, db, 'SELECT ?', true)
      try(db.execute, db, 'SELECT ?', 1, 'b')
      try(db.execute, db, 'SELECT :a', { b = 1.5 })
      db:execute("INSERT INTO seen (who) VALUES ('a')")
      try(db.execute, db, "INSERT INTO seen (who) VALUES ('a')")
      db:close()
      try(db.execute, db, 'SELECT 1')
      db:close()
      try(sqlite.open, folder .. '/no/such/dir.db')
      try(sqlite.open(path).execute, sqlite.open(path), 'SELECT :a', { c = 1, a = 2, b = 3 })
    `),
  ).toEqual([
    'error no such table: nowhere (code 1)',
    "error bind parameters Bool(true) in query `SELECT ?': binding sole parameter with value Bool(true): only numbers, strings and nil can be passed as parameter values",
    'error bind parameters Array [Number(1), String("b")] in query `SELECT ?\': column index out of range (code 25)',
    'error bind parameters Object {"b": Number(1.5)} in query `SELECT :a\': the index is out of range (0)',
    'error UNIQUE constraint failed: seen.who (code 19)',
    'error connection was closed',
    'error unable to open database file (code 14)',
    'error bind parameters Object {"a": Number(2), "b": Number(3), "c": Number(1)} in query `SELECT :a\': the index is out of range (0)',
  ]);
});

it('keeps transactions and connection state to the handle that began them', async () => {
  expect(
    await run(`${SEEN}
      local other = sqlite.open(path, 20)
      db:execute 'BEGIN IMMEDIATE'
      db:execute "INSERT INTO seen (who) VALUES ('a')"
      trace(other:execute 'SELECT count(*) FROM seen')
      try(other.execute, other, "INSERT INTO seen (who) VALUES ('b')")
      db:execute 'COMMIT'
      trace(other:execute 'SELECT count(*) FROM seen')
      db:execute 'CREATE TEMP TABLE mine (x)'
      try(other.execute, other, 'SELECT * FROM mine')
      trace(db:execute 'SELECT * FROM mine')
    `),
  ).toEqual([
    '{1=0}',
    'error database is locked (code 5)',
    '{1=1}',
    'error no such table: mine (code 1)',
    '{}',
  ]);
});

it('opens the file anew when it was replaced', async () => {
  await run(`${SEEN}`);
  rmSync(join(folder, 't.db'));
  expect(
    await run(`
      local again = sqlite.open(path)
      again:execute 'CREATE TABLE seen (who)'
      trace(again:execute 'SELECT count(*) FROM seen')
    `),
  ).toEqual(['{1=0}']);
});

it('keeps a database in memory as long as its handle', async () => {
  expect(
    await run(`
      local db = sqlite.open ':memory:'
      db:execute 'CREATE TABLE seen (who)'
      db:execute "INSERT INTO seen (who) VALUES ('a')"
      trace(db:execute 'SELECT who FROM seen')
      local other = sqlite.open ':memory:'
      try(other.execute, other, 'SELECT who FROM seen')
    `),
  ).toEqual(['{1=a}', 'error no such table: seen (code 1)']);
});
