/**
 * The part of the Mail list that is in memory: a run of neighbouring rows, newest first, and where it
 * stands in the whole list. The list itself may hold a million rows; the run holds a few thousand.
 * Pure: every function returns a new run, with the rows by which the view has to be moved so that
 * nothing on screen jumps.
 *
 * The place of a run in the middle is an estimate (rows are found by `seq`, never by offset); it
 * becomes exact as soon as the run touches either end.
 */
import type { RecipientRow, RowChange } from '../../engine/api/protocol.ts';

export const PAGE_ROWS = 200;
const ROWS_MAX = 2000;
/** Rows kept ready beyond what is on screen, each way. */
const MARGIN_ROWS = 150;
/** From this distance on it is quicker to begin anew than to walk. */
const JUMP_ROWS = 400;

export interface RowWindow {
  /** Index of the first row in the whole list. */
  readonly offset: number;
  readonly rows: readonly RecipientRow[];
  readonly isTop: boolean;
  readonly isEnd: boolean;
}

export interface Moved {
  readonly window: RowWindow;
  /** Rows by which the view must move with the rows it shows. */
  readonly shift: number;
}

export const EMPTY_WINDOW: RowWindow = { offset: 0, rows: [], isTop: true, isEnd: true };

export type Step =
  | { readonly kind: 'top' }
  | { readonly kind: 'older'; readonly at: number }
  | { readonly kind: 'newer'; readonly newerThan: number }
  | { readonly kind: 'seek'; readonly index: number };

/** What to load next so that `first` to `last` can be shown; null when nothing is missing. */
export function nextStep(window: RowWindow, first: number, last: number): Step | null {
  const { offset, rows, isTop, isEnd } = window;
  const top = rows[0];
  const bottom = rows.at(-1);
  if (!top || !bottom) return isTop && isEnd ? null : { kind: 'top' };
  const end = offset + rows.length;
  if (first > end + JUMP_ROWS && !isEnd) return { kind: 'seek', index: first };
  if (last < offset - JUMP_ROWS && !isTop) {
    return first <= PAGE_ROWS / 2 ? { kind: 'top' } : { kind: 'seek', index: first };
  }
  if (last + MARGIN_ROWS >= end && !isEnd) return { kind: 'older', at: bottom.seq - 1 };
  if (first - MARGIN_ROWS < offset && !isTop) return { kind: 'newer', newerThan: top.seq };
  return null;
}

/** The run of a list that is opened at its top. */
export function windowAtTop(rows: readonly RecipientRow[], isEnd: boolean): RowWindow {
  return { offset: 0, rows, isTop: true, isEnd };
}

/** A run found by its `seq`, standing where the scroll bar was let go. */
export function windowAt(
  index: number,
  rows: readonly RecipientRow[],
  isEnd: boolean,
  count: number,
): Moved {
  const offset = isEnd ? Math.max(0, count - rows.length) : index;
  return { window: { offset, rows, isTop: false, isEnd }, shift: offset - index };
}

export function withOlder(
  window: RowWindow,
  rows: readonly RecipientRow[],
  isEnd: boolean,
  count: number,
): Moved {
  const all = [...window.rows, ...rows];
  const surplus = Math.max(0, all.length - ROWS_MAX);
  const moved = { ...window, rows: all.slice(surplus), offset: window.offset + surplus, isEnd };
  const place = isEnd && !window.isTop ? count - all.length : window.offset;
  const shift = Math.max(0, place) - window.offset;
  return {
    window: { ...moved, offset: moved.offset + shift, isTop: window.isTop && surplus === 0 },
    shift,
  };
}

export function withNewer(window: RowWindow, rows: readonly RecipientRow[], isTop: boolean): Moved {
  const all = [...rows, ...window.rows];
  const kept = all.slice(0, ROWS_MAX);
  const place = window.offset - rows.length;
  const offset = isTop ? 0 : place <= 0 ? PAGE_ROWS : place;
  return {
    window: { offset, rows: kept, isTop, isEnd: window.isEnd && kept.length === all.length },
    shift: offset - place,
  };
}

/** New mail on a run that stands at the top. @param added in order of arrival, newest last */
export function withArrivals(window: RowWindow, added: readonly RecipientRow[]): RowWindow {
  const topSeq = window.rows[0]?.seq ?? -1;
  const fresh = added.filter(({ seq, isDeleted }) => seq > topSeq && !isDeleted).reverse();
  if (fresh.length === 0) return window;
  const all = [...fresh, ...window.rows];
  const rows = all.slice(0, ROWS_MAX);
  return { ...window, rows, isEnd: window.isEnd && rows.length === all.length };
}

/** Rows as they are now; deleted ones leave. */
export function withChanges(window: RowWindow, changes: readonly RowChange[]): RowWindow {
  let rows: RecipientRow[] | null = null;
  for (const change of changes) {
    const index = indexOfSeq(window.rows, change.seq);
    const row = window.rows[index];
    if (!row) continue;
    rows ??= [...window.rows];
    rows[index] = { ...row, ...change };
  }
  if (!rows) return window;
  return { ...window, rows: rows.filter(({ isDeleted }) => !isDeleted) };
}

/** Place of a row in a run whose `seq` falls; -1 when it is not there. */
export function indexOfSeq(rows: readonly RecipientRow[], seq: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rows[middle]?.seq ?? 0;
    if (found === seq) return middle;
    if (found > seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The `seq` that probably stands at `index`: rows are spread evenly as far as one can tell. */
export function seqNear(
  index: number,
  count: number,
  newestSeq: number,
  oldestSeq: number,
): number {
  const share = count <= 1 ? 0 : Math.min(1, Math.max(0, index / (count - 1)));
  return Math.round(newestSeq - share * (newestSeq - oldestSeq));
}
