/**
 * The full-text index as seen by the worker that fills it (`inspect/`), which knows these names
 * and nothing else of this folder. They run in that worker's thread: nothing is copied.
 */
import type { ReadContext, ReadTable } from '../store/read-context.ts';
import { SearchIndex } from './search-index.ts';
import type { IndexEntry } from './search-index.ts';

export const reads: ReadTable = {
  indexThrough: (context: ReadContext) => indexOf(context).through,
  indexSwept: (context: ReadContext) => indexOf(context).swept,
  indexAdd: (context: ReadContext, params: { entries: IndexEntry[]; through: number }) =>
    indexOf(context).add(params.entries, params.through),
  indexRowsAfter: (context: ReadContext, params: { seq: number; limit: number }) =>
    indexOf(context).rowsAfter(params.seq, params.limit),
  indexRemove: (context: ReadContext, params: { seqs: number[]; swept: number }) =>
    indexOf(context).remove(params.seqs, params.swept),
};

/** For `Inspector.open`. */
export const INDEX_READS = new URL(import.meta.url);

const indexes = new WeakMap<ReadContext, SearchIndex>();

function indexOf(context: ReadContext): SearchIndex {
  const known = indexes.get(context);
  if (known) return known;
  const newest = context.one('SELECT max(seq) AS seq FROM recipients')?.['seq'];
  const made = SearchIndex.open(context.folder, Number(newest ?? 0));
  indexes.set(context, made);
  return made;
}
