/**
 * Times in filters: `2026-03-14`, `2026-03-14T09:30`, `09:30`, `today`, `yesterday`, and times ago
 * such as `2h` or `7d`. Dates without a zone are local; `before:` and `after:` of a date mean its
 * beginning and its end.
 */
import type { EpochMs } from '../base/clock.ts';
import { parseDurationMs } from '../base/duration.ts';

/** A moment, or a whole day. */
export interface FilterTime {
  readonly startMs: EpochMs;
  /** The first moment after it; the same for a moment. */
  readonly endMs: EpochMs;
}

export const TIME_EXAMPLES = ['2026-03-14', '2026-03-14T09:30', '09:30', 'today', '2h', '7d'];

/** `undefined` when the text is not a time. */
export function parseFilterTime(text: string, nowMs: EpochMs): FilterTime | undefined {
  const lower = text.toLowerCase();
  if (lower === 'now') return moment(nowMs);
  if (lower === 'today') return day(new Date(nowMs), 0);
  if (lower === 'yesterday') return day(new Date(nowMs), -1);
  const agoMs = parseDurationMs(lower.replace(/ago$/, ''));
  if (agoMs !== undefined) return moment(nowMs - agoMs);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock) return onDay(new Date(nowMs), clock.slice(1));
  const date = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
  if (date) return localDay(date.slice(1).map(Number));
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/i.test(text)) {
    const ms = Date.parse(text.toUpperCase());
    return Number.isNaN(ms) ? undefined : moment(ms);
  }
  return undefined;
}

function moment(ms: EpochMs): FilterTime {
  return { startMs: ms, endMs: ms };
}

function day(date: Date, offset: number): FilterTime {
  const at = (days: number): number =>
    new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
  return { startMs: at(offset), endMs: at(offset + 1) };
}

function localDay([year = 0, month = 0, dayOfMonth = 0]: readonly number[]):
  FilterTime | undefined {
  const date = new Date(year, month - 1, dayOfMonth);
  if (date.getMonth() !== month - 1 || date.getDate() !== dayOfMonth) return undefined;
  return day(date, 0);
}

function onDay(date: Date, parts: readonly (string | undefined)[]): FilterTime | undefined {
  const [hours = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const [year, month, dayOfMonth] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return moment(new Date(year, month, dayOfMonth, hours, minutes, seconds).getTime());
}
