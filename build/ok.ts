/** The gate: format, types, lint, tidy. Prints one line per check and fails at the end, not at the first. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const checks: readonly (readonly [string, readonly string[]])[] = [
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['types', ['tsc', '-p', '.']],
  ...(existsSync('renderer/tsconfig.json')
    ? ([
        [
          'window types',
          ['svelte-check', '--tsconfig', 'renderer/tsconfig.json', '--fail-on-warnings'],
        ],
      ] as const)
    : []),
  ['lint', ['eslint', '--max-warnings', '0', '.']],
  ['tidy', ['vitest', 'run', 'test/tidy', '--reporter=dot']],
];

let failures = 0;
for (const [name, [command = '', ...args]] of checks) {
  const began = performance.now();
  const run = spawnSync(`node_modules/.bin/${command}`, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${run.status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (run.status !== 0) {
    failures++;
    console.log(`${run.stdout}${run.stderr}`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;
