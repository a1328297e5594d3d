/**
 * `postyard check`: do the expectations hold? Statuses: 0 all hold, 1 some fail, 2 it cannot be
 * said (wrong usage, a file that cannot be read).
 */
import { existsSync, writeFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { toError } from '../base/assert.ts';
import { SystemClock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import type { ExpectationResult, ExpectationRun } from '../api/protocol.ts';
import { junitXml } from '../replay/junit.ts';
import { findWorkspace } from '../workspace/layout.ts';
import type { WorkspaceLayout } from '../workspace/layout.ts';
import { UsageError, callersFolder, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { openDryCommands } from './dry-doors.ts';
import type { DryCommands } from './dry-doors.ts';
import { stopSignal } from './stop-signal.ts';

export const check: Command = {
  name: 'check',
  summary:
    'Run the expectations of the workspace (expectations/*.json) and tell what does not hold',
  usage: 'check [FILE…] [--case NAME] [--junit FILE] [--watch] [--json]',
  async run(args) {
    const { values: options, positionals } = readArguments(args, {
      workspace: { type: 'string' },
      case: { type: 'string' },
      junit: { type: 'string' },
      watch: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const layout = findWorkspace(options.workspace, callersFolder());
    const files = positionals.map((file) => fileOf(layout, file));
    const once = async (): Promise<number> => {
      try {
        const run = await runAll(layout, files, options.case);
        if (options.junit !== undefined)
          writeFileSync(
            resolve(callersFolder(), options.junit),
            junitXml(run.results.map(junitCase)),
          );
        const text = options.json === true ? JSON.stringify(run, null, 2) : runText(run);
        process.stdout.write(`${text}\n`);
        if (run.results.length === 0) return 2;
        return run.failed === 0 ? 0 : run.results.some(isUnreadable) ? 2 : 1;
      } catch (error) {
        if (options.watch !== true && error instanceof UsageError) throw error;
        process.stderr.write(`postyard check: ${toError(error).message}\n`);
        return 2;
      }
    };
    const status = await once();
    if (options.watch !== true) return status;
    await keepWatching(layout, once);
    return 0;
  },
};

/** Relative to `expectations/`, whichever way it was named. */
function fileOf(layout: WorkspaceLayout, file: string): string {
  const candidates = [resolve(callersFolder(), file), resolve(layout.expectationsFolder, file)];
  const found = candidates.find((path) => existsSync(path));
  const below = found === undefined ? '..' : relative(layout.expectationsFolder, found);
  if (below.startsWith('..'))
    throw new UsageError(`${file} was not found, expected a file of ${layout.expectationsFolder}`);
  return below.split(sep).join('/');
}

async function runAll(
  layout: WorkspaceLayout,
  files: readonly string[],
  name: string | undefined,
): Promise<ExpectationRun> {
  await using dry: DryCommands = await openDryCommands(layout);
  const only = name === undefined ? {} : { case: name };
  if (files.length === 0) return dry.check(only);
  const runs: ExpectationRun[] = [];
  for (const file of files) runs.push(await dry.check({ file, ...only }));
  return {
    results: runs.flatMap(({ results }) => results),
    passed: runs.reduce((sum, { passed }) => sum + passed, 0),
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
    durationMs: runs.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
}

async function keepWatching(layout: WorkspaceLayout, run: () => Promise<number>): Promise<void> {
  const stopped = stopSignal();
  const { expectationsFolder, policyFolder, zonesFolder } = layout;
  const follower = new FileFollower({
    trees: [expectationsFolder, policyFolder, zonesFolder],
    files: [layout.settingsFile, layout.routesFile, layout.farEndsFile],
    clock: new SystemClock(),
    onHint: async () => {
      process.stdout.write('\n');
      await run();
    },
    onError: ({ message }) => process.stderr.write(`postyard check: ${message}\n`),
  });
  await follower.start();
  await stopped;
  await follower.close();
}

function runText({ results, passed, failed, durationMs }: ExpectationRun): string {
  if (results.length === 0) return 'No expectations: there is no case in expectations/*.json';
  const lines = results.flatMap((result) => [
    `${result.ok ? 'ok  ' : 'FAIL'}  ${nameOf(result)}`,
    ...failureLines(result).map((line) => `        ${line}`),
  ]);
  const total = `${passed} hold, ${failed} fail, ${(durationMs / 1000).toFixed(2)} s`;
  return [...lines, total].join('\n');
}

function failureLines({ problem, differences }: ExpectationResult): string[] {
  if (problem !== null) return [problem];
  const width = Math.max(0, ...differences.map(({ field }) => field.length));
  return differences.flatMap(({ field, expected, found }) => [
    `${field.padEnd(width)}  expected ${expected}`,
    `${' '.repeat(width)}  found    ${found}`,
  ]);
}

function nameOf({ file, case: name, row, to }: ExpectationResult): string {
  return [`${file}: ${name}`.replace(/: $/, ''), row === '' ? '' : `(${row})`, to]
    .filter((word) => word !== '')
    .join(' ');
}

/** The file itself is broken. */
function isUnreadable(result: ExpectationResult): boolean {
  return result.problem !== null && result.case === '';
}

function junitCase(result: ExpectationResult): Parameters<typeof junitXml>[0][number] {
  const { file, case: name, row, to, ok, durationMs } = result;
  return {
    file,
    name: [name, row, to].filter((word) => word !== '').join(' · '),
    seconds: durationMs / 1000,
    failure: ok ? null : failureLines(result).join('\n'),
  };
}
