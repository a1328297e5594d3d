/** The four files that people write say what is wrong in the same way: where, found, expected. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { problemText } from '../../../engine/files/checked-jsonc.ts';
import type { FileProblem } from '../../../engine/files/checked-jsonc.ts';
import { readFarEnds } from '../../../engine/farends/far-ends-file.ts';
import { readExpectations } from '../../../engine/replay/expectation-file.ts';
import { readRoutes } from '../../../engine/routes/route-file.ts';
import { loadSettings } from '../../../engine/workspace/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'postyard-jsonc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Read = { readonly ok: true } | { readonly ok: false; readonly problem: FileProblem };

/** `file:line:column: words` of a text, as each reader says it. */
const problemIn = (name: string, read: (text: string) => Read) => (text: string) => {
  const result = read(text);
  return result.ok ? 'fine' : problemText(name, result.problem);
};
const READERS = {
  routes: problemIn('routes.json', readRoutes),
  'far ends': problemIn('far-ends.json', readFarEnds),
  expectations: problemIn('orders.json', readExpectations),
  settings: (text: string): string => {
    const file = join(folder, 'postyard.json');
    writeFileSync(file, text);
    const { problem } = loadSettings(file);
    return problem?.replace(`${folder}/`, '').replace('; the defaults are used', '') ?? 'fine';
  },
};

const route = (fields: string): string => `{ "routes": [\n  { "name": "a", ${fields} }\n] }`;
const farEnd = (fields: string): string => `{ "farEnds": [\n  { "name": "a", ${fields} }\n] }`;
const oneCase = (fields: string): string => `{ "cases": [\n  { "name": "a", ${fields} }\n] }`;

const CASES: readonly (readonly [keyof typeof READERS, string, string, string])[] = [
  // JSON
  ['routes', 'no comma', '{\n  "routes": [] "note": "x"\n}', 'routes.json:2:16: found "note", expected a comma'], // prettier-ignore
  ['far ends', 'no value', '{ "farEnds": }', 'far-ends.json:1:14: found }, expected a value'],
  ['expectations', 'cut off', '{\n  "cases": [', 'orders.json:2:13: found the end of the file, expected a closing ]'], // prettier-ignore
  ['settings', 'a bare word', '{\n  "keepDays": soon\n}', 'postyard.json:2:15: found soon, expected a value such as "text", 12, true or null'], // prettier-ignore
  // Wrong type
  ['routes', 'type', route('"enabled": "yes", "to": { "kind": "null" }'), 'routes.json:2:29: routes[0].enabled: found "yes", expected true or false'], // prettier-ignore
  ['far ends', 'type', farEnd('"port": "25"'), 'far-ends.json:2:26: farEnds[0].port: found "25", expected a number'], // prettier-ignore
  ['expectations', 'type', '{ "cases": {} }', 'orders.json:1:12: cases: found an object, expected a list'], // prettier-ignore
  ['settings', 'type', '{ "keepDays": [] }', 'postyard.json:1:15: keepDays: found an empty list, expected a number'], // prettier-ignore
  // Unknown key
  ['routes', 'key', '{ "routes": [],\n  "colour": 1 }', 'routes.json:2:3: colour: found colour, expected one of $schema, note, routes'], // prettier-ignore
  ['far ends', 'key', '{\n"farEnd": []\n}', 'far-ends.json:2:1: farEnd: found farEnd, expected one of $schema, '], // prettier-ignore
  ['expectations', 'key', oneCase('"message": {}, "expect": { "quue": "x" }'), 'orders.json:2:45: cases[0].expect.quue: found quue, expected one of reply, state, queue, '], // prettier-ignore
  ['settings', 'key', '{ "keepWeeks": 1 }', 'postyard.json:1:3: keepWeeks: found keepWeeks, expected one of acceptAnyAuth, '], // prettier-ignore
  // Missing key
  ['routes', 'missing', route('"enabled": true'), 'routes.json:2:3: routes[0].to: found nothing, expected an object'], // prettier-ignore
  ['far ends', 'missing', '{ "farEnds": [{}] }', 'far-ends.json:1:15: farEnds[0].name: found nothing, expected a text'], // prettier-ignore
  ['expectations', 'missing', oneCase('"expect": {}'), 'orders.json:2:3: cases[0].message: found nothing, expected an object'], // prettier-ignore
  ['settings', 'nothing at all', '', 'postyard.json:1:1: found the end of the file, expected a value'], // prettier-ignore
  // Out of range
  ['routes', 'range', route('"to": { "kind": "reject", "code": 250, "text": "x" }'), 'routes.json:2:52: routes[0].to.code: found 250, expected at least 400'], // prettier-ignore
  ['far ends', 'range', farEnd('"port": 70000'), 'far-ends.json:2:26: farEnds[0].port: found 70000, expected at most 65535'], // prettier-ignore
  ['expectations', 'range', oneCase('"message": { "row": 0 }, "expect": {}'), 'orders.json:2:38: cases[0].message.row: found 0, expected at least 1'], // prettier-ignore
  ['settings', 'range', '{ "keepDays": 0 }', 'postyard.json:1:15: keepDays: found 0, expected at least 0.01'], // prettier-ignore
  // Empty
  ['routes', 'empty', route('"to": { "kind": "farEnd", "name": "" }'), 'routes.json:2:52: routes[0].to.name: found nothing, expected a value'], // prettier-ignore
  ['far ends', 'empty', '{ "farEnds": [{ "name": "" }] }', 'far-ends.json:1:25: farEnds[0].name: found nothing, expected '], // prettier-ignore
  ['expectations', 'empty', oneCase('"message": { "to": [] }, "expect": {}'), 'orders.json:2:37: cases[0].message.to: found an empty list, expected at least 1 entry'], // prettier-ignore
  ['settings', 'empty', '{ "smtp": "" }', 'postyard.json:1:11: smtp: found nothing, expected IP:PORT such as 127.0.0.1:1025'], // prettier-ignore
  // Alternatives
  ['routes', 'kind', route('"to": { "kind": "rejct" }'), 'routes.json:2:34: routes[0].to.kind: found "rejct", expected one of "routingDomain", "mxList", '], // prettier-ignore
  ['routes', 'text or list', route('"match": { "domain": 5 }, "to": { "kind": "null" }'), 'routes.json:2:39: routes[0].match.domain: found 5, expected a text or a list'], // prettier-ignore
  ['routes', 'twice', '{ "routes": [{ "name": "a", "to": { "kind": "null" } },\n{ "name": "a", "to": { "kind": "null" } }] }', 'routes.json:2:11: routes[1].name: found a twice, expected it once'], // prettier-ignore
];

describe('readJsonc()', () => {
  test.each(CASES)('%s, %s', (reader, _, text, expected) => {
    const problem = READERS[reader](text);
    expect(problem.slice(0, expected.length)).toBe(expected);
    expect(problem).not.toMatch(/Invalid|ZodError|undefined/);
  });

  test('takes comments and a comma at the end', () => {
    expect(READERS.routes('{ // mine\n "routes": [], }')).toBe('fine');
    expect(READERS['far ends']('{ /* mine */ "farEnds": [], }')).toBe('fine');
    expect(READERS.expectations('{ "cases": [], // mine\n }')).toBe('fine');
    expect(READERS.settings('{ // mine\n "keepDays": 3, }')).toBe('fine');
  });
});
