/**
 * Follows files and folders that people edit: policies, routes, far ends, settings, zones, maildirs.
 * What the file system tells is a hint and nothing more; after a pause, since editors write in
 * several steps and replace files, the owner is asked to look. One look at a time.
 *
 * States: made, started (ready to see changes), closed. A file or folder that is not there yet is
 * seen when it comes.
 */
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { dirname, relative, resolve, sep } from 'node:path';
import { toError } from '../base/assert.ts';
import type { Clock, MonotonicMs, Timer } from '../base/clock.ts';

/** Editors write in several steps; this long nothing may happen before somebody looks. */
const QUIET_MS = 100;

export interface Followed {
  readonly files?: readonly string[];
  /** Each with what is directly in it. */
  readonly folders?: readonly string[];
  /** Each with all that is below it, except what is under a name that starts with a dot. */
  readonly trees?: readonly string[];
}

export interface FileFollowerOptions extends Followed {
  /** Real time. */
  readonly clock: Clock;
  /** Something may have changed; the next look waits until this one has settled. */
  readonly onHint: () => void | Promise<void>;
  /** Changes are not seen (any more), or `onHint` failed. */
  readonly onError: (error: Error) => void;
  /** The longest wait after the first hint, for what never is quiet; endless when left out. */
  readonly latestMs?: number;
}

export class FileFollower {
  readonly #options: FileFollowerOptions;
  #watcher: FSWatcher | null = null;
  #quiet: Timer | null = null;
  #firstHint: MonotonicMs | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: FileFollowerOptions) {
    this.#options = options;
  }

  /** Resolves when changes from now on will be seen, or when it is clear that they will not. */
  async start(): Promise<void> {
    const { files = [], folders = [], trees = [], onError } = this.#options;
    // The folder of a file, not the file: editors replace it, and it may not be there yet.
    const watcher = watch([...new Set(files.map(folderOf)), ...folders, ...trees], {
      ignoreInitial: true,
      ignored: ignoring(this.#options),
    });
    this.#watcher = watcher;
    watcher.on('all', () => this.hint());
    await new Promise<void>((settle) => {
      watcher.once('ready', settle);
      watcher.on('error', (thrown) => {
        onError(toError(thrown));
        settle();
      });
    });
  }

  /** As if something had happened: for what may have changed before the start. */
  hint(): void {
    if (this.#isClosed) return;
    const { clock, latestMs = Infinity } = this.#options;
    const now = clock.monotonic();
    this.#firstHint ??= now;
    this.#quiet?.cancel();
    const waitMs = Math.max(0, Math.min(QUIET_MS, this.#firstHint + latestMs - now));
    this.#quiet = clock.timer(waitMs, () => {
      this.#firstHint = null;
      this.#looking = this.#looking.then(() => this.#look());
    });
  }

  /** After it nobody is asked to look, and nobody is looking. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#quiet?.cancel();
    await this.#watcher?.close();
    await this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#options.onHint();
    } catch (error) {
      this.#options.onError(toError(error));
    }
  }
}

/** What lies beside the followed ones is not looked at. */
function ignoring({ files = [], folders = [], trees = [] }: Followed): (path: string) => boolean {
  const places = [...files, ...folders, ...trees].map((path) => resolve(path));
  // With what holds them, where those that are not there yet will appear.
  const known = new Set([...places, ...places.map(folderOf)]);
  const holders = new Set(folders.map((path) => resolve(path)));
  const roots = trees.map((path) => resolve(path));
  return (given) => {
    const path = resolve(given);
    if (known.has(path) || holders.has(folderOf(path))) return false;
    return !roots.some((root) => path.startsWith(root + sep) && !isHidden(relative(root, path)));
  };
}

function isHidden(path: string): boolean {
  return path.split(sep).some((part) => part.startsWith('.'));
}

function folderOf(path: string): string {
  return dirname(resolve(path));
}
