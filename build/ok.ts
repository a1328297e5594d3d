/**
 * The gate: format, types, lint, tidy, two at a time. Prints one line per check and fails at the
 * end, not at the first.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

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

const left = [...checks];
let failures = 0;
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
process.exitCode = failures === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, [command = '', ...args]] = next;
    const began = performance.now();
    const { isGood, text } = await run(`node_modules/.bin/${command}`, args);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${isGood ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
    if (isGood) continue;
    failures++;
    console.log(text);
  }
}

function run(command: string, args: readonly string[]): Promise<{ isGood: boolean; text: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ isGood: error === null, text: `${stdout}${stderr}` }),
    );
  });
}
