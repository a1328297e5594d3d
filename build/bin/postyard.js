#!/usr/bin/env node
/** The `postyard` command: runs the engine with the Node that came by npm, whatever Node called this. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
const bundled = join(root, 'node_modules/.bin/node');
const child = spawn(
  existsSync(bundled) ? bundled : process.execPath,
  [join(root, 'engine/main.ts'), ...process.argv.slice(2)],
  // Two pools of the C library's allocator: one per thread is 40 MB of room that nobody uses.
  { stdio: 'inherit', env: { MALLOC_ARENA_MAX: '2', ...process.env } },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
