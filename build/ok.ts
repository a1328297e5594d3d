/** The gate: format, types, lint, tidy. Prints one line per check and fails at the end, not at the first. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const checks: readonly (readonly [string, readonly string[]])[] = [
  // The longest one first.
  ['lint', ['eslint', '--max-warnings', '0', '.']],
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['types', ['tsc', '-p', '.']],
  ['window types', ['svelte-check', '--tsconfig', 'renderer/tsconfig.json', '--fail-on-warnings']],
  ['tidy', ['vitest', 'run', 'test/tidy', '--reporter=dot']],
];

/** Each check keeps one processor busy. */
const JOBS = 2;

const waiting = [...checks];
let failures = 0;
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      if (!(await passes(...check))) failures++;
    }
  }),
);
process.exitCode = failures === 0 ? 0 : 1;

async function passes(name: string, [command = '', ...args]: readonly string[]): Promise<boolean> {
  const began = performance.now();
  const child = spawn(`node_modules/.bin/${command}`, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (status !== 0) console.log(`${output}${errors}`);
  return status === 0;
}
