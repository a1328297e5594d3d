/**
 * `os.date`'s formats and `os.time`'s arithmetic: C's `strftime` and `mktime` in the C locale and
 * the process's time zone.
 *
 * Source: ISO C 7.27; Lua 5.4 reference manual §6.9.
 */
import { DAYS, MONTHS } from '../../base/calendar-names.ts';

/** The conversions Lua accepts: C99's, with the `E` and `O` modifiers where C has them. */
const CONVERSION = /^(?:[aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%]|E[cCxXyY]|O[deHImMSuUVwWy])/;

/** A broken-down time. */
export interface Calendar {
  readonly year: number;
  /** 1–12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 = Sunday. */
  readonly weekday: number;
  /** 1–366. */
  readonly yearDay: number;
  readonly isDst: boolean;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
  readonly zone: string;
}

export function calendarUtc(epochSeconds: number): Calendar {
  const t = new Date(epochSeconds * 1000);
  return {
    year: t.getUTCFullYear(),
    month: t.getUTCMonth() + 1,
    day: t.getUTCDate(),
    hour: t.getUTCHours(),
    minute: t.getUTCMinutes(),
    second: t.getUTCSeconds(),
    weekday: t.getUTCDay(),
    yearDay: dayOfYear(t.getUTCFullYear(), t.getUTCMonth(), t.getUTCDate()),
    isDst: false,
    offsetMinutes: 0,
    zone: 'GMT',
  };
}

export function calendarLocal(epochSeconds: number): Calendar {
  const t = new Date(epochSeconds * 1000);
  const offsetMinutes = -t.getTimezoneOffset();
  const winter = -Math.max(
    new Date(t.getFullYear(), 0, 1).getTimezoneOffset(),
    new Date(t.getFullYear(), 6, 1).getTimezoneOffset(),
  );
  return {
    year: t.getFullYear(),
    month: t.getMonth() + 1,
    day: t.getDate(),
    hour: t.getHours(),
    minute: t.getMinutes(),
    second: t.getSeconds(),
    weekday: t.getDay(),
    yearDay: dayOfYear(t.getFullYear(), t.getMonth(), t.getDate()),
    isDst: offsetMinutes !== winter,
    offsetMinutes,
    zone: zoneName(t),
  };
}

/** `mktime`: fields out of range carry over, as C does it. */
export function localEpochSeconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  const t = new Date(2000, 0, 1);
  t.setFullYear(year, month - 1, day);
  t.setHours(hour, minute, second, 0);
  return t.getTime() / 1000;
}

/** The first conversion in `format` that Lua refuses, e.g. `%Q`; undefined when all are known. */
export function badConversion(format: string): string | undefined {
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', at + 1)) {
    const match = CONVERSION.exec(format.slice(at + 1));
    if (!match) return format.slice(at, at + 3);
    at += match[0].length;
  }
  return undefined;
}

export function strftime(format: string, t: Calendar): string {
  return format.replace(/%[EO]?([A-Za-z%])/g, (_, letter: string) => conversion(letter, t));
}

function conversion(letter: string, t: Calendar): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = DAYS[t.weekday] ?? '';
  const month = MONTHS[t.month - 1] ?? '';
  const hour12 = t.hour % 12 === 0 ? 12 : t.hour % 12;
  const half = t.hour < 12 ? 'AM' : 'PM';
  switch (letter) {
    case 'a':
      return day.slice(0, 3);
    case 'A':
      return day;
    case 'b':
    case 'h':
      return month.slice(0, 3);
    case 'B':
      return month;
    case 'c':
      return strftime('%a %b %e %H:%M:%S %Y', t);
    case 'C':
      return two(Math.floor(t.year / 100));
    case 'd':
      return two(t.day);
    case 'D':
    case 'x':
      return strftime('%m/%d/%y', t);
    case 'e':
      return String(t.day).padStart(2, ' ');
    case 'F':
      return strftime('%Y-%m-%d', t);
    case 'g':
      return two(isoWeek(t).year % 100);
    case 'G':
      return String(isoWeek(t).year);
    case 'H':
      return two(t.hour);
    case 'I':
      return two(hour12);
    case 'j':
      return String(t.yearDay).padStart(3, '0');
    case 'm':
      return two(t.month);
    case 'M':
      return two(t.minute);
    case 'n':
      return '\n';
    case 'p':
      return half;
    case 'r':
      return strftime('%I:%M:%S %p', t);
    case 'R':
      return strftime('%H:%M', t);
    case 'S':
      return two(t.second);
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return strftime('%H:%M:%S', t);
    case 'u':
      return String(t.weekday === 0 ? 7 : t.weekday);
    case 'U':
      return two(Math.floor((t.yearDay + 6 - t.weekday) / 7));
    case 'V':
      return two(isoWeek(t).week);
    case 'w':
      return String(t.weekday);
    case 'W':
      return two(Math.floor((t.yearDay + 6 - ((t.weekday + 6) % 7)) / 7));
    case 'y':
      return two(t.year % 100);
    case 'Y':
      return String(t.year);
    case 'z':
      return offsetText(t.offsetMinutes);
    case 'Z':
      return t.zone;
    default:
      return '%';
  }
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const digits = Math.floor(size / 60) * 100 + (size % 60);
  return `${minutes < 0 ? '-' : '+'}${String(digits).padStart(4, '0')}`;
}

/** ISO 8601 week: the one with the year's first Thursday is number 1. */
function isoWeek(t: Calendar): { year: number; week: number } {
  const thursday = new Date(Date.UTC(t.year, t.month - 1, t.day + 4 - (t.weekday || 7)));
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / 604_800_000) + 1;
  return { year, week };
}

function dayOfYear(year: number, monthIndex: number, day: number): number {
  return (Date.UTC(year, monthIndex, day) - Date.UTC(year, 0, 1)) / 86_400_000 + 1;
}

function zoneName(t: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(t);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}
