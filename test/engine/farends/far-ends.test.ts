/** The far ends of a workspace: the file, its mistakes, ports, what is kept over a restart. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SystemClock } from '../../../engine/base/clock.ts';
import { FarEnds } from '../../../engine/farends/far-ends.ts';
import { farEndSchema } from '../../../engine/farends/far-end-schema.ts';
import { farEndsJsonSchema, readFarEnds } from '../../../engine/farends/far-ends-file.ts';
import { PRESETS } from '../../../engine/farends/presets.ts';
import { eventually } from '../../support/serve-process.ts';
import { SimClock } from '../../support/sim-clock.ts';

let folder: string;
let file: string;
let problems: (string | null)[];
let moves: number;
const open: FarEnds[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-far-ends-'));
  file = join(folder, 'far-ends.json');
  problems = [];
  moves = 0;
});

afterEach(async () => {
  for (const farEnds of open.splice(0)) await farEnds.close();
  rmSync(folder, { recursive: true, force: true });
});

async function started(text?: string): Promise<FarEnds> {
  if (text !== undefined) writeFileSync(file, text);
  const farEnds = new FarEnds({
    file,
    stateFolder: join(folder, '.postyard'),
    mailClock: new SimClock(),
    clock: new SystemClock(),
    onTrouble: (trouble) => problems.push(trouble),
    onProblem: (problem) => problems.push(problem),
    onAddresses: () => moves++,
  });
  open.push(farEnds);
  await farEnds.load();
  await farEnds.start();
  return farEnds;
}

const names = (farEnds: FarEnds): string[] => farEnds.list().map(({ spec }) => spec.name);

async function send(port: number, to = 'a@dest.test'): Promise<string> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  const { response } = await transport.sendMail({
    from: 'from@shop.test',
    to,
    subject: 'kept',
    text: 'hello',
  });
  return response;
}

test('without a file there is the built-in one, and the schema for editors', async () => {
  const farEnds = await started();
  expect(names(farEnds)).toEqual(['sink']);
  expect(farEnds.addressOf('sink')?.host).toBe('127.0.0.1');
  expect(farEnds.addressOf('nobody')).toBeNull();
  const schema = readFileSync(join(folder, '.postyard/far-ends.schema.json'), 'utf8');
  expect(Object.keys((JSON.parse(schema) as { properties: object }).properties)).toEqual([
    '$schema',
    'farEnds',
  ]);
  await expect(send(farEnds.addressOf('sink')?.port ?? 0, 'bounce+554+no@x.test')).rejects.toThrow(
    '554 no',
  );
});

test('with a mistake at the start the built-in one listens', async () => {
  const farEnds = await started('{ "farEnds": [{ "name": "a", "port": -1 }] }');
  expect(names(farEnds)).toEqual(['sink']);
  expect(farEnds.find('sink')?.status.state).toBe('listening');
});

test('saved changes hold at once; a mistake changes nothing and is named with its line', async () => {
  const farEnds = await started('{ "farEnds": [{ "name": "a" }, { "name": "b" }] }');
  const before = farEnds.addressOf('a');
  writeFileSync(
    file,
    '{\n  "farEnds": [\n    { "name": "a", "rules": [{ "do": "reject" }] }\n  ]\n}\n',
  );
  await eventually('the mistake is seen', () => farEnds.problem !== null);
  expect(farEnds.problemText()).toMatch(/^far-ends\.json:3:\d+: farEnds\[0\]\.rules\[0\]\.at: /);
  expect(names(farEnds)).toEqual(['a', 'b', 'sink']);
  expect(farEnds.find('a')?.spec.rules).toEqual([]);
  await expect(farEnds.put({ name: 'c' })).rejects.toThrow(/far-ends\.json:3/);
  writeFileSync(
    file,
    '{ "farEnds": [{ "name": "a", "rules": [{ "do": "reject", "at": "rcpt" }] }] }',
  );
  await eventually('the change is seen', () => farEnds.problem === null);
  expect(names(farEnds)).toEqual(['a', 'sink']);
  expect(farEnds.addressOf('a')).toEqual(before);
  await expect(send(before?.port ?? 0)).rejects.toThrow('550 5.1.1 No such user: a@dest.test');
  expect(problems.filter((problem) => problem !== null)).toHaveLength(1);
});

test.each([
  ['{ "farEnds": [ }', 1, /found \}, expected a value/],
  ['{\n"farEnd": []\n}', 2, /found farEnd, expected one of /],
  [
    '{ "farEnds": [\n{ "name": "Big One" }] }',
    2,
    /name: found "Big One", expected lower-case letters/,
  ],
  ['{ "farEnds": [{ "name": "a" },\n{ "name": "a" }] }', 2, /found a twice/],
  [
    '{ "farEnds": [{ "name": "a", "rules": [\n{ "do": "slow", "at": "rcpt",\n"wait": "soon" }] }] }',
    3,
    /wait: found "soon", expected a duration/,
  ],
  [
    '{ "farEnds": [{ "name": "a", "rules": [{ "do": "drip", "at": "content", "interval": "1s" }] }] }',
    1,
    /at: /,
  ],
])('%s', (text, line, message) => {
  const read = readFarEnds(text);
  expect(read.ok).toBe(false);
  if (read.ok) return;
  expect(read.problem.line).toBe(line);
  expect(read.problem.message).toMatch(message);
});

test('changes keep the comments of the file', async () => {
  const farEnds = await started(
    '{\n  // Mine.\n  "farEnds": [\n    { "name": "a" }, // first\n    { "name": "b", "port": 0 }\n  ]\n}\n',
  );
  await farEnds.switch('b', false);
  expect(farEnds.addressOf('b')).toBeNull();
  await farEnds.put({ name: 'c', rules: [{ do: 'hang', at: 'dot' }] }, 1);
  await farEnds.remove('a');
  expect(await farEnds.remove('sink')).toBe(false);
  await farEnds.switch('sink', false);
  expect(names(farEnds)).toEqual(['c', 'b', 'sink']);
  expect(farEnds.addressOf('sink')).toBeNull();
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('// Mine.');
  expect(text).toContain('"port": 0');
  await expect(farEnds.put({ name: 'd', rules: [{ do: 'dance' }] })).rejects.toThrow(
    /^Cannot keep the far end: rules\[0\]\.do/,
  );
});

test('ports and received mail are there again after a restart', async () => {
  const first = await started('{ "farEnds": [{ "name": "a" }] }');
  const port = first.addressOf('a')?.port ?? 0;
  const reply = await send(port);
  const id = first.receivedAt(port, reply)?.mail.id ?? '';
  expect(reply).toBe(`250 2.0.0 OK: kept as a/${id}`);
  await first.close();
  const again = await started();
  expect(again.addressOf('a')?.port).toBe(port);
  expect(again.receivedAt(port, reply)).toMatchObject({
    name: 'a',
    mail: { id, subject: 'kept', recipients: ['a@dest.test'] },
  });
  expect((await again.find('a')?.captured.source(id))?.toString()).toContain('hello');
  await again.find('a')?.captured.clear();
  expect(existsSync(join(folder, '.postyard/far-ends/a', `${id}.eml`))).toBe(false);
  expect(again.receivedAt(port, reply)).toBeNull();
});

test('a start with a mistake in the file forgets no ports', async () => {
  const good = '{ "farEnds": [{ "name": "a" }] }';
  const first = await started(good);
  const address = first.addressOf('a');
  await first.close();
  const broken = await started('{ "farEnds": ');
  expect(names(broken)).toEqual(['sink']);
  await broken.close();
  expect((await started(good)).addressOf('a')).toEqual(address);
});

test('a port that is taken is said, and the others listen', async () => {
  const first = await started('{ "farEnds": [{ "name": "a" }] }');
  const port = first.addressOf('a')?.port ?? 0;
  writeFileSync(file, `{ "farEnds": [{ "name": "a" }, { "name": "b", "port": ${port} }] }`);
  await eventually('the new far end is known', () => first.find('b'));
  await eventually('it has failed', () => first.find('b')?.status.state === 'failed');
  expect(first.find('b')?.status.problem).toMatch(/EADDRINUSE/);
  expect(first.addressOf('b')).toBeNull();
  expect(first.addressOf('a')?.port).toBe(port);
});

test('every preset is a far end', () => {
  for (const { name, spec } of PRESETS)
    expect(() => farEndSchema.parse({ ...spec, name }), name).not.toThrow();
  expect(new Set(PRESETS.map(({ name }) => name)).size).toBe(PRESETS.length);
});

test('the examples of a new workspace are far ends', () => {
  const text = readFileSync(
    join(import.meta.dirname, '../../../engine/workspace/default-far-ends.jsonc'),
    'utf8',
  );
  const read = readFarEnds(text);
  expect(read.ok && read.farEnds.map(({ name }) => name)).toEqual([
    'accept',
    'greylist',
    'busy',
    'broken',
  ]);
});

test('the schema file says what the code says', () => {
  const file = join(import.meta.dirname, '../../../engine/farends/far-ends.schema.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(farEndsJsonSchema());
});
