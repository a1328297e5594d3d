/** The shell's window with the electron module faked: what it refuses and what it lets out. */
import { beforeEach, expect, test, vi } from 'vitest';

const fake = vi.hoisted(() => ({
  opened: [] as string[],
  options: undefined as unknown,
  handlers: new Map<string, (...args: unknown[]) => unknown>(),
  url: 'http://127.0.0.1:8025/#token=x',
}));

vi.mock('electron', () => {
  class BrowserWindow {
    webContents = {
      setWindowOpenHandler: (handler: (...args: unknown[]) => unknown) =>
        fake.handlers.set('open', handler),
      on: (name: string, handler: (...args: unknown[]) => unknown) =>
        fake.handlers.set(name, handler),
      getURL: () => fake.url,
      session: {
        setPermissionRequestHandler: (handler: (...args: unknown[]) => unknown) =>
          fake.handlers.set('permission', handler),
      },
    };
    loadURL = vi.fn(() => Promise.resolve());
    constructor(options: unknown) {
      fake.options = options;
    }
    once(): void {}
  }
  return {
    BrowserWindow,
    shell: { openExternal: (url: string) => Promise.resolve(fake.opened.push(url)) },
  };
});

const { createWindow, showEngine, showNotice } = await import('../../electron/window.ts');

beforeEach(() => {
  fake.opened.length = 0;
});

test('createWindow() keeps Node out of the page', () => {
  createWindow('/app/preload.cjs');
  expect(fake.options).toMatchObject({
    webPreferences: {
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
      preload: '/app/preload.cjs',
    },
  });
});

test('a link opens outside by allowed scheme and never in the window', () => {
  createWindow('/app/preload.cjs');
  const open = fake.handlers.get('open');
  expect(open?.({ url: 'https://example.com/' })).toEqual({ action: 'deny' });
  expect(open?.({ url: 'file:///etc/passwd' })).toEqual({ action: 'deny' });
  expect(open?.({ url: 'javascript:alert(1)' })).toEqual({ action: 'deny' });
  expect(fake.opened).toEqual(['https://example.com/']);
});

test('navigation to another origin is refused, to the engine allowed', () => {
  createWindow('/app/preload.cjs');
  const navigate = fake.handlers.get('will-navigate');
  const event = { preventDefault: vi.fn() };
  navigate?.(event, 'http://127.0.0.1:8025/other');
  expect(event.preventDefault).not.toHaveBeenCalled();
  navigate?.(event, 'http://127.0.0.1:9999/');
  expect(event.preventDefault).toHaveBeenCalledOnce();
});

test('permissions are refused, all but writing the clipboard', () => {
  createWindow('/app/preload.cjs');
  const answers: unknown[] = [];
  const ask = (permission: string): unknown =>
    fake.handlers.get('permission')?.({}, permission, (answer: unknown) => answers.push(answer));
  ask('media');
  ask('clipboard-sanitized-write');
  expect(answers).toEqual([false, true]);
});

test('the token travels in the fragment; notices are escaped', async () => {
  const window = createWindow('/app/preload.cjs');
  await showEngine(window, 'http://127.0.0.1:8025', 'a b');
  expect(window.loadURL).toHaveBeenLastCalledWith('http://127.0.0.1:8025/#token=a%20b');
  await showNotice(window, '<script>', 'x');
  expect(vi.mocked(window.loadURL).mock.lastCall?.[0]).not.toContain('%3Cscript%3E');
});
