/**
 * Dates as text: RFC 2822 in headers and reports, RFC 3339 in records and the API.
 *
 * RFC 3339 has as many digits of a second as the value needs: none, 3, 6 or 9, as chrono prints
 * it; the RFC 2822 day has no leading zero.
 *
 * Source: RFC 5322 §3.3, §4.3; RFC 3339.
 */
import { monthOfShortName, SHORT_DAYS, SHORT_MONTHS } from '../base/calendar-names.ts';
import { fractionText, isoSeconds } from '../base/chrono-text.ts';
import type { EpochMs } from '../base/clock.ts';

/** The second that was formatted last: in a burst it is asked for again and again. */
let lastSecond = { second: NaN, text: '' };

/** `Mon, 5 Jan 2015 10:00:00 +0000`, always UTC. */
export function formatRfc2822(timeMs: EpochMs): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== lastSecond.second) lastSecond = { second, text: rfc2822Of(second * 1000) };
  return lastSecond.text;
}

function rfc2822Of(timeMs: EpochMs): string {
  const date = new Date(timeMs);
  const day = SHORT_DAYS[date.getUTCDay()] ?? '';
  const month = SHORT_MONTHS[date.getUTCMonth()] ?? '';
  const year = String(date.getUTCFullYear()).padStart(4, '0');
  return `${day}, ${date.getUTCDate()} ${month} ${year} ${date.toISOString().slice(11, 19)} +0000`;
}

const RFC2822 =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s*)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\s+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?\s*(?:\([^)]*\)\s*)?$/i;

/** RFC 5322 §4.3, in minutes. */
const ZONES: Readonly<Record<string, number>> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

/** A date of a header, or `undefined` when it is not one. Obsolete forms are understood. */
export function parseRfc2822(text: string): EpochMs | undefined {
  const match = RFC2822.exec(text.trim());
  if (!match) return undefined;
  const [, day, monthName = '', yearText = '', hour, minute, second = '0'] = match;
  const month = monthOfShortName(monthName);
  if (month < 0) return undefined;
  const local = Date.UTC(
    fullYear(yearText),
    month,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return Number.isNaN(local) ? undefined : local - zoneMinutes(match) * 60_000;
}

/** Two digits mean 1950 to 2049, three count from 1900 (RFC 5322 §4.3). */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return text.length === 3 ? 1900 + year : year;
}

function zoneMinutes(match: RegExpExecArray): number {
  const [sign, hours, minutes, name = ''] = match.slice(7);
  if (sign === undefined) return ZONES[name.toUpperCase()] ?? 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/**
 * `2015-01-05T10:00:00.123456Z`: UTC, with 0, 3, 6 or 9 digits of a second, from whole milliseconds
 * (a fraction of `timeMs` is ignored) and the nanoseconds to add.
 */
export function formatRfc3339Ticks(timeMs: EpochMs, extraNs: number): string {
  const wholeMs = Math.floor(timeMs) + Math.floor(extraNs / 1e6);
  const second = Math.floor(wholeMs / 1000) * 1000;
  const ns = (wholeMs - second) * 1e6 + (extraNs % 1e6);
  return `${isoSeconds(second)}${fractionText(ns)}Z`;
}
