/** `postyard wait`: the next message that fits, for scripts and tests; ends when it is there. */
import type { CaughtMessage, CaughtMessages, RowPage } from '../api/protocol.ts';
import { UsageError, readDurationMs, readOptions } from './command.ts';
import type { Command } from './command.ts';
import { EngineClient, EngineProblem } from './engine-client.ts';

const PRINTED = ['message', 'text', 'html', 'links', 'source', 'row'] as const;

const OPTIONS = {
  workspace: { type: 'string' },
  to: { type: 'string' },
  from: { type: 'string' },
  subject: { type: 'string' },
  filter: { type: 'string' },
  since: { type: 'string' },
  new: { type: 'boolean' },
  count: { type: 'string' },
  timeout: { type: 'string' },
  print: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof readOptions<typeof OPTIONS>>;

export const wait: Command = {
  name: 'wait',
  summary: 'Wait for a message and print it: text, links or all of it; for scripts and tests',
  usage: 'wait [--to ADDRESS] [options]',
  options: [
    ['--to ADDRESS', 'the recipient of the envelope, the whole address'],
    ['--from TEXT', 'words of the sender, or its address'],
    ['--subject TEXT', 'words of the subject'],
    ['--filter TEXT', "a filter as in the window: 'body:welcome has:attachment'"],
    ['--new', 'only what comes from now on; default: what is there counts, the newest'],
    ['--since ROW', 'only what came after this row'],
    ['--count N', 'so many messages; default 1'],
    ['--timeout DURATION', 'how long to wait; default 10s, 0 does not wait'],
    ['--print WHAT', `${PRINTED.join(', ')}; default message`],
    ['--json', 'everything as JSON'],
    ['--workspace DIR', 'whose engine; status 1 when nothing came in time, 3 when none runs'],
  ],
  async run(args) {
    const options = readOptions(args, OPTIONS);
    const printed = PRINTED.find((what) => what === (options.print ?? 'message'));
    if (printed === undefined)
      throw new UsageError(`--print is ${options.print}, expected ${PRINTED.join(', ')}`);
    if (options.new === true && options.since !== undefined)
      throw new UsageError('--new and --since exclude each other');
    const query = queryOf(options);
    const engine = EngineClient.find(options.workspace);
    if (engine === null) return 3;
    if (options.new === true) {
      const { newestSeq } = await engine.get<RowPage>('/rows?limit=1');
      query.set('since', String(newestSeq ?? 0));
    }
    try {
      const caught = await engine.get<CaughtMessages>(`/wait?${query.toString()}`);
      if (options.json === true) process.stdout.write(`${JSON.stringify(caught, null, 2)}\n`);
      else for (const message of caught.messages) await print(engine, message, printed);
      return 0;
    } catch (error) {
      if (!(error instanceof EngineProblem) || error.code !== 'no-message') throw error;
      process.stderr.write(`postyard wait: ${error.message}\n`);
      return 1;
    }
  },
};

/** @throws {UsageError} */
function queryOf(options: Options): URLSearchParams {
  const query = new URLSearchParams();
  const { to, from, subject, filter } = options;
  for (const [name, value] of Object.entries({ to, from, subject, filter }))
    if (value !== undefined) query.set(name, value);
  for (const name of ['since', 'count'] as const) {
    const value = options[name];
    if (value === undefined) continue;
    if (!/^\d{1,12}$/.test(value))
      throw new UsageError(`--${name} is ${value}, expected a whole number`);
    query.set(name, value);
  }
  const { timeout } = options;
  if (timeout !== undefined) {
    if (timeout !== '0') readDurationMs('--timeout', timeout);
    query.set('timeout', timeout);
  }
  return query;
}

async function print(
  engine: EngineClient,
  message: CaughtMessage,
  what: (typeof PRINTED)[number],
): Promise<void> {
  const { stdout } = process;
  switch (what) {
    case 'row':
      stdout.write(`${message.seq}\n`);
      break;
    case 'text':
      stdout.write(withNewline(message.text ?? ''));
      break;
    case 'html':
      stdout.write(withNewline(message.html ?? ''));
      break;
    case 'links':
      stdout.write(message.links.map((url) => `${url}\n`).join(''));
      break;
    case 'source':
      for await (const piece of engine.text(`/links/source?seq=${message.seq}`))
        stdout.write(piece);
      break;
    case 'message':
      stdout.write(`${messageText(message)}\n`);
  }
}

/** What a person wants to see of it. */
export function messageText(message: CaughtMessage): string {
  const { seq, from, to, subject, state, code, lastText, text, html, links, attachments } = message;
  return [
    `row      ${seq}, ${state}${code === null ? '' : ` ${code}`}`,
    ...(lastText === '' ? [] : [`reply    ${lastText}`]),
    `from     ${from === null ? 'no MAIL FROM' : from === '' ? '<>' : from}`,
    `to       ${to ?? 'no RCPT TO'}`,
    `subject  ${subject}`,
    ...links.map((url) => `link     ${url}`),
    ...attachments.map(({ filename, sizeBytes }) => `file     ${filename}, ${sizeBytes} bytes`),
    ...(text === null && html !== null ? ['', 'HTML only: --print html'] : []),
    ...(text === null || text.trim() === '' ? [] : ['', text.trimEnd()]),
  ].join('\n');
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
