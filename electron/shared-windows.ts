/**
 * Shared files, each in a window of its own over a process of its own (`postyard open`), which ends
 * with the window. What cannot be opened is said in that window.
 */
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { EngineProcess } from './engine-process.ts';
import type { EngineCommand } from './engine-process.ts';
import { createWindow, showEngine, showNotice } from './window.ts';

export class SharedWindows {
  readonly #engine: EngineCommand;
  readonly #preload: string;
  readonly #processes = new Set<EngineProcess>();

  /** @param engine its executable and environment serve for reading, too */
  constructor(engine: EngineCommand, preload: string) {
    this.#engine = engine;
    this.#preload = preload;
  }

  open(path: string): void {
    const token = randomBytes(24).toString('base64url');
    const [main = ''] = this.#engine.args;
    const window = createWindow(this.#preload);
    const command = {
      ...this.#engine,
      args: [main, 'open', path, '--print'],
      env: { ...this.#engine.env, POSTYARD_TOKEN: token },
    };
    let complaint = '';
    const reader = new EngineProcess(command, {
      onReady: (url) => {
        if (!window.isDestroyed()) void showEngine(window, url, token);
      },
      onExit: () => {
        // Trying again would say the same.
        void this.#stop(reader);
        if (!window.isDestroyed())
          void showNotice(window, `Not opened: ${basename(path)}`, complaint);
      },
      onLine: (line) => (complaint = line),
    });
    this.#processes.add(reader);
    window.on('closed', () => void this.#stop(reader));
    void showNotice(window, `Opening ${basename(path)}`, path);
    reader.start();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((reader) => this.#stop(reader)));
  }

  async #stop(reader: EngineProcess): Promise<void> {
    this.#processes.delete(reader);
    await reader.stop();
  }
}
