/** Makes installers with electron-builder, which is fetched for this run only (it needs an install script). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildElectron } from './electron.ts';
import { buildRenderer } from './renderer.ts';

const root = join(import.meta.dirname, '..');
await buildRenderer();
await buildElectron();
const run = spawnSync(
  'npx',
  [
    '--yes',
    'electron-builder@26.17.0',
    '--config',
    'build/electron-builder.json',
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  },
);
process.exitCode = run.status ?? 1;
