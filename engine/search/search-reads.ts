/**
 * Pages of the Mail list, run in the reader's thread: rows that satisfy a filter, newest first,
 * with a count that stops at 10,000. A page and a count have a budget of time; a page that used it
 * up is short and says where to go on.
 */
import { SystemClock } from '../base/clock.ts';
import { decodeCursor, encodeCursor } from '../store/cursor.ts';
import type { ReadContext, ReadTable } from '../store/read-context.ts';
import { ROW_SELECT, rowSummary } from '../store/row-reads.ts';
import { boundedCount, COUNT_MAX } from '../store/side-reads.ts';
import type { BoundedCount } from '../store/side-reads.ts';
import type { RowSummary } from '../store/store.ts';
import type { FilterQuery } from './filter-query.ts';
import { JoinStream, step } from './seq-streams.ts';
import type { Direction, SeqStream } from './seq-streams.ts';
import { allRows, maildirStream, termStream } from './term-streams.ts';
import type { StreamContext } from './term-streams.ts';
import { SearchReader } from './text-stream.ts';

export type RowsParams = {
  limit: number;
  query?: FilterQuery | null;
  /** Only rows delivered to this maildir, or below this folder of maildirs. */
  maildir?: string | null;
  cursor?: string | null;
  /** Instead of a cursor: start at the newest row that is not above this number. */
  at?: number | null;
  /** Instead of a cursor: the rows directly above this number, newest first as well. */
  newerThan?: number | null;
  /** Default true; without it `total` is null. */
  needsTotal?: boolean;
};

export interface RowsRead {
  readonly rows: readonly RowSummary[];
  /** For the next (older) page, which may be short or empty; null at the end. */
  readonly next: string | null;
  readonly total: BoundedCount | null;
  readonly oldestSeq: number | null;
  readonly newestSeq: number | null;
  readonly commitSeq: number;
  /** Rows above this one are not in the full-text index yet: they are searched by address and subject. */
  readonly indexedThrough: number;
}

declare module '../store/reads.ts' {
  interface StoreReads {
    rows: { params: RowsParams; result: RowsRead };
    rowCount: {
      params: { query?: FilterQuery | null; maildir?: string | null };
      result: BoundedCount;
    };
  }
}

const PAGE_BUDGET_MS = 150;
const COUNT_BUDGET_MS = 60;
/** Members between two looks at the clock. */
const LOOK_EVERY = 256;

const clock = new SystemClock();
const searchReaders = new WeakMap<ReadContext, SearchReader>();

export const reads: ReadTable = { rows: readRows, rowCount: readRowCount };

/** For `SqliteStore.open`. */
export const SEARCH_READS = new URL(import.meta.url);

function readRows(context: ReadContext, params: RowsParams): RowsRead {
  const { newerThan = null, needsTotal = true } = params;
  const page =
    newerThan === null ? readOlder(context, params) : readNewer(context, params, newerThan);
  const ends = context.one('SELECT min(seq) AS oldest, max(seq) AS newest FROM recipients');
  return {
    ...page,
    total: needsTotal ? readRowCount(context, params) : null,
    oldestSeq: (ends?.['oldest'] ?? null) as number | null,
    newestSeq: (ends?.['newest'] ?? null) as number | null,
    commitSeq: context.commitSeq(),
    indexedThrough: searchReader(context).through(),
  };
}

function readOlder(
  context: ReadContext,
  params: RowsParams,
): { rows: RowSummary[]; next: string | null } {
  const { limit, cursor, at } = params;
  const [before] = cursor ? decodeCursor(cursor, 1) : [];
  const start = before !== undefined ? before - 1 : (at ?? Number.MAX_SAFE_INTEGER);
  const { rows, stoppedAt } = collect(context, params, 'older', start, limit);
  return { rows, next: stoppedAt === null ? null : encodeCursor([stoppedAt + 1]) };
}

function readNewer(
  context: ReadContext,
  params: RowsParams,
  newerThan: number,
): { rows: RowSummary[]; next: string | null } {
  const { rows } = collect(context, params, 'newer', newerThan + 1, params.limit);
  return { rows: rows.reverse(), next: encodeCursor([newerThan + 1]) };
}

/** Rows from `start` on; `stoppedAt` is where the rest begins, null when there is none. */
function collect(
  context: ReadContext,
  params: RowsParams,
  direction: Direction,
  start: number,
  limit: number,
): { rows: RowSummary[]; stoppedAt: number | null } {
  const stream = streamOf(context, params, direction);
  const deadline = clock.monotonic() + PAGE_BUDGET_MS;
  const rows: RowSummary[] = [];
  try {
    let at = start;
    for (let looked = 1; ; looked++) {
      const seq = stream.seek(at);
      if (seq === null) return { rows, stoppedAt: null };
      if (rows.length === limit) return { rows, stoppedAt: seq };
      if (looked % LOOK_EVERY === 0 && clock.monotonic() > deadline)
        return { rows, stoppedAt: seq };
      const row = context.one(`${ROW_SELECT} WHERE r.seq = ?`, seq);
      if (row && (row['is_deleted'] === 0 || wantsDeleted(params))) rows.push(rowSummary(row));
      at = step(seq, direction);
    }
  } finally {
    stream.close();
  }
}

/** How many rows satisfy a filter; exact up to 10,000 unless it takes too long. */
function readRowCount(
  context: ReadContext,
  params: { query?: FilterQuery | null; maildir?: string | null },
): BoundedCount {
  const { query, maildir } = params;
  if ((query?.terms.length ?? 0) === 0 && !maildir) {
    const rows = counter(context, 'rows') - counter(context, 'deletedRows');
    return { value: rows, isExact: true };
  }
  const stream = streamOf(context, params, 'older');
  const deadline = clock.monotonic() + COUNT_BUDGET_MS;
  const takesAll = wantsDeleted(params) || counter(context, 'deletedRows') === 0;
  const isShown = (seq: number): boolean =>
    takesAll ||
    context.one('SELECT is_deleted FROM recipients WHERE seq = ?', seq)?.['is_deleted'] === 0;
  let count = 0;
  try {
    let at = Number.MAX_SAFE_INTEGER;
    for (let looked = 1; count <= COUNT_MAX; looked++) {
      const seq = stream.seek(at);
      if (seq === null) break;
      if (looked % LOOK_EVERY === 0 && clock.monotonic() > deadline) {
        return { value: count, isExact: false };
      }
      if (isShown(seq)) count++;
      at = step(seq, 'older');
    }
  } finally {
    stream.close();
  }
  return boundedCount(count);
}

function wantsDeleted({ query }: { query?: FilterQuery | null }): boolean {
  return query?.terms.some((term) => term.kind === 'flag' && term.flag === 'deleted') ?? false;
}

function streamOf(
  context: ReadContext,
  { query, maildir }: { query?: FilterQuery | null; maildir?: string | null },
  direction: Direction,
): SeqStream {
  const at: StreamContext = { context, search: searchReader(context), direction };
  const terms = query?.terms ?? [];
  const all = terms.filter((term) => !term.isNegated).map((term) => termStream(at, term));
  const none = terms.filter((term) => term.isNegated).map((term) => termStream(at, term));
  if (maildir) all.push(maildirStream(at, maildir));
  if (all.length === 0) all.push(allRows(at));
  return new JoinStream(all, none, direction);
}

function searchReader(context: ReadContext): SearchReader {
  const known = searchReaders.get(context);
  if (known) return known;
  const made = new SearchReader(context.folder);
  searchReaders.set(context, made);
  return made;
}

function counter(context: ReadContext, name: string): number {
  return Number(context.one('SELECT value FROM counters WHERE name = ?', name)?.['value'] ?? 0);
}
