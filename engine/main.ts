/**
 * Process entry: chooses the command, turns failures into one clear line and an exit status.
 *
 * Statuses: 0 done, 1 failed, 2 wrong usage, 3 no engine is running.
 */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { Command } from './commands/command.ts';

// TypeScript is stripped once and compiled once, not at every start; so before anything of ours.
const { directory } = enableCompileCache();
// Where the worker threads look.
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory;
const ENGINES: ReadonlySet<string> = new Set(['serve', 'kumod', 'open']);
/** By so much an engine's heap may grow between two full collections; V8's own choice is several times over. */
const HEAP_GROWTH_PERCENT = 30;
const { COMMANDS, UsageError } = await import('./commands/commands.ts');
const { systemWords } = await import('./commands/system-words.ts');

// Whoever read it has gone, as `| head` does. An engine goes on without; anything else is done.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (!ENGINES.has(process.argv[2] ?? '')) process.exit(code === 'EPIPE' ? 0 : 1);
  });

const [name, ...args] = process.argv.slice(2);
if (ENGINES.has(name ?? '')) setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
const entry = COMMANDS.find((candidate) => candidate.name === name);

if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
  process.stdout.write(overview(await Promise.all(COMMANDS.map((one) => one.load()))));
} else if (entry === undefined) {
  process.stderr.write(
    `postyard: no command "${name}", expected one of: ${COMMANDS.map((c) => c.name).join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  const command = await entry.load();
  if (args.includes('--help') || args.includes('-h')) process.stdout.write(helpOf(command));
  else await run(command);
}

async function run(command: Command): Promise<void> {
  try {
    process.exitCode = await command.run(args);
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    process.stderr.write(`postyard ${name}: ${systemWords(failure)}\n`);
    if (failure instanceof UsageError) process.stderr.write(`Usage: postyard ${command.usage}\n`);
    else if (process.env['POSTYARD_DEBUG']) process.stderr.write(`${failure.stack ?? ''}\n`);
    process.exitCode = failure instanceof UsageError ? 2 : 1;
  }
}

function helpOf({ summary, usage, options = [] }: Command): string {
  const width = Math.max(0, ...options.map(([option]) => option.length));
  const lines = options.map(([option, words]) => `  ${option.padEnd(width)}  ${words}\n`);
  const list = lines.length > 0 ? `\n${lines.join('')}` : '';
  return `${summary}\n\nUsage: postyard ${usage}\n${list}`;
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((c) => c.name.length));
  const lines = commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`);
  return `Postyard: a complete local mail engine for developers\n\nUsage: postyard <command> [--workspace DIR] [options]\n\n${lines.join('\n')}\n\npostyard <command> --help tells more.\n`;
}
