/**
 * Scheduling constraints of a message (`msg:set_scheduling`): not before `first_attempt`, only in
 * a weekly window, not after `expires`. Whoever sets a due time passes it through `adjustDue`.
 *
 * Source: KumoMTA `scheduling.rs`; reference `queues-delivery.md` §3.9, `lua-api.md` §4.4.
 */
import { DAYS, SHORT_DAYS } from '../base/calendar-names.ts';
import type { EpochMs } from '../base/clock.ts';
import { zonedParts, zonedToEpoch } from '../base/time-zone.ts';
import { describeNumber, type JsonObject, type JsonValue } from './json.ts';

export interface Scheduling {
  readonly restriction: {
    /** Names as given, comma separated. */
    readonly dow: string;
    /** IANA time zone. */
    readonly tz: string;
    /** `HH:MM:SS`, inclusive. */
    readonly start: string;
    /** `HH:MM:SS`, exclusive. */
    readonly end: string;
  } | null;
  readonly firstAttemptMs: EpochMs | null;
  readonly expiresMs: EpochMs | null;
  /** RFC 3339 as given, for printing. */
  readonly firstAttemptText: string | null;
  readonly expiresText: string | null;
}

const RESTRICTION_KEYS = ['dow', 'tz', 'start', 'end'] as const;
const MS_PER_DAY = 86_400_000;
/** KumoMTA looks this many days ahead for a permitted one. */
const DAY_ITERATION_COUNT_MAX = 8;

/**
 * The constraints that a table or a header asked for; null when it asks for none.
 *
 * @throws {Error} with the text that KumoMTA's decoder gives (its callers add the context)
 */
export function parseScheduling(fields: JsonObject): Scheduling | null {
  const given = new Map<string, string>();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== null) given.set(key, checkField(key, value));
  }
  if (given.size === 0) return null;
  const firstAttempt = given.get('first_attempt') ?? null;
  const expires = given.get('expires') ?? null;
  return {
    restriction: parseRestriction(given),
    firstAttemptMs: firstAttempt === null ? null : parseMoment(firstAttempt).epochMs,
    firstAttemptText: firstAttempt,
    expiresMs: expires === null ? null : parseMoment(expires).epochMs,
    expiresText: expires,
  };
}

/** As KumoMTA writes it: only what is set, days and moments normalised (`+00:00` becomes `Z`). */
export function schedulingToJson(scheduling: Scheduling): JsonObject {
  const { restriction, firstAttemptText, expiresText } = scheduling;
  return {
    ...(restriction === null ? {} : { ...restriction, dow: daysText(restriction.dow) }),
    ...(firstAttemptText === null ? {} : { first_attempt: momentText(firstAttemptText, 'T', 'Z') }),
    ...(expiresText === null ? {} : { expires: momentText(expiresText, 'T', 'Z') }),
  };
}

/** `2026-01-02 03:04:05 +00:00`: how an Expiration names the moment. */
export function expiresDisplay(scheduling: Scheduling): string {
  return scheduling.expiresText === null
    ? ''
    : momentText(scheduling.expiresText, ' ', ' +00:00').replace(/(?<! )([+-]\d\d:\d\d)$/, ' $1');
}

/**
 * The earliest moment at or after `dueMs` that the constraints permit. When no permitted day is
 * found within a week, the result is the start of the window eight days on, as in KumoMTA.
 */
export function adjustDue(scheduling: Scheduling | null, dueMs: EpochMs): EpochMs {
  if (scheduling === null) return dueMs;
  const raised = Math.max(dueMs, scheduling.firstAttemptMs ?? -Infinity);
  const { restriction } = scheduling;
  if (restriction === null) return raised;
  const days = parseDays(restriction.dow);
  const startMs = timeOfDayMs(restriction.start);
  const endMs = timeOfDayMs(restriction.end);
  let at = raised;
  for (let i = 0; i < DAY_ITERATION_COUNT_MAX; i++) {
    const local = zonedParts(at, restriction.tz);
    if (days.has(local.weekday)) {
      if (local.msOfDay < startMs) return zonedToEpoch(local.dayMs + startMs, restriction.tz);
      if (local.msOfDay < endMs) return at;
    }
    at = zonedToEpoch(local.dayMs + MS_PER_DAY + startMs, restriction.tz);
  }
  return at;
}

function checkField(key: string, value: JsonValue): string {
  const nested = (check: (text: string) => void): string => {
    if (typeof value !== 'string') {
      throw new Error(`${key}: deserialize error: ${wrongType(value)}, expected a string`);
    }
    try {
      check(value);
    } catch (error) {
      throw new Error(`${key}: deserialize error: ${(error as Error).message}`, { cause: error });
    }
    return value;
  };
  switch (key) {
    case 'dow':
      return nested(parseDays);
    case 'tz':
      return nested(checkZone);
    case 'start':
    case 'end':
      return nested(timeOfDayMs);
    case 'first_attempt':
    case 'expires':
      return nested(parseMoment);
    default:
      throw new Error(`invalid field name ${key}`);
  }
}

function parseRestriction(given: ReadonlyMap<string, string>): Scheduling['restriction'] {
  const missing = RESTRICTION_KEYS.filter((key) => !given.has(key));
  if (missing.length === RESTRICTION_KEYS.length) return null;
  if (missing.length > 0) {
    throw new Error(
      'scheduling restrictions requires all restriction fields to be present. ' +
        `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    );
  }
  const [dow, tz, start, end] = RESTRICTION_KEYS.map((key) => given.get(key) ?? '') as [
    string,
    string,
    string,
    string,
  ];
  if (timeOfDayMs(start) > timeOfDayMs(end)) {
    throw new Error(
      "'start' must be before 'end' and define a time window within a given day. " +
        `start=${clockText(start)}, end=${clockText(end)}`,
    );
  }
  return { dow, tz, start, end };
}

/** Day numbers, 0 = Sunday. Full names or their first three letters, in any case, no blanks. */
function parseDays(text: string): Set<number> {
  return new Set(
    text.split(',').map((name) => {
      const lower = name.toLowerCase();
      const isNamed = (full: string): boolean => full.toLowerCase() === lower;
      const day = Math.max(DAYS.findIndex(isNamed), SHORT_DAYS.findIndex(isNamed));
      if (day < 0) throw new Error(`invalid day '${name}'`);
      return day;
    }),
  );
}

/** `Mon,Wed`: the short names in the order of the week, which begins on Monday. */
function daysText(text: string): string {
  const days = [...parseDays(text)].sort((a, b) => ((a + 6) % 7) - ((b + 6) % 7));
  return days.map((day) => SHORT_DAYS[day]).join(',');
}

function checkZone(text: string): void {
  try {
    zonedParts(0, text);
  } catch (error) {
    throw new Error(`failed to parse timezone: '${text}'`, { cause: error });
  }
}

function timeOfDayMs(text: string): number {
  const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?$/.exec(text.trim());
  if (!match) throw new Error(chronoTrouble(text, /^\d{1,2}(:(\d{1,2}(:(\d{1,2})?)?)?)?$/));
  const [hour, minute, second] = [match[1], match[2], match[3] ?? '0'].map(Number) as [
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 60) throw new Error('input is out of range');
  const fraction = Number(`0.${match[4] ?? '0'}`);
  return ((hour * 60 + minute) * 60 + second + fraction) * 1000;
}

function clockText(text: string): string {
  return /^\d{1,2}:\d{1,2}$/.test(text) ? `${text}:00` : text;
}

const MOMENT =
  /^([+-]?\d{4,6})-(\d{2})-(\d{2})([Tt ])(\d{2}):(\d{2}):(\d{2})(\.\d+)?\s*([Zz]|[+-]\d{2}:?\d{2})$/;
const MOMENT_BEGUN =
  /^[+-]?\d{0,6}(-(\d{0,2}(-(\d{0,2}([Tt ](\d{0,2}(:(\d{0,2}(:(\d{0,2}(\.\d*)?\s*([+-][\d:]{0,5})?)?)?)?)?)?)?)?)?)?)?$/;

/**
 * An RFC 3339 moment, with the liberties that chrono takes.
 * @throws {Error} in chrono's words
 */
export function parseMoment(text: string): { readonly epochMs: EpochMs } {
  const match = MOMENT.exec(text.trim());
  if (!match) throw new Error(chronoTrouble(text, MOMENT_BEGUN));
  const [, year, month, day, , hour, minute, second, fraction = '', zone = 'Z'] = match;
  const numbers = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [y, mo, d, h, mi, s] = numbers;
  const date = new Date(Date.UTC(y, mo - 1, d));
  const isDate = mo >= 1 && mo <= 12 && date.getUTCDate() === d && date.getUTCMonth() === mo - 1;
  if (!isDate || h > 23 || mi > 59 || s > 60) throw new Error('input is out of range');
  const local = Date.UTC(y, mo - 1, d, h, mi, s) + Number(`0${fraction}`) * 1000;
  return { epochMs: local - zoneOffsetMs(zone) };
}

function zoneOffsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

/** Writes a moment again with another separator, and another word for the zero offset. */
function momentText(text: string, separator: string, zero: string): string {
  const match = MOMENT.exec(text.trim());
  if (!match) return text;
  const [, year, month, day, , hour, minute, second, fraction = '', zone = 'Z'] = match;
  const offset =
    zoneOffsetMs(zone) === 0
      ? zero
      : `${zone.slice(0, 3)}:${zone.slice(1).replace(':', '').slice(2)}`;
  return `${year}-${month}-${day}${separator}${hour}:${minute}:${second}${fraction}${offset}`;
}

/** The words in which chrono says what is wrong with a text. */
function chronoTrouble(text: string, begun: RegExp): string {
  return begun.test(text.trim()) ? 'premature end of input' : 'input contains invalid characters';
}

function wrongType(value: JsonValue): string {
  if (typeof value === 'boolean') return `invalid type: boolean \`${value}\``;
  const number = describeNumber(value);
  if (number !== undefined) return `invalid type: ${number}`;
  return `invalid type: ${Array.isArray(value) ? 'sequence' : 'map'}`;
}
