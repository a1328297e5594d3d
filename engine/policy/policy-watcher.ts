/**
 * Watches the policy's folder and says when its files have really changed: at each hint they are
 * compared with what they were.
 */
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { FileFollower } from '../files/file-follower.ts';
import { digestOfFiles } from './file-digest.ts';

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
  readonly #follower: FileFollower;
  #digest = '';

  constructor(options: PolicyWatcherOptions) {
    const { folder, clock, onError } = options;
    this.#options = options;
    this.#follower = new FileFollower({
      ...{ trees: [folder], clock, onError },
      onHint: () => this.#look(),
    });
  }

  /** Resolves when changes from now on will be seen. */
  async start(): Promise<void> {
    this.#digest = await this.#digestNow();
    await this.#follower.start();
    // Something may have changed between the first look and the first event.
    this.#follower.hint();
  }

  async close(): Promise<void> {
    await this.#follower.close();
  }

  async #look(): Promise<void> {
    const digest = await this.#digestNow();
    if (digest === this.#digest) return;
    this.#digest = digest;
    await this.#options.onChange();
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
