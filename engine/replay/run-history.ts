/**
 * Replays that were made, kept to be compared: each as a file in the workspace's own folder, with
 * what the network answered, so that a later run can be given the same. The oldest go when there
 * are too many, or too much.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkExchange } from './dry-network.ts';

const RUNS_MAX = 50;
const BYTES_MAX = 256 * 1024 * 1024;
const ID = /^\d{13,}-\d+$/;

export interface KeptRun<R> {
  readonly run: R;
  readonly exchanges: readonly NetworkExchange[];
}

interface Known<S> {
  readonly id: string;
  readonly bytes: number;
  readonly summary: S;
}

export class RunHistory<R extends { readonly id: string }, S> {
  readonly #folder: string;
  readonly #summaryOf: (run: R) => S;
  /** Newest first; null before the first look at the folder. */
  #list: Known<S>[] | null = null;
  #count = 0;

  constructor(folder: string, summaryOf: (run: R) => S) {
    this.#folder = folder;
    this.#summaryOf = summaryOf;
  }

  /** A name for the next run; names sort by time. */
  newId(nowMs: number): string {
    return `${Math.floor(nowMs)}-${++this.#count}`;
  }

  list(): readonly S[] {
    return this.#known().map(({ summary }) => summary);
  }

  /** Null: there is no such run any more. */
  get(id: string): KeptRun<R> | null {
    if (!ID.test(id)) return null;
    try {
      return JSON.parse(readFileSync(this.#file(id), 'utf8')) as KeptRun<R>;
    } catch {
      return null;
    }
  }

  add(kept: KeptRun<R>): void {
    const known = this.#known();
    const text = JSON.stringify(kept);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#file(kept.run.id), text, { mode: 0o600 });
    known.unshift({
      id: kept.run.id,
      bytes: Buffer.byteLength(text),
      summary: this.#summaryOf(kept.run),
    });
    let bytes = 0;
    const keptCount = known.findIndex((one, index) => {
      bytes += one.bytes;
      return index > 0 && (index >= RUNS_MAX || bytes > BYTES_MAX);
    });
    if (keptCount < 0) return;
    for (const { id } of known.splice(keptCount)) rmSync(this.#file(id), { force: true });
  }

  #known(): Known<S>[] {
    this.#list ??= this.#read();
    return this.#list;
  }

  #read(): Known<S>[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return [];
    }
    return names
      .map((name) => name.replace(/\.json$/, ''))
      .filter((id) => ID.test(id))
      .sort((a, b) => Number(b.split('-')[0]) - Number(a.split('-')[0]))
      .flatMap((id) => {
        const kept = this.get(id);
        if (kept === null) return [];
        const bytes = statSync(this.#file(id)).size;
        return [{ id, bytes, summary: this.#summaryOf(kept.run) }];
      });
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}
