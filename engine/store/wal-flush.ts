/**
 * Makes commits durable without the writer waiting for the disk: SQLite writes them into its WAL
 * (`synchronous=NORMAL`), and one flush of that file at a time, in the background, covers all
 * commits that were made before it began. Only then may anybody be told of them.
 *
 * Source: SQLite's "Write-Ahead Logging", §2.4: a commit is in the WAL; a checkpoint flushes the
 * WAL before it touches the database.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { DISK_CALLS } from './bodies.ts';

export class WalFlush<T> {
  readonly #file: number;
  readonly #onDurable: (commits: readonly T[]) => void;
  readonly #onFailed: (error: Error) => void;
  #waiting: T[] = [];
  /** What the flush under way covers. */
  #flushing: readonly T[] | null = null;
  #isClosed = false;

  /** @param file the WAL; it must exist, and is flushed at once, with its name in `folder` */
  constructor(
    folder: string,
    file: string,
    told: {
      readonly onDurable: (commits: readonly T[]) => void;
      readonly onFailed: (error: Error) => void;
    },
  ) {
    this.#file = openSync(file, 'r+');
    this.#onDurable = told.onDurable;
    this.#onFailed = told.onFailed;
    fdatasyncSync(this.#file);
    DISK_CALLS.syncFolder(folder);
  }

  /** A commit is in the WAL; `onDurable` tells when it is safe. */
  committed(commit: T): void {
    this.#waiting.push(commit);
    if (this.#flushing === null) this.#flush();
  }

  /** Flushes what is left, now. */
  close(): void {
    this.#isClosed = true;
    fdatasyncSync(this.#file);
    const commits = [...(this.#flushing ?? []), ...this.#waiting];
    if (commits.length > 0) this.#onDurable(commits);
    if (this.#flushing === null) closeSync(this.#file);
  }

  #flush(): void {
    const commits = this.#waiting;
    this.#waiting = [];
    this.#flushing = commits;
    fdatasync(this.#file, (error) => {
      this.#flushing = null;
      if (this.#isClosed) return closeSync(this.#file);
      if (error) return this.#onFailed(error);
      this.#onDurable(commits);
      if (this.#waiting.length > 0) this.#flush();
    });
  }
}
