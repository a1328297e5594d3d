/**
 * Columns of the Mail list for a given width, pure. Fixed widths for what is compared, the rest for
 * what is read; they leave in a fixed order as room gets short: route and size, then sender and
 * marks, then tries. Time, recipient and subject always stay.
 */
import type { ColumnName } from '../../state/preferences.svelte.ts';

export type Column = 'state' | 'time' | 'to' | 'subject' | 'arrow' | ColumnName;

export interface ColumnLayout {
  readonly columns: readonly Column[];
  /** `grid-template-columns`, in pixels so that addresses can be cut by measure. */
  readonly template: string;
  readonly fromWidth: number;
  readonly toWidth: number;
  readonly hasLongTime: boolean;
}

const GAP = 7;
const PADDING = 24;
const FIXED: Readonly<Partial<Record<Column, number>>> = {
  state: 12,
  time: 54,
  code: 28,
  arrow: 10,
  tries: 28,
  size: 48,
  marks: 40,
};
const ORDER: readonly Column[] = [
  'state',
  'time',
  'code',
  'from',
  'arrow',
  'to',
  'subject',
  'route',
  'tries',
  'size',
  'marks',
];
/** From this width on, a column is shown. */
const FROM_WIDTH: Readonly<Partial<Record<Column, number>>> = {
  tries: 420,
  from: 620,
  arrow: 620,
  marks: 620,
  route: 700,
  size: 700,
};
const SUBJECT_MIN = 80;
/** From here on, rows of other days have room for their time of day as well. */
const LONG_TIME_WIDTH = 900;
const LONG_TIME = 84;

export function layOutColumns(width: number, hidden: readonly ColumnName[]): ColumnLayout {
  const columns = ORDER.filter((column) => {
    if (width < (FROM_WIDTH[column] ?? 0)) return false;
    const owner = column === 'arrow' ? 'from' : column;
    return !hidden.some((name) => name === owner);
  });
  const hasLongTime = width >= LONG_TIME_WIDTH;
  const widths = hasLongTime ? { ...FIXED, time: LONG_TIME } : FIXED;
  const fixed = columns.reduce((sum, column) => sum + (widths[column] ?? 0), 0);
  const room = Math.max(200, width - PADDING - GAP * (columns.length - 1) - fixed);
  const has = (column: Column): boolean => columns.includes(column);
  const from = has('from') ? clamp(room * (hasLongTime ? 0.19 : 0.15), 58, 200) : 0;
  const route = has('route') ? clamp(room * 0.2, 82, 150) : 0;
  const to = clamp((room - from - route) * 0.5, 90, has('from') ? Math.max(144, room * 0.24) : 190);
  const subject = Math.max(SUBJECT_MIN, room - from - route - to);
  const flexible: Readonly<Partial<Record<Column, number>>> = { from, to, route, subject };
  return {
    columns,
    template: columns
      .map((column) => `${Math.floor(widths[column] ?? flexible[column] ?? 0)}px`)
      .join(' '),
    fromWidth: Math.floor(from),
    toWidth: Math.floor(to),
    hasLongTime,
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
