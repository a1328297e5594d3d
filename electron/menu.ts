/** The application menu: only what a desktop expects; everything else is in the page's own palette. */
import { Menu, app } from 'electron';
import type { MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  openFolder(): void;
  openShared(): void;
  openInBrowser(): void;
}

export function installMenu(actions: MenuActions): void {
  const isMac = process.platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
    {
      label: 'File',
      submenu: [
        {
          label: 'Open in browser',
          accelerator: 'CmdOrCtrl+Shift+B',
          click: () => actions.openInBrowser(),
        },
        { label: 'Open shared file…', click: () => actions.openShared() },
        { label: 'Show workspace folder', click: () => actions.openFolder() },
        { type: 'separator' },
        { role: isMac ? 'close' : 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: 'View',
      submenu: [
        { role: 'reload' },
        { role: 'toggleDevTools' },
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
  ];
  app.setName('Postyard');
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
