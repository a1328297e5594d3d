/**
 * `npm test`: finds or installs what the tests need, runs them all (vitest, then the golden
 * scenarios), says plainly what was skipped and why, and ends with one line of counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildRenderer } from '../build/renderer.ts';
import { prepareTools } from './support/tools.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = join(import.meta.dirname, '..');
// Hundreds of engines are started: each finds its code compiled, from the first line on.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
const scratch = mkdtempSync(join(tmpdir(), 'postyard-test-'));
try {
  for (const line of prepareTools()) console.log(`note: ${line}`);
  await buildRenderer();
  const counts = [runVitest(), runGolden()].reduce((sum, one) => ({
    passed: sum.passed + one.passed,
    failed: sum.failed + one.failed,
    skipped: sum.skipped + one.skipped,
  }));
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function runVitest(): Counts {
  const report = join(scratch, 'vitest.json');
  spawnSync(
    'node_modules/.bin/vitest',
    ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`],
    { cwd: root, stdio: 'inherit' },
  );
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  interface Report {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numPendingTests: number;
    readonly numFailedTestSuites: number;
    readonly testResults: readonly {
      readonly name: string;
      readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
    }[];
  }
  const result = JSON.parse(readFileSync(report, 'utf8')) as Report;
  for (const file of result.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'pending' || test.status === 'skipped')
        console.log(`skipped: ${test.fullName}`);
    }
  }
  // A file that cannot be loaded has no tests that could fail, but it did fail.
  const failed = Math.max(result.numFailedTests, result.numFailedTestSuites > 0 ? 1 : 0);
  return { passed: result.numPassedTests, failed, skipped: result.numPendingTests };
}

function runGolden(): Counts {
  for (const tool of ['python3', 'zstd', 'openssl']) {
    if (spawnSync(tool, ['--version']).error) {
      console.log(`skipped: golden scenarios, ${tool} is not installed`);
      return { passed: 0, failed: 0, skipped: 1 };
    }
  }
  const known = knownDifferences();
  const first = golden('*', 4);
  const unexpected = first.filter((r) => !r.ok && !known.has(r.name)).map((r) => r.name);
  // Scenarios wait for real seconds; on a busy machine a failure must repeat alone to count.
  const failed = new Set(
    unexpected.length > 0
      ? golden(unexpected.join(','), 1)
          .filter((r) => !r.ok)
          .map((r) => r.name)
      : [],
  );
  for (const name of unexpected)
    console.log(`golden ${name}: ${failed.has(name) ? 'FAILED twice' : 'passed when run alone'}`);
  for (const report of first) {
    if (known.has(report.name))
      console.log(
        `skipped: golden ${report.name}, ${known.get(report.name) ?? ''}${report.ok ? ' (it passes: take it off the list)' : ''}`,
      );
  }
  const skipped = first.filter((r) => known.has(r.name)).length;
  return { passed: first.length - skipped - failed.size, failed: failed.size, skipped };
}

interface GoldenReport {
  readonly name: string;
  readonly ok: boolean;
}

function golden(only: string, jobs: number): readonly GoldenReport[] {
  const report = join(scratch, `golden-${jobs}.json`);
  const node = join(root, 'node_modules/.bin/node');
  const extras = join(root, 'engine/policy-extras/policy-extras');
  spawnSync(
    'python3',
    [
      join(root, 'test/golden/run.py'),
      '--engine',
      `${node} ${join(root, 'engine/main.ts')} kumod`,
      '--only',
      only,
      '--jobs',
      String(jobs),
      '--extras',
      extras,
      '--report',
      report,
      join(root, 'test/golden/scenarios'),
    ],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (!existsSync(report)) throw new Error('The golden runner wrote no report');
  return JSON.parse(readFileSync(report, 'utf8')) as GoldenReport[];
}

/** `name: reason` lines. */
function knownDifferences(): Map<string, string> {
  const text = readFileSync(join(root, 'test/golden/differences.txt'), 'utf8');
  const lines = text.split('\n').filter((line) => /^[a-z]/.test(line));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
}
