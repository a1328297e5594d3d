/** `postyard mail`: what was caught, without the window: list, show, delete, save, release. */
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type {
  CaughtMessage,
  DeletedMessages,
  RecipientRow,
  ReleaseRequest,
  ReleaseResult,
  RowChecks,
  RowPage,
} from '../api/protocol.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient } from './engine-client.ts';
import { messageText } from './wait.ts';

const OPTIONS = {
  workspace: { type: 'string' },
  limit: { type: 'string' },
  all: { type: 'boolean' },
  to: { type: 'string' },
  rcpt: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const LIMIT_DEFAULT = 20;
/** Rows asked for at once; the numbers of an mbox stand in one address. */
const PAGE_ROWS = 1_000;

export const mail: Command = {
  name: 'mail',
  summary: 'List, show, delete, save and release what was caught; filters as in the window',
  usage: [
    'mail [list [FILTER…]] [--limit N|--all] [--json]',
    '       postyard mail show ROW [--json]',
    '       postyard mail checks ROW [--json]',
    '       postyard mail delete FILTER…|--all',
    '       postyard mail save FILE.mbox|FOLDER [FILTER…]      (a folder gets one .eml per message)',
    '       postyard mail release ROW… --to HOST:PORT|ROUTE [--rcpt ADDRESS] [--json]   (copies, through the queues)',
  ].join('\n'),
  async run(args) {
    const { values, positionals } = readArguments(args, OPTIONS);
    const [verb = 'list', ...words] = positionals;
    if (!['list', 'show', 'checks', 'delete', 'save', 'release'].includes(verb))
      throw new UsageError(`found "${verb}", expected list, show, checks, delete, save or release`);
    const [first] = words;
    const row = verb === 'show' || verb === 'checks' ? rowOf(first) : 0;
    if (verb === 'save' && first === undefined)
      throw new UsageError('save lacks where to, expected FILE.mbox or a folder');
    if (verb === 'delete' && first === undefined && values.all !== true)
      throw new UsageError('delete lacks a filter, expected one, or --all for everything');
    const releasing = verb === 'release' ? releaseOf(words, values) : null;
    const limit = values.all === true ? Infinity : limitOf(values.limit);
    const engine = EngineClient.find(values.workspace);
    if (engine === null) return 3;
    if (releasing !== null) return release(engine, releasing, values.json === true);
    switch (verb) {
      case 'list':
        await list(engine, words.join(' '), { limit, isJson: values.json === true });
        break;
      case 'show': {
        const message = await engine.get<CaughtMessage>(`/messages/${row}`);
        const isJson = values.json === true;
        const text = isJson ? JSON.stringify(message, null, 2) : messageText(message);
        process.stdout.write(`${text}\n`);
        break;
      }
      case 'checks': {
        const checks = await engine.get<RowChecks>(`/rows/${row}/checks`);
        const isJson = values.json === true;
        process.stdout.write(
          `${isJson ? JSON.stringify(checks, null, 2) : checksText(checks) || 'Nothing to find fault with'}\n`,
        );
        break;
      }
      case 'delete': {
        const query = new URLSearchParams({ filter: words.join(' ') }).toString();
        const { changed } = await engine.send<DeletedMessages>('DELETE', `/messages?${query}`);
        process.stdout.write(`deleted ${changed}\n`);
        break;
      }
      default:
        await save(engine, first ?? '', words.slice(1).join(' '));
    }
    return 0;
  },
};

/** @throws {UsageError} */
function rowOf(word: string | undefined): number {
  if (word !== undefined && /^\d{1,12}$/.test(word)) return Number(word);
  throw new UsageError(
    `found ${word ?? 'nothing'}, expected the number of a row, as list shows it`,
  );
}

/** @throws {UsageError} */
function releaseOf(
  words: readonly string[],
  { to, rcpt }: { readonly to?: string | undefined; readonly rcpt?: string | undefined },
): ReleaseRequest {
  if (words.length === 0) throw new UsageError('release lacks rows, expected their numbers');
  if (to === undefined) throw new UsageError('release lacks --to, expected HOST:PORT or a route');
  const seqs = words.map((word) => rowOf(word));
  return { seqs, to, ...(rcpt !== undefined && { recipient: rcpt }) };
}

/** Status 1 when a row could not be released. */
async function release(
  engine: EngineClient,
  request: ReleaseRequest,
  isJson: boolean,
): Promise<number> {
  const result = await engine.post<ReleaseResult>('/rows/release', request);
  const { released, to, seqs, failed } = result;
  const rows = seqs.length === 0 ? '' : ` (rows ${seqs.join(', ')})`;
  const lines = [
    ...failed.map(({ seq, text }) => `row ${seq}: ${text}`),
    `released ${released} to ${to}${rows}`,
  ];
  process.stdout.write(`${isJson ? JSON.stringify(result, null, 2) : lines.join('\n')}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** @throws {UsageError} */
function limitOf(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--limit is ${text}, expected a whole number from 1`);
}

/** Newest first. */
async function* rows(engine: EngineClient, filter: string): AsyncGenerator<RecipientRow> {
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ filter, limit: String(PAGE_ROWS) });
    if (cursor !== null) query.set('cursor', cursor);
    const page: RowPage = await engine.get<RowPage>(`/rows?${query.toString()}`);
    yield* page.rows;
    cursor = page.next;
  } while (cursor !== null);
}

async function list(
  engine: EngineClient,
  filter: string,
  { limit, isJson }: { limit: number; isJson: boolean },
): Promise<void> {
  let count = 0;
  for await (const row of rows(engine, filter)) {
    if (count++ === limit) {
      if (!isJson) process.stdout.write(`… more: --limit N or --all\n`);
      return;
    }
    process.stdout.write(`${isJson ? JSON.stringify(row) : lineOf(row)}\n`);
  }
  if (count === 0 && !isJson)
    process.stdout.write(filter === '' ? 'No mail yet\n' : `Nothing matches ${filter}\n`);
}

function lineOf({ seq, timeMs, state, from, to, subject }: RecipientRow): string {
  const time = new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
  const sender = from === '' ? '<>' : (from ?? '-');
  return `${String(seq).padStart(6)}  ${time}  ${state.padEnd(10)} ${sender} → ${to ?? '-'}  ${subject}`;
}

const MARKS = { good: 'ok  ', note: 'note', bad: 'bad ' } as const;

function checksText({ facts, links, html }: RowChecks): string {
  return [
    ...facts.map(({ level, text }) => `${MARKS[level]}  ${text}`),
    ...links
      .filter(({ problems }) => problems.length > 0)
      .map(({ url, problems }) => `bad   ${url}: ${problems.join('; ')}`),
    ...(html?.findings ?? []).map(({ title, count, unsupported, partly }) => {
      const not = unsupported.length === 0 ? [] : [`not in ${unsupported.join(', ')}`];
      const half = partly.length === 0 ? [] : [`partly in ${partly.join(', ')}`];
      return `html  ${title} (${count}×): ${[...not, ...half].join('; ')}`;
    }),
  ].join('\n');
}

async function save(engine: EngineClient, target: string, filter: string): Promise<void> {
  const path = resolve(callersFolder(), target);
  const seqs: number[] = [];
  for await (const row of rows(engine, filter)) if (row.sizeBytes > 0) seqs.push(row.seq);
  seqs.reverse();
  if (path.endsWith('.mbox')) {
    await pipeline(Readable.from(mboxPieces(engine, seqs)), createWriteStream(path));
  } else {
    mkdirSync(path, { recursive: true });
    for (const seq of seqs) {
      const pieces: Uint8Array[] = [];
      for await (const piece of engine.text(`/links/source?seq=${seq}`)) pieces.push(piece);
      writeFileSync(join(path, `message-${seq}.eml`), Buffer.concat(pieces));
    }
  }
  process.stdout.write(`saved ${seqs.length} in ${path}\n`);
}

/** Oldest first, as mail readers expect it. */
async function* mboxPieces(
  engine: EngineClient,
  seqs: readonly number[],
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < seqs.length; at += PAGE_ROWS)
    yield* engine.text(`/links/mbox?seqs=${seqs.slice(at, at + PAGE_ROWS).join(',')}`);
}
