/**
 * `npm start`: the desktop window where there is a display and Electron, else the same engine
 * with its page in the default browser, or just the address. Never fails for want of Electron.
 *
 * Options: `--browser` never opens Electron; everything else goes to `postyard serve`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildRenderer } from './renderer.ts';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const isBrowserWanted = args.includes('--browser');
const serveArgs = args.filter((arg) => arg !== '--browser');

await buildRenderer();
const electron = isBrowserWanted || !hasDisplay() ? null : await findElectron();
if (electron === null) {
  const open = hasDisplay() ? ['--open'] : [];
  run(process.execPath, [join(root, 'engine/main.ts'), 'serve', ...serveArgs, ...open]);
} else {
  run(electron, [join(root, 'dist/electron/main.js')], {
    POSTYARD_ROOT: root,
    ...workspaceOf(serveArgs),
  });
}

function run(executable: string, executableArgs: readonly string[], env: object = {}): void {
  const child = spawn(executable, executableArgs, {
    stdio: 'inherit',
    // As `build/bin/postyard.js` does.
    env: { MALLOC_ARENA_MAX: '2', ...process.env, ...env },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill(signal));
  child.once('exit', (code) => process.exit(code ?? 1));
}

function hasDisplay(): boolean {
  if (process.platform !== 'linux') return true;
  return Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
}

function workspaceOf(options: readonly string[]): { POSTYARD_WORKSPACE?: string } {
  const folder = options[options.indexOf('--workspace') + 1];
  return options.includes('--workspace') && folder ? { POSTYARD_WORKSPACE: folder } : {};
}

/** The Electron executable; fetched once when it is missing. Null, with the reason said, when it cannot be had. */
async function findElectron(): Promise<string | null> {
  const folder = join(root, 'node_modules/electron');
  const pathFile = join(folder, 'path.txt');
  if (!existsSync(folder)) return null;
  if (!existsSync(pathFile)) {
    console.error('Fetching the Electron binary (once)…');
    const fetched = spawnSync(process.execPath, [join(folder, 'install.js')], {
      stdio: ['ignore', 'inherit', 'ignore'],
      timeout: 300_000,
    });
    if (fetched.status !== 0 || !existsSync(pathFile)) {
      console.error('Electron could not be fetched; the window opens in a browser instead.');
      return null;
    }
  }
  const { buildElectron } = await import('./electron.ts');
  await buildElectron();
  return join(folder, 'dist', readFileSync(pathFile, 'utf8'));
}
