/**
 * The change feed: what each durable commit did to the list, put together from what the main
 * thread itself sent. While nobody listens it costs one comparison per operation.
 */
import type { BatchResult } from './ops.ts';
import type { RecordEntry, RowPatch, RowsCommit, RowSummary } from './store.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class RowFeed {
  readonly #listeners = new Set<(commit: RowsCommit) => void>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  listen(listener: (commit: RowsCommit) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  publish(commit: RowsCommit): void {
    for (const listener of this.#listeners) {
      try {
        listener(commit);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}

/** What batches will have changed. */
export class FeedNotes {
  readonly #feed: RowFeed;
  readonly #onCommitted: (result: BatchResult) => void;
  readonly #added: (() => RowSummary[])[] = [];
  #changed = new Map<number, Mutable<RowPatch>>();
  #records: RecordEntry[] = [];

  constructor(feed: RowFeed, onCommitted: (result: BatchResult) => void) {
    this.#feed = feed;
    this.#onCommitted = onCommitted;
  }

  added(rows: () => RowSummary[]): void {
    if (this.#feed.isWatched) this.#added.push(rows);
  }

  changed(patch: RowPatch): void {
    if (!this.#feed.isWatched) return;
    const earlier = this.#changed.get(patch.seq);
    if (earlier) Object.assign(earlier, patch);
    else this.#changed.set(patch.seq, { ...patch });
  }

  recorded(entry: RecordEntry): void {
    if (this.#feed.isWatched) this.#records.push(entry);
  }

  join(later: FeedNotes): void {
    this.#added.push(...later.#added);
    if (this.#changed.size === 0) this.#changed = later.#changed;
    else for (const patch of later.#changed.values()) this.changed(patch);
    if (this.#records.length === 0) this.#records = later.#records;
    else this.#records.push(...later.#records);
  }

  committed(result: BatchResult): void {
    this.#onCommitted(result);
    if (!this.#feed.isWatched) return;
    const added: RowSummary[] = [];
    for (const row of this.#added.flatMap((rows) => rows())) {
      const patch = this.#changed.get(row.seq);
      added.push(patch ? { ...row, ...patch } : row);
      if (patch) this.#changed.delete(row.seq);
    }
    const changed = [...this.#changed.values()];
    const records = this.#records;
    if (added.length + changed.length + records.length === 0) return;
    this.#feed.publish({ commitSeq: result.commitSeq, added, changed, records });
  }
}
