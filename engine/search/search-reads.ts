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
import type { FilterQuery, FilterTerm } from './filter-query.ts';
import { Budget, JoinStream, step } from './seq-streams.ts';
import type { Direction } from './seq-streams.ts';
import { allRows, maildirStream, termStream, withoutNegation } from './term-streams.ts';
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
  /** Where the time for the page was over; null when the page is as full as it can be. */
  readonly stoppedAt: number | null;
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

const PAGE_BUDGET_MS = 250;
const COUNT_BUDGET_MS = 60;

const clock = new SystemClock();
const searchReaders = new WeakMap<ReadContext, SearchReader>();

export const reads: ReadTable = { rows: readRows, rowCount: readRowCount };

/** For `SqliteStore.open`. */
export const SEARCH_READS = new URL(import.meta.url);

const ENDS = `SELECT (SELECT min(seq) FROM recipients) AS oldest,
  (SELECT max(seq) FROM recipients) AS newest`;

function readRows(context: ReadContext, params: RowsParams): RowsRead {
  const { newerThan = null, needsTotal = true } = params;
  const page =
    newerThan === null ? readOlder(context, params) : readNewer(context, params, newerThan);
  const total = needsTotal ? (page.total ?? readRowCount(context, params)) : null;
  const ends = context.one(ENDS);
  return {
    ...{ rows: page.rows, next: page.next, total, stoppedAt: page.stoppedAt },
    oldestSeq: (ends?.['oldest'] ?? null) as number | null,
    newestSeq: (ends?.['newest'] ?? null) as number | null,
    commitSeq: context.commitSeq(),
    indexedThrough: searchReader(context).through(),
  };
}

interface Page {
  readonly rows: RowSummary[];
  readonly next: string | null;
  /** When it was counted along with the page. */
  readonly total: BoundedCount | null;
  readonly stoppedAt: number | null;
}

function readOlder(context: ReadContext, params: RowsParams): Page {
  const { limit, cursor, at, needsTotal = true } = params;
  const [before] = cursor ? decodeCursor(cursor, 1) : [];
  const isTop = before === undefined && (at ?? null) === null;
  const start = before !== undefined ? before - 1 : (at ?? Number.MAX_SAFE_INTEGER);
  const search = openSearch(context, params, 'older');
  try {
    const { rows, restAt, stoppedAt } = collect(search, start, limit);
    const next = restAt === null ? null : encodeCursor([restAt + 1]);
    const isCounted = isTop && needsTotal && isFiltered(params);
    // The count goes on where the page ended.
    const total = isCounted ? count(search, restAt, rows.length) : null;
    return { rows, next, total, stoppedAt };
  } finally {
    search.stream.close();
  }
}

function readNewer(context: ReadContext, params: RowsParams, newerThan: number): Page {
  const search = openSearch(context, params, 'newer');
  try {
    const { rows, stoppedAt } = collect(search, newerThan + 1, params.limit);
    return { rows: rows.reverse(), next: encodeCursor([newerThan + 1]), total: null, stoppedAt };
  } finally {
    search.stream.close();
  }
}

interface Search {
  readonly context: ReadContext;
  readonly stream: JoinStream;
  readonly budget: Budget;
  readonly direction: Direction;
  /** Whether a row is to be shown: hidden ones only when they are asked for. */
  isShown(isDeleted: unknown): boolean;
}

/** Rows from `start` on; `restAt` is where the rest begins, null when there is none. */
function collect(
  { context, stream, direction, isShown }: Search,
  start: number,
  limit: number,
): { rows: RowSummary[]; restAt: number | null; stoppedAt: number | null } {
  const rows: RowSummary[] = [];
  for (let at = start; ;) {
    const seq = stream.seek(at);
    const { stoppedAt } = stream;
    if (seq === null) return { rows, restAt: stoppedAt, stoppedAt };
    if (rows.length === limit) return { rows, restAt: seq, stoppedAt: null };
    const row = context.one(`${ROW_SELECT} WHERE r.seq = ?`, seq);
    if (row && isShown(row['is_deleted'])) rows.push(rowSummary(row));
    at = step(seq, direction);
  }
}

/** How many rows satisfy a filter; exact up to 10,000 unless it takes too long. */
function readRowCount(
  context: ReadContext,
  params: { query?: FilterQuery | null; maildir?: string | null },
): BoundedCount {
  if (!isFiltered(params)) {
    const rows = counter(context, 'rows') - counter(context, 'deletedRows');
    return { value: rows, isExact: true };
  }
  const search = openSearch(context, params, 'older');
  try {
    return count(search, Number.MAX_SAFE_INTEGER, 0);
  } finally {
    search.stream.close();
  }
}

/** Counts on from `start` (null: there is no more) when `counted` were found before it. */
function count(search: Search, start: number | null, counted: number): BoundedCount {
  const { context, stream, budget, direction, isShown } = search;
  const needsLook = counter(context, 'deletedRows') > 0;
  budget.renew(COUNT_BUDGET_MS);
  let total = counted;
  for (let at = start; at !== null && total <= COUNT_MAX;) {
    const seq = stream.seek(at);
    if (seq === null) {
      if (stream.stoppedAt !== null) return { value: Math.min(total, COUNT_MAX), isExact: false };
      break;
    }
    const row = needsLook
      ? context.one('SELECT is_deleted FROM recipients WHERE seq = ?', seq)
      : { is_deleted: 0 };
    if (row && isShown(row['is_deleted'])) total++;
    at = step(seq, direction);
  }
  return boundedCount(total);
}

function isFiltered(params: { query?: FilterQuery | null; maildir?: string | null }): boolean {
  return (params.query?.terms.length ?? 0) > 0 || Boolean(params.maildir);
}

function openSearch(
  context: ReadContext,
  { query, maildir }: { query?: FilterQuery | null; maildir?: string | null },
  direction: Direction,
): Search {
  const budget = new Budget(clock, PAGE_BUDGET_MS);
  const at: StreamContext = { context, search: searchReader(context), direction, budget };
  // The first stream decides where the others begin: those that leap come before those that walk.
  const terms = (query?.terms ?? []).map(withoutNegation).sort((a, b) => walking(a) - walking(b));
  const all = terms.filter((term) => !term.isNegated).map((term) => termStream(at, term));
  const none = terms.filter((term) => term.isNegated).map((term) => termStream(at, term));
  if (maildir) all.unshift(maildirStream(at, maildir));
  if (all.length === 0) all.push(allRows(at));
  const wantsDeleted = terms.some((term) => term.kind === 'flag' && term.flag === 'deleted');
  return {
    ...{ context, budget, direction, stream: new JoinStream(all, none, at) },
    isShown: (isDeleted) => wantsDeleted || isDeleted === 0,
  };
}

function walking(term: FilterTerm): number {
  return term.kind !== 'text' ? 0 : term.phrase.isPrefix ? 2 : 1;
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
