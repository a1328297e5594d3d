/**
 * Calendar arithmetic and the texts of time: chrono's strftime, and humantime spans. All in UTC,
 * on nanoseconds, without `Date` in the way.
 *
 * Source: chrono 0.4 `format::strftime`; humantime 2; Howard Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms".
 */
import { DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS } from '../../base/calendar-names.ts';

/** A moment taken apart. `month` and `day` start at 1, `weekday` 0 is Sunday, `yearday` starts at 1. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  readonly weekday: number;
  readonly yearday: number;
  readonly epochSecond: bigint;
}

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
export function daysOfCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

export function daysInMonth(year: number, month: number): number {
  return [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

export function civilOf(epochNs: bigint): Civil {
  const nanosecond = Number(((epochNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  const epochSecond = (epochNs - BigInt(nanosecond)) / 1_000_000_000n;
  const seconds = Number(epochSecond);
  const days = Math.floor(seconds / 86_400);
  const ofDay = seconds - days * 86_400;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return {
    year,
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
    hour: Math.floor(ofDay / 3600),
    minute: Math.floor(ofDay / 60) % 60,
    second: ofDay % 60,
    nanosecond,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearday: days - daysOfCivil(year, 1, 1) + 1,
    epochSecond,
  };
}

/** ISO 8601 week number and the year it belongs to. */
function isoWeek(c: Civil): { year: number; week: number } {
  const weekday = c.weekday === 0 ? 7 : c.weekday;
  const week = Math.floor((c.yearday - weekday + 10) / 7);
  if (week < 1) {
    const before = c.year - 1;
    const yearday = c.yearday + (isLeap(before) ? 366 : 365);
    return { year: before, week: Math.floor((yearday - weekday + 10) / 7) };
  }
  const isNext = week === 53 && c.yearday - weekday + 4 > (isLeap(c.year) ? 366 : 365);
  return isNext ? { year: c.year + 1, week: 1 } : { year: c.year, week };
}

/** A number with its usual padding: width and the character it is filled with. */
type Numeric = readonly [value: number, width: number, pad?: ' '];

const NUMBERS: Readonly<Record<string, (c: Civil) => Numeric>> = {
  Y: (c) => [c.year, 4],
  C: (c) => [Math.floor(c.year / 100), 2],
  y: (c) => [((c.year % 100) + 100) % 100, 2],
  q: (c) => [Math.floor((c.month - 1) / 3) + 1, 1],
  m: (c) => [c.month, 2],
  d: (c) => [c.day, 2],
  e: (c) => [c.day, 2, ' '],
  w: (c) => [c.weekday, 1],
  u: (c) => [c.weekday === 0 ? 7 : c.weekday, 1],
  U: (c) => [Math.floor((c.yearday + 6 - c.weekday) / 7), 2],
  W: (c) => [Math.floor((c.yearday + 6 - ((c.weekday + 6) % 7)) / 7), 2],
  G: (c) => [isoWeek(c).year, 4],
  g: (c) => [isoWeek(c).year % 100, 2],
  V: (c) => [isoWeek(c).week, 2],
  j: (c) => [c.yearday, 3],
  H: (c) => [c.hour, 2],
  k: (c) => [c.hour, 2, ' '],
  I: (c) => [c.hour % 12 || 12, 2],
  l: (c) => [c.hour % 12 || 12, 2, ' '],
  M: (c) => [c.minute, 2],
  S: (c) => [c.second, 2],
  f: (c) => [c.nanosecond, 9],
  s: (c) => [Number(c.epochSecond), 1],
};

const TEXTS: Readonly<Record<string, (c: Civil) => string>> = {
  B: (c) => MONTHS[c.month - 1] ?? '',
  b: (c) => SHORT_MONTHS[c.month - 1] ?? '',
  h: (c) => SHORT_MONTHS[c.month - 1] ?? '',
  A: (c) => DAYS[c.weekday] ?? '',
  a: (c) => SHORT_DAYS[c.weekday] ?? '',
  p: (c) => (c.hour < 12 ? 'AM' : 'PM'),
  P: (c) => (c.hour < 12 ? 'am' : 'pm'),
  '.f': (c) => fraction(c.nanosecond),
  '.3f': (c) => `.${digits(c.nanosecond, 3)}`,
  '.6f': (c) => `.${digits(c.nanosecond, 6)}`,
  '.9f': (c) => `.${digits(c.nanosecond, 9)}`,
  '3f': (c) => digits(c.nanosecond, 3),
  '6f': (c) => digits(c.nanosecond, 6),
  '9f': (c) => digits(c.nanosecond, 9),
  D: (c) => formatTime(c, '%m/%d/%y'),
  x: (c) => formatTime(c, '%m/%d/%y'),
  F: (c) => formatTime(c, '%Y-%m-%d'),
  v: (c) => formatTime(c, '%e-%b-%Y'),
  R: (c) => formatTime(c, '%H:%M'),
  T: (c) => formatTime(c, '%H:%M:%S'),
  X: (c) => formatTime(c, '%H:%M:%S'),
  r: (c) => formatTime(c, '%I:%M:%S %p'),
  c: (c) => formatTime(c, '%a %b %e %H:%M:%S %Y'),
  '+': (c) => formatTime(c, '%Y-%m-%dT%H:%M:%S%.f+00:00'),
  Z: () => 'UTC',
  z: () => '+0000',
  ':z': () => '+00:00',
  '::z': () => '+00:00:00',
  ':::z': () => '+00',
  t: () => '\t',
  n: () => '\n',
  '%': () => '%',
};

/** The moment in a strftime pattern; an unknown specifier is left as it stands. */
export function formatTime(civil: Civil, pattern: string): string {
  return pattern.replace(
    /%([-_0]?)(\.?[369]?f|:{0,3}z|[A-Za-z%+])/g,
    (found, modifier: string, name: string) => {
      const numeric = NUMBERS[name]?.(civil);
      if (numeric) return padded(numeric, modifier);
      return TEXTS[name]?.(civil) ?? found;
    },
  );
}

function padded([value, width, usual]: Numeric, modifier: string): string {
  if (modifier === '-') return String(value);
  const pad = modifier === '_' ? ' ' : modifier === '0' ? '0' : (usual ?? '0');
  const text = String(Math.abs(value)).padStart(width, pad);
  return value < 0 ? `-${text}` : text;
}

function digits(nanosecond: number, count: number): string {
  return String(nanosecond).padStart(9, '0').slice(0, count);
}

/** Nothing, or as many groups of three digits as the fraction needs. */
function fraction(nanosecond: number): string {
  if (nanosecond === 0) return '';
  if (nanosecond % 1_000_000 === 0) return `.${digits(nanosecond, 3)}`;
  if (nanosecond % 1_000 === 0) return `.${digits(nanosecond, 6)}`;
  return `.${digits(nanosecond, 9)}`;
}

const SPANS: readonly (readonly [ns: bigint, unit: string])[] = [
  [31_557_600_000_000_000n, 'year'],
  [2_630_016_000_000_000n, 'month'],
  [86_400_000_000_000n, 'day'],
  [3_600_000_000_000n, 'h'],
  [60_000_000_000n, 'm'],
  [1_000_000_000n, 's'],
  [1_000_000n, 'ms'],
  [1_000n, 'us'],
  [1n, 'ns'],
];

/** humantime's text: `1year 3days 8h 58s`, `0s`; a minus in front of a negative span. */
export function formatHumantime(ns: bigint): string {
  let rest = ns < 0n ? -ns : ns;
  const parts: string[] = [];
  for (const [size, unit] of SPANS) {
    const count = rest / size;
    rest %= size;
    if (count > 0n) parts.push(`${count}${unit}${unit.length > 2 && count > 1n ? 's' : ''}`);
  }
  return `${ns < 0n ? '-' : ''}${parts.join(' ') || '0s'}`;
}
