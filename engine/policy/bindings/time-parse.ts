/**
 * Reading moments and spans: RFC 3339 with chrono's errors, RFC 5322 dates leniently, humantime
 * spans with humantime's errors. Everything becomes nanoseconds.
 *
 * Source: RFC 3339 §5.6, RFC 5322 §3.3 and §4.3; chrono 0.4, humantime 2.3.
 */
import { monthOfShortName } from '../../base/calendar-names.ts';
import { daysInMonth, daysOfCivil } from './time-format.ts';

const TOO_SHORT = 'premature end of input';
const TOO_LONG = 'trailing input';
const INVALID = 'input contains invalid characters';
const OUT_OF_RANGE = 'input is out of range';

export interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Nanoseconds since the epoch, or `undefined` when there is no such date or time. */
export function epochNsOf(parts: DateParts, nanosecond = 0, offsetSeconds = 0): bigint | undefined {
  const { year, month, day, hour, minute, second } = parts;
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
  const isTime = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
  if (!isDate || !isTime || Math.abs(year) > 262_142) return undefined;
  const days = daysOfCivil(year, month, day);
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offsetSeconds;
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanosecond);
}

/** @throws {Error} chrono's sentence for what is wrong */
export function parseRfc3339(text: string): bigint {
  if (text.length < 19) throw new Error(TOO_SHORT);
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)/.exec(text);
  if (!match) throw new Error(INVALID);
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  let rest = text.slice(19);
  const fraction = /^\.(\d*)/.exec(rest);
  if (fraction?.[1] === '') throw new Error(rest.length === 1 ? TOO_SHORT : INVALID);
  const nanosecond = Number((fraction?.[1] ?? '').slice(0, 9).padEnd(9, '0'));
  rest = rest.slice(fraction?.[0].length ?? 0);
  if (rest === '') throw new Error(TOO_SHORT);
  const offset = /^(?:[Zz]|([+-])(\d\d):(\d\d))/.exec(rest);
  if (!offset) throw new Error(/^[+-]\d{0,2}:?\d?$/.test(rest) ? TOO_SHORT : INVALID);
  if (rest.length > offset[0].length) throw new Error(TOO_LONG);
  const minutes = Number(offset[2] ?? 0) * 60 + Number(offset[3] ?? 0);
  if (Number(offset[3] ?? 0) > 59 || minutes >= 24 * 60) throw new Error(OUT_OF_RANGE);
  const epochNs = epochNsOf(
    // A leap second is shown as the second before it, with the fraction running on.
    { year, month, day, hour, minute, second: second === 60 ? 59 : second },
    second === 60 ? nanosecond + 1_000_000_000 : nanosecond,
    (offset[1] === '-' ? -60 : 60) * minutes,
  );
  if (epochNs === undefined) throw new Error(OUT_OF_RANGE);
  return epochNs;
}

/** Hours east of Greenwich of the zone names of RFC 5322 §4.3. */
const ZONES: Readonly<Record<string, number>> = {
  ut: 0,
  utc: 0,
  gmt: 0,
  z: 0,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
};

/** A Date header, comments and obsolete forms included. @throws {Error} chrono's sentence */
export function parseRfc2822(text: string): bigint {
  const bare = withoutComments(text).trim();
  if (bare === '') throw new Error(TOO_SHORT);
  const match =
    /^(?:[A-Za-z]+\s*,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,4})\s+(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2}))?(?:\s*(?:([+-])(\d\d):?(\d\d)|([A-Za-z]+)))?$/.exec(
      bare,
    );
  if (!match) throw new Error(INVALID);
  const month = monthOfShortName(match[2] ?? '') + 1;
  const written = Number(match[3]);
  // RFC 5322 §4.3: two digits below 50 are 20xx, other two and three digit years count from 1900.
  const year =
    match[3]?.length === 4
      ? written
      : written < 50 && match[3]?.length === 2
        ? 2000 + written
        : 1900 + written;
  const offsetMinutes =
    match[7] === undefined
      ? 60 * (ZONES[(match[10] ?? 'z').toLowerCase()] ?? 0)
      : (match[7] === '-' ? -1 : 1) * (Number(match[8]) * 60 + Number(match[9]));
  const second = Number(match[6] ?? 0);
  const epochNs = epochNsOf(
    {
      year,
      month,
      day: Number(match[1]),
      hour: Number(match[4]),
      minute: Number(match[5]),
      second: second === 60 ? 59 : second,
    },
    0,
    offsetMinutes * 60,
  );
  if (epochNs === undefined) throw new Error(OUT_OF_RANGE);
  return epochNs;
}

function withoutComments(text: string): string {
  let depth = 0;
  let bare = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '\\' && depth > 0) i++;
    else if (char === '(') depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (depth === 0) bare += char;
  }
  return bare;
}

const SECOND = 1_000_000_000n;
const UNITS: readonly (readonly [names: string, ns: bigint])[] = [
  ['nanos nsec ns', 1n],
  ['usec us µs micros', 1_000n],
  ['millis msec ms', 1_000_000n],
  ['seconds second secs sec s', SECOND],
  ['minutes minute min mins m', 60n * SECOND],
  ['hours hour hr hrs h', 3_600n * SECOND],
  ['days day d', 86_400n * SECOND],
  ['weeks week wk wks w', 604_800n * SECOND],
  ['months month M', 2_630_016n * SECOND],
  ['years year yr yrs y', 31_557_600n * SECOND],
];

const SECONDS_MAX = 2n ** 64n - 1n;
const TOO_LARGE =
  'number is too large or cannot be represented without a lack of precision (values below 1ns are not supported)';

/** Nanoseconds of `1h 30m`. @throws {Error} humantime's sentence for what is wrong */
export function parseHumantime(text: string): bigint {
  if (text === '0') return 0n;
  let at = skipBlanks(text, 0);
  if (at === text.length) throw new Error('value was empty');
  let total = 0n;
  while (at < text.length) {
    const number = /\d[\d\s]*(?<=\d)(?:\.\d+)?/y;
    number.lastIndex = at;
    const digits = number.exec(text)?.[0];
    if (digits === undefined) throw new Error(`expected number at ${byteOffset(text, at)}`);
    at = skipBlanks(text, at + digits.length);
    const unit = /[A-Za-zµ]*/y;
    unit.lastIndex = at;
    const name = unit.exec(text)?.[0] ?? '';
    const next = text[at + name.length];
    if (next !== undefined && !/[\s\d]/.test(next)) {
      throw new Error(`invalid character at ${byteOffset(text, at + name.length)}`);
    }
    total += spanOf(digits.replace(/\s+/g, ''), name);
    if (total / SECOND > SECONDS_MAX) throw new Error(TOO_LARGE);
    at = skipBlanks(text, at + name.length);
  }
  return total;
}

function spanOf(digits: string, name: string): bigint {
  if (name === '') {
    const whole = digits.split('.')[0];
    throw new Error(`time unit needed, for example ${whole}sec or ${whole}ms`);
  }
  const ns = UNITS.find(([names]) => names.split(' ').includes(name))?.[1];
  if (ns === undefined) {
    throw new Error(
      `unknown time unit "${name}", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)`,
    );
  }
  const [whole = '0', fraction = ''] = digits.split('.');
  const scale = 10n ** BigInt(fraction.length);
  return BigInt(whole) * ns + (BigInt(fraction || '0') * ns) / scale;
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (next < text.length && /\s/.test(text[next] ?? '')) next++;
  return next;
}

function byteOffset(text: string, at: number): number {
  return Buffer.byteLength(text.slice(0, at));
}
