/** `postyard far-end`: the simulated destinations of a running engine. */
import { parse } from 'jsonc-parser';
import type { ParseError } from 'jsonc-parser';
import type { FarEndList, FarEndMailDetail, FarEndReceived, FarEndRow } from '../api/protocol.ts';
import { columns } from './columns.ts';
import { UsageError, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';
import { readGiven } from './system-words.ts';

const OPTIONS = {
  workspace: { type: 'string' },
  json: { type: 'boolean' },
  preset: { type: 'string' },
  file: { type: 'string' },
  rule: { type: 'string', multiple: true },
  port: { type: 'string' },
  received: { type: 'boolean' },
  limit: { type: 'string', default: '20' },
} as const;

type Options = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

interface Call {
  readonly engine: EngineClient;
  readonly words: readonly string[];
  readonly options: Options;
}

interface Verb {
  readonly needs: number;
  readonly most: number;
  readonly what: string;
  readonly run: (call: Call) => Promise<number>;
}

export const farEnd: Command = {
  name: 'far-end',
  summary: 'Simulated destinations: list, add, turn off, reset, and what they received',
  usage: [
    'far-end [list] [--json]',
    '       postyard far-end add NAME [--preset NAME | --file FILE] [--rule JSON…] [--port N]',
    '       postyard far-end remove NAME… | on NAME… | off NAME…',
    '       postyard far-end reset NAME… [--received]',
    '       postyard far-end received NAME [ID] [--limit N] [--json]',
    '       postyard far-end presets',
  ].join('\n'),
  async run(args) {
    const { values: options, positionals } = readArguments(args, OPTIONS);
    const [name = 'list', ...words] = positionals;
    const verb = VERBS[name];
    if (verb === undefined)
      throw new UsageError(`found "${name}", expected ${Object.keys(VERBS).join(', ')}`);
    if (words.length < verb.needs) throw new UsageError(`${name} lacks ${verb.what}`);
    if (words.length > verb.most)
      throw new UsageError(`found "${words.slice(verb.most).join(' ')}" after ${name}`);
    const engine = EngineClient.find(options.workspace);
    return engine === null ? 3 : verb.run({ engine, words, options });
  },
};

const VERBS: Readonly<Record<string, Verb>> = {
  list: { needs: 0, most: 0, what: '', run: list },
  add: { needs: 1, most: 1, what: 'a name', run: add },
  remove: { needs: 1, most: Infinity, what: 'a name', run: forEach('/far-ends/remove', 'removed') },
  on: { needs: 1, most: Infinity, what: 'a name', run: switching(true) },
  off: { needs: 1, most: Infinity, what: 'a name', run: switching(false) },
  reset: { needs: 1, most: Infinity, what: 'a name', run: reset },
  received: { needs: 1, most: 2, what: 'a name', run: received },
  presets: { needs: 0, most: 0, what: '', run: presets },
};

async function list({ engine, options }: Call): Promise<number> {
  const answer = await engine.get<FarEndList>('/far-ends');
  if (options.json === true) print(JSON.stringify(answer.farEnds, null, 2));
  else for (const line of columns(answer.farEnds.map(cellsOf))) print(line);
  if (answer.problem !== null) process.stderr.write(`${answer.problem}\n`);
  return answer.problem === null ? 0 : 1;
}

function cellsOf(row: FarEndRow): string[] {
  const where = row.address ?? (row.problem === null ? row.state : `${row.state}: ${row.problem}`);
  return [row.name, where, `${row.hits} hits`, `${row.received} received`, row.scenario];
}

async function add({ engine, words, options }: Call): Promise<number> {
  const [name = ''] = words;
  const base =
    options.preset === undefined ? fromFile(options.file) : await preset(engine, options);
  const rules = [
    ...((base['rules'] as unknown[] | undefined) ?? []),
    ...(options.rule ?? []).map((text) => readJson('--rule', text)),
  ];
  const farEnd = {
    ...base,
    name,
    ...(options.port !== undefined && { port: Number(options.port) }),
    ...(rules.length > 0 && { rules }),
  };
  const { farEnds } = await engine.post<FarEndList>('/far-ends', { farEnd });
  const row = farEnds.find((one) => one.name === name);
  if (row) print(cellsOf(row).join('  '));
  return 0;
}

async function preset(engine: EngineClient, options: Options): Promise<Record<string, unknown>> {
  const { presets: known } = await engine.get<FarEndList>('/far-ends');
  const found = known.find(({ name }) => name === options.preset);
  if (found) return { ...found.spec };
  const names = known.map(({ name }) => name).join(', ');
  throw new UsageError(`--preset is ${options.preset ?? ''}, expected one of ${names}`);
}

function fromFile(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  const value = readJson('--file', readGiven('--file', file).toString('utf8'));
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UsageError(`--file ${file} holds no object, expected one far end`);
}

/** Comments and a comma at the end are fine, as in `far-ends.json`. */
function readJson(option: string, text: string): unknown {
  const errors: ParseError[] = [];
  const value = parse(text, errors, { allowTrailingComma: true }) as unknown;
  const [error] = errors;
  if (error)
    throw new UsageError(
      `${option}: found ${JSON.stringify(text.slice(error.offset, error.offset + 20))} at character ${error.offset + 1}, expected JSON such as {"do": "reject", "at": "rcpt"}`,
    );
  return value;
}

function forEach(path: string, done: string, body: object = {}): Verb['run'] {
  return async ({ engine, words }) => {
    for (const name of words) {
      await engine.post(path, { ...body, name });
      print(`${name} ${done}`);
    }
    return 0;
  };
}

function switching(on: boolean): Verb['run'] {
  return forEach('/far-ends/switch', on ? 'is on' : 'is off', { on });
}

function reset(call: Call): Promise<number> {
  return forEach('/far-ends/reset', 'is as on the first day', {
    received: call.options.received === true,
  })(call);
}

async function received({ engine, words, options }: Call): Promise<number> {
  const [name = '', id] = words;
  const path = `/far-ends/${encodeURIComponent(name)}/received`;
  if (id !== undefined) {
    const mail = await engine.get<FarEndMailDetail>(`${path}/${encodeURIComponent(id)}`);
    print(options.json === true ? JSON.stringify(mail, null, 2) : mail.source);
    return 0;
  }
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500)
    throw new UsageError(`--limit is ${options.limit}, expected a whole number from 1 to 500`);
  const { mails, more } = await engine.get<FarEndReceived>(`${path}?limit=${limit}`);
  if (options.json === true) print(JSON.stringify(mails, null, 2));
  else {
    for (const mail of mails) {
      const time = new Date(mail.timeMs).toISOString().slice(0, 19).replace('T', ' ');
      const to = mail.recipients.join(', ');
      print([mail.id, time, `${mail.sender || '<>'} -> ${to}`, mail.subject].join('  '));
    }
    if (more > 0) print(`and ${more} older`);
  }
  return 0;
}

async function presets({ engine }: Call): Promise<number> {
  const { presets: known } = await engine.get<FarEndList>('/far-ends');
  for (const line of columns(known.map(({ name, what }) => [name, what]))) print(line);
  return 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
