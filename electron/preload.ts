/**
 * What the shell adds to the page, and nothing else: revealing a file in the desktop's file
 * manager and a notification. Address and token come by URL, as in a browser.
 */
import { contextBridge, ipcRenderer } from 'electron';

contextBridge.exposeInMainWorld('shell', {
  /** @param path relative to the workspace; the shell refuses anything outside it */
  reveal: (path: string): Promise<boolean> =>
    ipcRenderer.invoke('reveal', path) as Promise<boolean>,
  notify: (title: string, body: string): Promise<void> =>
    ipcRenderer.invoke('notify', title, body) as Promise<void>,
});
