/**
 * Watches the policy's folder and says when its files have really changed. Events of the file
 * system are hints: after a pause the files are compared with what they were.
 */
import { watch, type FSWatcher } from 'chokidar';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { digestOfFiles } from './file-digest.ts';

/** Editors write in several steps; this long nothing may happen before we look. */
const QUIET_MS = 100;
const EXTENSIONS: ReadonlySet<string> = new Set(['.lua', '.json', '.toml', '.yaml', '.yml']);

export interface PolicyWatcherOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Reloads; the next change waits until this has settled. */
  readonly onChange: () => Promise<void>;
  readonly onError: (error: Error) => void;
}

export class PolicyWatcher {
  readonly #options: PolicyWatcherOptions;
  #watcher: FSWatcher | null = null;
  #quiet: Timer | null = null;
  #digest = '';
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: PolicyWatcherOptions) {
    this.#options = options;
  }

  /** Resolves when changes from now on will be seen. */
  async start(): Promise<void> {
    const { folder, onError } = this.#options;
    this.#digest = await this.#digestNow();
    const watcher = watch(folder, {
      ignoreInitial: true,
      ignored: (path) => isHidden(folder, path),
    });
    this.#watcher = watcher;
    watcher.on('all', () => this.#hint());
    watcher.on('error', (error) => onError(error as Error));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    // Something may have changed between the first look and the first event.
    this.#hint();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#quiet?.cancel();
    await this.#watcher?.close();
    await this.#looking;
  }

  #hint(): void {
    if (this.#isClosed) return;
    this.#quiet?.cancel();
    this.#quiet = this.#options.clock.timer(QUIET_MS, () => {
      this.#looking = this.#looking.then(() => this.#look());
    });
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const digest = await this.#digestNow();
      if (digest === this.#digest) return;
      this.#digest = digest;
      await this.#options.onChange();
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  async #digestNow(): Promise<string> {
    const { folder } = this.#options;
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name)))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isHidden(folder, path));
    return digestOfFiles(files);
  }
}

/** Below a folder whose name starts with a dot, such as `.git` or `.postyard`. */
function isHidden(folder: string, path: string): boolean {
  return path
    .slice(folder.length)
    .split(/[\\/]/)
    .some((part) => part.startsWith('.'));
}
