/** Pure pieces of the Lab: differences and groups of results, changed lines, what is known of Lua. */
import { expect, test } from 'vitest';
import type { ReplayResult } from '../../engine/api/protocol.ts';
import { EVENTS } from '../../engine/policy/event-reference.ts';
import { luaGroups } from '../../engine/policy/lua-reference.ts';
import {
  diffLines,
  differencesOf,
  groupResults,
  isQuestion,
  verdictOf,
} from '../../renderer/screens/lab/compare.ts';
import { luaErrorText } from '../../renderer/format/lua-error.ts';
import { changedLines } from '../../renderer/screens/lab/line-changes.ts';
import { LuaKnowledge } from '../../renderer/screens/lab/lua-knowledge.ts';
import { STARTER_CONSTRUCTOR, withStarter } from '../../renderer/screens/lab/starter.ts';
import { stubFor } from '../../renderer/screens/lab/stub-for.ts';

const knowledge = new LuaKnowledge({
  functions: luaGroups().flatMap(({ entries }) => entries),
  fields: luaGroups().flatMap(({ name, fields }) => fields.map((field) => `${name}.${field}`)),
  events: EVENTS,
});
const labels = (before: string): readonly string[] =>
  knowledge.offersAt(before)?.offers.map(({ label }) => label) ?? [];

function result(change: Partial<ReplayResult> = {}): ReplayResult {
  return {
    seq: 1,
    to: 'ada@example.com',
    subject: '',
    verdict: 'differs',
    reply: { code: 250, text: 'OK ids=67f4f66ce8f411f19cb8a00087fbf747' },
    state: 'queued',
    queue: 'example.com',
    durationMs: 1,
    calls: [],
    effects: [],
    changes: { meta: [], headers: [], sender: null, recipients: null, body: null },
    differences: [],
    problem: null,
    ...change,
  };
}

test('a diff keeps what stayed for context and marks the words that changed', () => {
  const differences = [{ field: 'queue', was: 'a@smart.example.net', now: 'a@smart.example.org' }];
  const lines = diffLines(result({ differences }), differences);
  expect(lines.map(({ kind, field }) => `${kind} ${field}`)).toEqual([
    'same reply',
    'same state',
    'was queue',
    'now queue',
  ]);
  expect(lines[0]?.before).toBe('250 OK ids=…');
  expect(lines[2]).toMatchObject({ before: 'a@smart.example.', marked: 'net', after: '' });
  expect(lines[3]).toMatchObject({ marked: 'org' });
  const whole = diffLines(result(), [{ field: 'x', was: 'same end', now: 'some end' }]);
  expect(whole.slice(-2).map(({ marked, after }) => [marked, after])).toEqual([
    ['same', ' end'],
    ['some', ' end'],
  ]);
});

test('two runs are compared field by field', () => {
  const meta = (to: string) => ({ meta: [{ name: 'tenant', from: null, to }] });
  const before = result({ changes: { ...result().changes, ...meta('acme') } });
  const after = result({ changes: { ...result().changes, ...meta('press') }, state: 'rejected' });
  expect(differencesOf(after, before)).toEqual([
    { field: 'state', was: 'queued', now: 'rejected' },
    { field: 'meta.tenant', was: 'acme', now: 'press' },
  ]);
  expect(verdictOf(after, before)).toBe('differs');
  expect(verdictOf(before, before)).toBe('same');
  expect(verdictOf(result({ verdict: 'failed' }), before)).toBe('failed');
});

test('messages of the same fate are one group, whoever they are for', () => {
  const differences = (name: string, id: string) => [
    { field: 'reply', was: `200 ${name}@example.com: wrote ${id}`, now: '200 taken' },
  ];
  const groups = groupResults(
    [
      result({ seq: 3, to: 'ada@example.com', differences: differences('ada', '1795627175') }),
      result({ seq: 2, to: 'wei@example.com', differences: differences('wei', '1795627176') }),
      result({ seq: 1, verdict: 'same' }),
    ],
    () => null,
  );
  expect(groups.map(({ verdict, results }) => [verdict, results.length])).toEqual([
    ['differs', 2],
    ['same', 1],
  ]);
});

test('changed lines are those that the saved text does not have there', () => {
  const lines = (saved: string, text: string): number[] => [...changedLines(saved, text)];
  expect(lines('a\nb\nc', 'a\nb\nc')).toEqual([]);
  expect(lines('a\nb\nc', 'a\nB\nc')).toEqual([2]);
  expect(lines('a\nb\nc', 'a\nx\nb\ny\nc')).toEqual([2, 4]);
  expect(lines('a\nb\nc', 'a\nc')).toEqual([1]);
  expect(lines('', 'a')).toEqual([1]);
});

test('completion: modules, functions, methods by type, fields, events, names', () => {
  expect(labels('kumo.')).toEqual(expect.arrayContaining(['on', 'reject', 'http', 'json_parse']));
  expect(labels('local t = kumo.time.')).toContain('now');
  expect(labels('msg:')).toContain('set_meta');
  expect(labels('msg:')).not.toContain('bearer_auth');
  expect(labels('msg:recipient().')).toEqual(['user', 'domain', 'email']);
  expect(labels('local who = msg:recipient()\nwho.')).toEqual(['user', 'domain', 'email']);
  const client = 'local c = kumo.http.build_client {}\n';
  expect(labels(`${client}c:`)).toEqual(['get', 'post', 'put', 'delete', 'close']);
  expect(labels(`${client}local r = c:post('http://x'):`)).toContain('bearer_auth');
  expect(labels(`${client}local r = c:post('http://x'):send()\nr:`)).toContain('status_code');
  expect(labels("kumo.on('smtp_server_me")).toContain('smtp_server_message_received');
  expect(labels("local tenant = 'acme'\nten")).toContain('tenant');
  expect(labels("print('kumo.")).toEqual([]);
  expect(labels('-- msg:')).toEqual([]);
});

test('hover: what a name is, by the word that is pointed at', () => {
  const at = (line: string, word: string): string | null => {
    const found = knowledge.nameAt(line, line.indexOf(word) + 1, '');
    if (!found) return null;
    return found.kind === 'function' ? found.fn.signature : found.event.name;
  };
  expect(at("msg:set_meta('a', 1)", 'set_meta')).toBe('msg:set_meta(key, value)');
  expect(at('kumo.json_parse(text)', 'json_parse')).toBe('kumo.json_parse(text) -> value');
  expect(at("kumo.on('get_queue_config', f)", 'get_queue')).toBe('get_queue_config');
  expect(at('local x = 1', 'local')).toBeNull();
});

test('the example is added once and brings kumo when it is missing', () => {
  const policy = "local kumo = require 'kumo'\n";
  const once = withStarter(policy);
  expect(once).toContain(`kumo.on('${STARTER_CONSTRUCTOR}'`);
  expect(withStarter(once)).toBe(once);
  expect(withStarter('').match(/require 'kumo'/g)).toHaveLength(1);
  expect(once.match(/require 'kumo'/g)).toHaveLength(1);
});

test('an unanswered question becomes an answer to fill in', () => {
  const effect = {
    event: '',
    name: 'Request.send',
    effect: 'network',
    what: 'not-stubbed',
    args: [],
    result: '',
    durationMs: 0,
    source: null,
  } as const;
  expect(isQuestion(effect)).toBe(true);
  expect(isQuestion({ ...effect, name: 'Client.post', what: 'done' })).toBe(false);
  expect(stubFor({ ...effect, question: 'POST http://127.0.0.1:8080/mail' })).toMatchObject({
    kind: 'http',
    match: 'POST http://127.0.0.1:8080/mail',
  });
  expect(stubFor({ ...effect, question: 'DNS MX example.com' })).toMatchObject({
    kind: 'dns',
    match: 'MX example.com',
  });
  expect(stubFor({ ...effect, question: 'redis GET some-key' })).toMatchObject({
    kind: 'redis',
    match: 'GET some-key',
  });
  expect(stubFor({ ...effect, question: 'something else' })).toBeNull();
});

test('an error at its line says no place', () => {
  const said = (text: string): string => luaErrorText(`${text}\nstack traceback:\n\t[C]`);
  expect(said('runtime error: [string "/a b/init.lua"]:12: no such thing')).toBe('no such thing');
  expect(said("lib/x.lua:3: attempt to call a nil value (global 'f')")).toBe(
    "attempt to call a nil value (global 'f')",
  );
  expect(said('error loading module: 3: no')).toBe('error loading module: 3: no');
});
