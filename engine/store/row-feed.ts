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

/** What the batch that is being collected will have changed. */
export class FeedNotes {
  readonly #feed: RowFeed;
  readonly #onCommitted: (result: BatchResult) => void;
  /** By index of the operation, so that a refused one can be left out. */
  readonly #added: { readonly index: number; readonly rows: () => RowSummary[] }[] = [];
  #changed = new Map<number, Mutable<RowPatch>>();
  #records: RecordEntry[] = [];

  constructor(feed: RowFeed, onCommitted: (result: BatchResult) => void) {
    this.#feed = feed;
    this.#onCommitted = onCommitted;
  }

  added(index: number, rows: () => RowSummary[]): void {
    if (this.#feed.isWatched) this.#added.push({ index, rows });
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

  /** Takes over what was noted beside it, later than its own. */
  join(reports: FeedNotes): void {
    if (this.#changed.size === 0) this.#changed = reports.#changed;
    else for (const patch of reports.#changed.values()) this.changed(patch);
    if (this.#records.length === 0) this.#records = reports.#records;
    else this.#records.push(...reports.#records);
  }

  committed(result: BatchResult): void {
    this.#onCommitted(result);
    if (!this.#feed.isWatched) return;
    const refused = new Set(result.refused.map((refusal) => refusal.index));
    const added: RowSummary[] = [];
    for (const { index, rows } of this.#added) {
      if (refused.has(index)) continue;
      for (const row of rows()) {
        const patch = this.#changed.get(row.seq);
        added.push(patch ? { ...row, ...patch } : row);
        if (patch) this.#changed.delete(row.seq);
      }
    }
    const changed = [...this.#changed.values()];
    const records = this.#records;
    if (added.length + changed.length + records.length === 0) return;
    this.#feed.publish({ commitSeq: result.commitSeq, added, changed, records });
  }
}
