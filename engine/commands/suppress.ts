/** `postyard suppress`: the suppression list, its mode and switches, and the same as Lua. */
import { createWriteStream } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type {
  ChangedResult,
  SuppressionAdded,
  SuppressionDemoResult,
  SuppressionEntryRow,
  SuppressionImported,
  SuppressionLua,
  SuppressionPage,
  SuppressionRemoved,
  SuppressionStatus,
} from '../api/protocol.ts';
import { MODES } from '../suppression/suppression-settings.ts';
import type { Mode } from '../suppression/suppression-settings.ts';
import { columns } from './columns.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';
import { readGiven } from './system-words.ts';

const OPTIONS = {
  workspace: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  reason: { type: 'string' },
  search: { type: 'string' },
  format: { type: 'string' },
  replace: { type: 'boolean' },
  auto: { type: 'string' },
  classes: { type: 'string' },
  mode: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

interface Call {
  readonly engine: EngineClient;
  readonly words: readonly string[];
  readonly options: Options;
}

const SWITCHES = ['bounce', 'oob', 'expiration'] as const;
const PAGE_ENTRIES = 1_000;

export const suppress: Command = {
  name: 'suppress',
  summary: 'List, add and remove suppressed recipients; mode, switches, import, export, Lua',
  usage: [
    'suppress list [--search TEXT] [--json]',
    '       postyard suppress add ADDRESS… [--from DOMAIN] [--reason TEXT]',
    '       postyard suppress remove ADDRESS… [--from DOMAIN] | undo TOKEN',
    '       postyard suppress import FILE [--format csv|json] [--replace]',
    '       postyard suppress export [FILE] [--format csv|json] [--search TEXT]',
    '       postyard suppress mode [off|reject|null|bounce] [--auto bounce,oob,expiration|none] [--classes NAME,…]',
    '       postyard suppress lua [--mode reject|null|bounce]',
    '       postyard suppress demo [--to ADDRESS] [--from ADDRESS] | demo reset',
  ].join('\n'),
  async run(args) {
    const { values: options, positionals } = readArguments(args, OPTIONS);
    const [name = 'list', ...words] = positionals;
    const verb = VERBS[name];
    if (verb === undefined)
      throw new UsageError(`found "${name}", expected ${Object.keys(VERBS).join(', ')}`);
    const { needs, most } = verb;
    if (words.length < needs) throw new UsageError(`${name} lacks ${verb.what}`);
    if (words.length > most)
      throw new UsageError(`found "${words.slice(most).join(' ')}" after ${name}`);
    const engine = EngineClient.find(options.workspace);
    if (engine === null) return 3;
    await verb.run({ engine, words, options });
    return 0;
  },
};

interface Verb {
  readonly needs: number;
  readonly most: number;
  readonly what: string;
  readonly run: (call: Call) => Promise<void>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  list: { needs: 0, most: 0, what: '', run: list },
  add: { needs: 1, most: Infinity, what: 'an address', run: add },
  remove: { needs: 1, most: Infinity, what: 'an address', run: remove },
  undo: { needs: 1, most: 1, what: 'the token that remove gave', run: undo },
  import: { needs: 1, most: 1, what: 'a file', run: importFile },
  export: { needs: 0, most: 1, what: '', run: exportFile },
  mode: { needs: 0, most: 1, what: '', run: mode },
  lua: { needs: 0, most: 0, what: '', run: lua },
  demo: { needs: 0, most: 1, what: '', run: demo },
};

async function list({ engine, options }: Call): Promise<void> {
  const head = ['recipient', 'sending domain', 'reason', 'since', 'source', 'hits'];
  let cursor: string | null = null;
  do {
    const page: SuppressionPage = await engine.get(
      `/suppression?${query({ q: options.search, limit: PAGE_ENTRIES, cursor })}`,
    );
    const lines =
      options.json === true
        ? page.entries.map((entry) => JSON.stringify(entry))
        : columns([...(cursor === null ? [head] : []), ...page.entries.map(entryCells)]);
    for (const line of lines) print(line);
    cursor = page.next;
  } while (cursor !== null);
}

function entryCells(entry: SuppressionEntryRow): string[] {
  const { recipient, sendingDomain, origin, reason, sinceMs, source, hits } = entry;
  const since = new Date(sinceMs).toISOString().slice(0, 16).replace('T', ' ');
  const why = reason === '' ? origin : `${origin}: ${reason}`;
  return [recipient, sendingDomain || '*', why, since, source || '–', String(hits)];
}

async function add({ engine, words, options }: Call): Promise<void> {
  const entries = words.map((recipient) => ({
    recipient,
    ...(options.from !== undefined && { sendingDomain: options.from }),
    ...(options.reason !== undefined && { reason: options.reason }),
  }));
  const { added, existing } = await engine.post<SuppressionAdded>('/suppression', { entries });
  print(`${added} added${existing > 0 ? `, ${existing} listed already` : ''}`);
}

async function remove({ engine, words, options }: Call): Promise<void> {
  const keys = words.map((recipient) => ({
    recipient,
    ...(options.from !== undefined && { sendingDomain: options.from }),
  }));
  const answer = await engine.post<SuppressionRemoved>('/suppression/remove', { keys });
  print(
    answer.removed === 0
      ? 'nothing removed: not listed'
      : `${answer.removed} removed; undo with: postyard suppress undo ${answer.undo}`,
  );
}

async function undo({ engine, words }: Call): Promise<void> {
  const { changed } = await engine.post<ChangedResult>('/suppression/undo', { undo: words[0] });
  print(`${changed} listed again`);
}

async function importFile({ engine, words, options }: Call): Promise<void> {
  const [path = ''] = words;
  const answer = await engine.post<SuppressionImported>('/suppression/import', {
    format: formatOf(options.format, path),
    text: readGiven('import', path).toString('utf8'),
    label: basename(path),
    whenListed: options.replace === true ? 'replace' : 'keep',
  });
  const { added, existing, refused, refusedCount } = answer;
  const listed = options.replace === true ? 'replaced' : 'listed already';
  print(`${added} added, ${existing} ${listed}, ${refusedCount} refused`);
  for (const { line, why } of refused) print(`  line ${line}: ${why}`);
  if (refusedCount > refused.length) print(`  and ${refusedCount - refused.length} more`);
}

async function exportFile({ engine, words, options }: Call): Promise<void> {
  const [path] = words;
  const format = formatOf(options.format, path ?? '');
  const text = engine.text(`/suppression/export?${query({ format, q: options.search })}`);
  const to =
    path === undefined ? process.stdout : createWriteStream(resolve(callersFolder(), path));
  await pipeline(text, to, { end: path !== undefined });
}

async function mode({ engine, words, options }: Call): Promise<void> {
  const [wanted] = words;
  const change = {
    ...(wanted !== undefined && { mode: modeOf(wanted) }),
    ...((options.auto ?? options.classes) !== undefined && { autoAdd: autoAddOf(options) }),
  };
  const isChange = Object.keys(change).length > 0;
  const status = isChange
    ? await engine.post<SuppressionStatus>('/suppression/settings', change)
    : await engine.get<SuppressionStatus>('/suppression/settings');
  const on = SWITCHES.filter((name) => status.autoAdd[name]);
  const { classes } = status.autoAdd;
  print(`mode ${status.mode}; ${status.count} ${status.count === 1 ? 'entry' : 'entries'}`);
  print(`added by itself: ${on.length === 0 ? 'nobody' : `whoever causes ${on.join(', ')}`}`);
  if (classes.length > 0) print(`bounce classes: ${classes.join(', ')}`);
}

async function lua({ engine, options }: Call): Promise<void> {
  const wanted = options.mode === undefined ? undefined : modeOf(options.mode);
  if (wanted === 'off') throw new UsageError('--mode is off, expected reject, null or bounce');
  const { text } = await engine.get<SuppressionLua>(`/suppression/lua?${query({ mode: wanted })}`);
  process.stdout.write(text);
}

/** The same message in all three modes, then with nobody listed; `reset` takes it back. */
async function demo({ engine, words: [what], options }: Call): Promise<void> {
  if (what === 'reset') {
    await engine.post('/suppression/demo/reset', {});
    return print('the list is as before the demo; its rows are hidden');
  }
  if (what !== undefined) throw new UsageError(`found "${what}" after demo, expected reset`);
  const { to, from } = options;
  const given = { ...(to !== undefined && { to }), ...(from !== undefined && { from }) };
  for (const step of ['reject', 'null', 'bounce', 'off'] as const) {
    const result = await engine.post<SuppressionDemoResult>('/suppression/demo', {
      ...given,
      step,
    });
    print(`${step === 'off' ? 'nobody listed' : step}: ${result.reply}`);
    print(`  ${result.state}${result.queue === '' ? '' : `, queue ${result.queue}`}`);
    for (const { type, code, text } of result.records) print(`  ${type} ${code} ${text}`);
    if (result.maildir !== null) print(`  ${result.maildir}`);
  }
}

function modeOf(text: string): Mode {
  const found = MODES.find((one) => one === text);
  if (found === undefined) throw new UsageError(`mode is ${text}, expected ${MODES.join(', ')}`);
  return found;
}

function autoAddOf({ auto, classes }: Options): object {
  const names = auto === undefined || auto === 'none' ? [] : splitNames(auto);
  const unknown = names.find((name) => !(SWITCHES as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new UsageError(`--auto has ${unknown}, expected ${SWITCHES.join(', ')} or none`);
  const switches = SWITCHES.map((name) => [name, names.includes(name)] as const);
  return {
    ...(auto !== undefined && Object.fromEntries(switches)),
    ...(classes !== undefined && { classes: splitNames(classes) }),
  };
}

function splitNames(text: string): string[] {
  return text.split(',').flatMap((name) => name.trim() || []);
}

function formatOf(given: string | undefined, path: string): 'csv' | 'json' {
  const format = given ?? (extname(path).toLowerCase() === '.json' ? 'json' : 'csv');
  if (format !== 'csv' && format !== 'json')
    throw new UsageError(`--format is ${format}, expected csv or json`);
  return format;
}

function query(fields: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[name, String(value)]],
  );
  return new URLSearchParams(given).toString();
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
