/** A store in a folder of its own that disappears with the test; it can be opened again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../../engine/store/sqlite-store.ts';
import type { StoreOptions } from '../../../engine/store/sqlite-store.ts';
import type { WaitingMessage } from '../../../engine/store/store.ts';
import { TickingClock } from '../../support/store-fixtures.ts';

export class StoreFolder implements AsyncDisposable {
  readonly folder: string;
  readonly troubles: string[] = [];
  #open: SqliteStore | null = null;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<StoreFolder> {
    return new StoreFolder(await mkdtemp(join(tmpdir(), 'postyard-store-')));
  }

  async open(options: Partial<StoreOptions> = {}): Promise<SqliteStore> {
    await this.#open?.close();
    this.#open = await SqliteStore.open({
      folder: this.folder,
      clock: new TickingClock(),
      onTrouble: (text) => this.troubles.push(text),
      ...options,
    });
    return this.#open;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.close().catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function allWaiting(store: SqliteStore): Promise<WaitingMessage[]> {
  const all: WaitingMessage[] = [];
  for await (const page of store.waiting()) all.push(...page);
  return all;
}
