/**
 * Rows that people delete: hidden in the store, their maildir files taken away with them, and both
 * put back by an undo. A file that another row still stands for stays, and one that somebody else
 * removed before does not come back.
 */
import { isAbsolute, join } from 'node:path';
import { MaildirFiles } from '../maildir/maildir-files.ts';
import type { Store } from '../store/store.ts';

/** Files that an undo can bring back, as names with their flags. */
const NAMES_MAX = 100_000;
const AT_ONCE = 32;

export class DeletedRows {
  readonly #store: Store;
  readonly #workspace: string;
  /** Last file name of what was taken away, by folder and unique name. */
  readonly #names = new Map<string, string>();

  constructor(store: Store, workspace: string) {
    this.#store = store;
    this.#workspace = workspace;
  }

  async delete(seqs: readonly number[]): Promise<void> {
    await this.#store.deleteRows(seqs);
    const maildirs = new MaildirFiles();
    await this.#eachFile(seqs, async ({ folder, unique }) => {
      const file = await maildirs.unlink(folder, unique);
      if (file !== null) this.#remember(`${folder}/${unique}`, file);
    });
  }

  async undelete(seqs: readonly number[]): Promise<void> {
    const maildirs = new MaildirFiles();
    await this.#eachFile(seqs, async ({ folder, unique, seq }) => {
      const key = `${folder}/${unique}`;
      const file = this.#names.get(key);
      if (file === undefined) return;
      this.#names.delete(key);
      const body = await this.#store.read('body', { seq, which: 'final' });
      if (body !== null) await maildirs.putBack(folder, file, body.bytes);
    });
    await this.#store.undeleteRows(seqs);
  }

  /** Files for which all rows are deleted. A folder that is gone is none of our business. */
  async #eachFile(
    seqs: readonly number[],
    what: (file: {
      readonly seq: number;
      readonly folder: string;
      readonly unique: string;
    }) => Promise<void>,
  ): Promise<void> {
    const files = await this.#store.read('deletedFiles', { seqs });
    for (let at = 0; at < files.length; at += AT_ONCE) {
      await Promise.all(
        files.slice(at, at + AT_ONCE).map(async ({ seq, path, unique }) => {
          const folder = isAbsolute(path) ? path : join(this.#workspace, path);
          await what({ seq, folder, unique }).catch(ignoreMissing);
        }),
      );
    }
  }

  #remember(key: string, file: string): void {
    this.#names.set(key, file);
    const [oldest] = this.#names.keys();
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest);
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
