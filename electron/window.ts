/** One window with safe options: no Node in the page, no other page in the window, links go outside. */
import { BrowserWindow, shell } from 'electron';

const OUTSIDE_SCHEMES = ['http:', 'https:', 'mailto:'];

/** @param preload absolute path of the built preload script */
export function createWindow(preload: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 860,
    minHeight: 520,
    show: false,
    backgroundColor: '#131619',
    title: 'Postyard',
    webPreferences: {
      preload,
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
      webviewTag: false,
    },
  });
  window.once('ready-to-show', () => window.show());
  window.webContents.setWindowOpenHandler(({ url }) => {
    openOutside(url);
    return { action: 'deny' };
  });
  window.webContents.on('will-navigate', (event, url) => {
    const current = window.webContents.getURL();
    if (current !== '' && new URL(url).origin === new URL(current).origin) return;
    event.preventDefault();
    openOutside(url);
  });
  window.webContents.session.setPermissionRequestHandler((_contents, permission, answer) => {
    answer(permission === 'clipboard-sanitized-write');
  });
  return window;
}

/** Shows the engine's page; the token travels in the fragment, which is never sent over the wire. */
export async function showEngine(
  window: BrowserWindow,
  url: string,
  token: string,
  screen: string | null = null,
): Promise<void> {
  const key = `token=${encodeURIComponent(token)}`;
  // Another query each time: where only the fragment differs, nothing would be loaded.
  const page =
    screen === null
      ? `${url}/#${key}`
      : `${url}/?${Date.now()}#${key}&screen=${encodeURIComponent(screen)}`;
  await window.loadURL(page);
}

/** What is shown while there is no engine. */
export async function showNotice(
  window: BrowserWindow,
  title: string,
  text: string,
): Promise<void> {
  const escape = (raw: string): string => raw.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  const page = `<!doctype html><meta charset="utf-8"><title>Postyard</title><style>body{font:13px/20px system-ui;margin:48px;background:#131619;color:#d6dadd}p{color:#9aa3aa}</style><h1 style="font-size:15px">${escape(title)}</h1><p>${escape(text)}</p>`;
  await window.loadURL(`data:text/html;charset=utf-8,${encodeURIComponent(page)}`);
}

function openOutside(url: string): void {
  if (URL.canParse(url) && OUTSIDE_SCHEMES.includes(new URL(url).protocol))
    void shell.openExternal(url);
}
