/** `postyard replay`: captured messages through the policy again, dry or as copies for real. */
import type { ReplayRequest, ReplayResult, ReplayRun, ReplaySelection } from '../api/protocol.ts';
import { findWorkspace } from '../workspace/layout.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { openDryCommands } from './dry-doors.ts';
import { readScripts, readStubs } from './dry-options.ts';
import { sayNoEngine } from './engine-client.ts';

export const replay: Command = {
  name: 'replay',
  summary: 'Run captured messages through the policy (or an edited script) again and compare',
  usage: [
    'replay ROW… | --filter TEXT [--limit N] [--script FILE…] [--constructor NAME [--batch N]] [--http stubs|far-ends] [--stubs FILE] [--recording RUN] [--for-real] [--json]',
    '       postyard replay --runs | --show RUN [--json]    (runs of the running engine)',
  ].join('\n'),
  async run(args) {
    const { constructor_: name, rest } = takeConstructor(args);
    const { values: options, positionals } = readArguments(rest, {
      workspace: { type: 'string' },
      filter: { type: 'string' },
      limit: { type: 'string', default: '100' },
      script: { type: 'string', multiple: true },
      batch: { type: 'string', default: '1' },
      http: { type: 'string', default: 'stubs' },
      stubs: { type: 'string' },
      recording: { type: 'string' },
      'for-real': { type: 'boolean' },
      runs: { type: 'boolean' },
      show: { type: 'string' },
      json: { type: 'boolean' },
    });
    const layout = findWorkspace(options.workspace, callersFolder());
    if (options.runs === true || options.show !== undefined)
      return showRuns(layout, options.show, options.json === true);
    const messages = selection(positionals, options.filter, readCount('--limit', options.limit));
    const { http } = options;
    if (http !== 'stubs' && http !== 'far-ends')
      throw new UsageError(`--http is ${http}, expected stubs or far-ends`);
    const stubs = readStubs(options.stubs);
    const files = readScripts(layout, options.script ?? []);
    await using dry = await openDryCommands(layout);
    if (options['for-real'] === true) {
      if (dry.queue === null) {
        sayNoEngine(layout);
        return 3;
      }
      const { queued, failed } = await dry.queue({ messages });
      const lines = failed.map(({ seq, text }) => `row ${seq}: ${text}`);
      process.stdout.write([...lines, `${queued} copies were queued`, ''].join('\n'));
      return failed.length === 0 ? 0 : 1;
    }
    const request: ReplayRequest = {
      messages,
      through:
        name !== null
          ? { kind: 'constructor', name, batchSize: readCount('--batch', options.batch) }
          : { kind: 'reception' },
      http,
      ...(options.recording !== undefined && { recording: options.recording }),
      ...(stubs && { stubs }),
      ...(files && { files }),
    };
    const run = await dry.replay(request);
    process.stdout.write(
      `${options.json === true ? JSON.stringify(run, null, 2) : runText(run)}\n`,
    );
    return run.problem !== null || run.counts.failed > 0 ? 1 : 0;
  },
};

/** What was run before: the list, or one of them once more. */
async function showRuns(
  layout: WorkspaceLayout,
  id: string | undefined,
  asJson: boolean,
): Promise<number> {
  await using dry = await openDryCommands(layout);
  if (id === undefined) {
    const { runs } = await dry.runs();
    const lines = runs.map(
      ({ id: name, title, counts: { same, differ, failed } }) =>
        `${name}  ${title}: ${same} as before, ${differ} differ, ${failed} failed`,
    );
    const text = lines.join('\n') || 'Nothing was run yet';
    process.stdout.write(`${asJson ? JSON.stringify(runs, null, 2) : text}\n`);
    return 0;
  }
  const run = await dry.run(id);
  if (run === null) throw new UsageError(`there is no run ${id}, expected one of --runs`);
  process.stdout.write(`${asJson ? JSON.stringify(run, null, 2) : runText(run)}\n`);
  return 0;
}

/** `--constructor NAME`: every object has something of that name, so it is read apart. */
function takeConstructor(args: readonly string[]): {
  constructor_: string | null;
  rest: readonly string[];
} {
  const at = args.findIndex((arg) => arg === '--constructor' || arg.startsWith('--constructor='));
  if (at < 0) return { constructor_: null, rest: args };
  const [, inline] = /^--constructor=(.*)$/s.exec(args[at] ?? '') ?? [];
  const constructor_ = inline ?? args[at + 1];
  if (constructor_ === undefined || constructor_ === '')
    throw new UsageError('--constructor has no name, expected one');
  return { constructor_, rest: args.toSpliced(at, inline === undefined ? 2 : 1) };
}

function selection(
  rows: readonly string[],
  filter: string | undefined,
  limit: number,
): ReplaySelection {
  if (rows.length === 0 && filter === undefined)
    throw new UsageError('no messages are named, expected row numbers or --filter TEXT');
  if (rows.length === 0) return { filter: filter ?? '', limit };
  return { seqs: rows.map((row) => readCount('a row', row)), limit };
}

function readCount(what: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`${what} is ${text}, expected a whole number from 1`);
  return count;
}

function runText({ id, title, results, counts, more, problem, durationMs }: ReplayRun): string {
  const lines = results.flatMap(resultLines);
  if (problem !== null)
    lines.unshift(
      `Policy: ${problem.source === null ? '' : `${problem.source.label}: `}${problem.text}`,
    );
  const rest = more > 0 ? `, ${more} more were left out` : '';
  return [
    ...lines,
    `${title}: ${counts.same} as before, ${counts.differ} differ, ${counts.failed} failed${rest}, ${Math.round(durationMs)} ms (run ${id})`,
  ].join('\n');
}

function resultLines(result: ReplayResult): string[] {
  const { seq, to, subject, verdict, reply, problem, differences, calls } = result;
  const said = reply === null ? (problem ?? '') : `${reply.code} ${reply.text}`.trim();
  return [
    `${verdict.padEnd(7)}  ${seq}  ${to}  ${subject}  ${said.split('\n')[0] ?? ''}`,
    ...differences.map(({ field, was, now }) => `           ${field}: ${was} -> ${now}`),
    ...calls.flatMap(({ event, prints }) =>
      prints.map(({ text }) => `           ${event} printed ${text}`),
    ),
  ];
}
