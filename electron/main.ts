/**
 * The desktop shell: starts the engine, opens a window on its address, stops both. Reads as a
 * table of contents; the engine is a separate process that also runs without any of this.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { Notification, app, dialog, ipcMain, shell } from 'electron';
import type { BrowserWindow } from 'electron';
import { EngineProcess } from './engine-process.ts';
import type { EngineCommand } from './engine-process.ts';
import { installMenu } from './menu.ts';
import { handOver, openedByArguments, openedByFile, openedByUrl } from './opened.ts';
import type { Opened } from './opened.ts';
import { SharedWindows } from './shared-windows.ts';
import { createWindow, showEngine, showNotice } from './window.ts';

const root = process.env['POSTYARD_ROOT'] ?? join(import.meta.dirname, '..', '..');
const workspace = process.env['POSTYARD_WORKSPACE'] ?? join(homedir(), 'Postyard');
const token = randomBytes(24).toString('base64url');

const command: EngineCommand = {
  executable: process.execPath,
  args: [join(root, 'engine', 'main.ts'), 'serve', '--workspace', workspace],
  // Fewer pools of the C library's allocator than threads: 40 MB less.
  env: {
    MALLOC_ARENA_MAX: '2',
    ...process.env,
    ELECTRON_RUN_AS_NODE: '1',
    POSTYARD_TOKEN: token,
  },
};

let window: BrowserWindow | null = null;
let engineUrl: string | null = null;
const shared = new SharedWindows(command, join(import.meta.dirname, 'preload.cjs'));
/** To open as soon as the engine is there. */
const waiting: Opened[] = [];

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', (_event, args, workingFolder) => {
    focusWindow();
    open(...openedByArguments(args.slice(1), workingFolder));
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    open(openedByFile(path));
  });
  app.on('open-url', (event, url) => {
    event.preventDefault();
    open(openedByUrl(url));
  });
  if (app.isPackaged) app.setAsDefaultProtocolClient('postyard');
  open(...openedByArguments(process.argv.slice(1), process.cwd()));
  app.on('window-all-closed', () => app.quit());
  app.on('activate', () => void openWindow());
  await app.whenReady();
  answerPage();
  installMenu({
    openFolder: () => void shell.openPath(workspace),
    openShared: () => void chooseShared(),
    openInBrowser: () => void (engineUrl && shell.openExternal(`${engineUrl}/#token=${token}`)),
  });
  const engine = startEngine();
  stopWith(engine);
  await openWindow();
} else {
  app.quit();
}

function startEngine(): EngineProcess {
  const engine = new EngineProcess(command, {
    onReady(url) {
      engineUrl = url;
      const screen = openWaiting();
      if (window) void showEngine(window, url, token, screen);
    },
    onExit(reason, restartInMs) {
      engineUrl = null;
      const wait = `It is started again in ${Math.ceil(restartInMs / 1000)} s.`;
      if (window) void showNotice(window, `The engine ${reason}`, wait);
    },
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  engine.start();
  return engine;
}

async function openWindow(): Promise<void> {
  if (window) return focusWindow();
  window = createWindow(join(import.meta.dirname, 'preload.cjs'));
  window.on('closed', () => (window = null));
  if (engineUrl) await showEngine(window, engineUrl, token);
  else await showNotice(window, 'Starting the engine', workspace);
}

/** Opens now, or as soon as the engine is ready. */
function open(...opened: readonly (Opened | null)[]): void {
  waiting.push(...opened.filter((one) => one !== null));
  if (engineUrl === null || waiting.length === 0) return;
  const screen = openWaiting();
  if (window && screen !== null) void showEngine(window, engineUrl, token, screen);
}

/** Hands over the files that wait; the last link's screen, when there was a link. */
function openWaiting(): string | null {
  let screen: string | null = null;
  for (const opened of waiting.splice(0)) {
    if (opened.kind === 'link') screen = opened.screen;
    else if (opened.kind === 'shared') shared.open(opened.path);
    else
      void handOver(command, opened.path).then((problem) => {
        if (problem !== null)
          new Notification({ title: `Not opened: ${opened.path}`, body: problem }).show();
      });
  }
  return screen;
}

async function chooseShared(): Promise<void> {
  const filters = [{ name: 'Shared files', extensions: ['postyard'] }];
  const { filePaths } = await dialog.showOpenDialog({ properties: ['openFile'], filters });
  for (const path of filePaths) shared.open(path);
}

function focusWindow(): void {
  if (window?.isMinimized()) window.restore();
  window?.focus();
}

/** What `preload.ts` asks for. A path is only ever revealed inside the workspace. */
function answerPage(): void {
  ipcMain.handle('reveal', (_event, path: unknown) => {
    const file = resolve(workspace, String(path));
    if (!file.startsWith(workspace + sep) || !existsSync(file)) return false;
    shell.showItemInFolder(file);
    return true;
  });
  ipcMain.handle('notify', (_event, title: unknown, body: unknown) => {
    new Notification({ title: String(title), body: String(body) }).show();
  });
}

/** Quitting waits (bounded) for the engine, so that nothing it accepted is left half written. */
function stopWith(engine: EngineProcess): void {
  let isStopped = false;
  app.on('before-quit', (event) => {
    if (isStopped) return;
    event.preventDefault();
    void Promise.all([engine.stop(), shared.close()]).then(() => {
      isStopped = true;
      app.quit();
    });
  });
}
