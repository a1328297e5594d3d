/**
 * `datetimeformat`, `timeformat` and `dateformat` of minijinja_contrib: named formats, or a format
 * description in brackets, in the zone of `tz` or of the variable `TIMEZONE`.
 */
import { DAYS, MONTHS } from '../../base/calendar-names.ts';
import type { Args, CallContext, Filter } from './call.ts';
import { Fault } from './fault.ts';
import { isList, isText, numberOf, textOf } from './value.ts';
import type { Value } from './value.ts';

export const DATE_FILTERS: Readonly<Record<string, Filter>> = {
  datetimeformat: (value, args, context) =>
    format(value, args, context, { variable: 'DATETIME_FORMAT', formats: DATETIME, dates: false }),
  timeformat: (value, args, context) =>
    format(value, args, context, { variable: 'TIME_FORMAT', formats: TIME, dates: false }),
  dateformat: (value, args, context) =>
    format(value, args, context, { variable: 'DATE_FORMAT', formats: DATE, dates: true }),
};

const ISO =
  '[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]';

const DATETIME: Readonly<Record<string, string>> = {
  short: '[year]-[month]-[day] [hour]:[minute]',
  medium: '[month repr:short] [day padding:none] [year] [hour]:[minute]',
  long: '[month repr:long] [day padding:none] [year] [hour]:[minute]:[second]',
  full: '[weekday], [month repr:long] [day padding:none] [year] [hour]:[minute]:[second].[subsecond]',
  iso: ISO,
  unix: '[unix_timestamp]',
};

const TIME: Readonly<Record<string, string>> = {
  short: '[hour]:[minute]',
  medium: '[hour]:[minute]',
  long: '[hour]:[minute]:[second]',
  full: '[hour]:[minute]:[second].[subsecond]',
  iso: ISO,
  unix: '[unix_timestamp]',
};

const DATE: Readonly<Record<string, string>> = {
  short: '[year]-[month]-[day]',
  medium: '[month repr:short] [day padding:none] [year]',
  long: '[month repr:long] [day padding:none] [year]',
  full: '[weekday], [month repr:long] [day padding:none] [year]',
};

/** A moment with the wall clock it is shown in. */
interface Moment {
  readonly epochMs: number;
  readonly offsetMinutes: number;
  readonly hasTime: boolean;
}

function format(
  value: Value,
  args: Args,
  context: CallContext,
  kind: { variable: string; formats: Readonly<Record<string, string>>; dates: boolean },
): Value {
  const moment = inZone(momentOf(value), zoneName(args, context));
  if (!moment.hasTime && !kind.dates) {
    throw new Fault('operation', 'filter requires time, but only received a date');
  }
  const configured = context.lookup(kind.variable);
  const wanted =
    args.text(0, 'format') ?? (isText(configured) ? textOf(configured) : undefined) ?? 'medium';
  const description = kind.formats[wanted] ?? wanted;
  return description.replace(/\[\[|\[([^\]]*)\]/g, (whole, component?: string) =>
    component === undefined ? whole.slice(1) : writeComponent(component, moment),
  );
}

function zoneName(args: Args, context: CallContext): string | undefined {
  const configured = context.lookup('TIMEZONE');
  const name = args.keyword.get('tz') ?? configured;
  return isText(name) && textOf(name) !== 'original' ? textOf(name) : undefined;
}

const ISO_TEXT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

function momentOf(value: Value): Moment {
  const number = isText(value) || isList(value) ? undefined : numberOf(value);
  if (number !== undefined) {
    return { epochMs: number * 1000, offsetMinutes: 0, hasTime: true };
  }
  if (!isText(value)) throw new Fault('operation', 'value is not a datetime');
  const match = ISO_TEXT.exec(textOf(value));
  if (!match) throw new Fault('operation', 'not a valid date or timestamp');
  const [, year, month, day, hour, minute = '0', second = '0', fraction = '0', zone] = match;
  const offsetMinutes = parseOffset(zone);
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour ?? '0'),
    Number(minute),
    Number(second),
  );
  return {
    epochMs: local + Number(`0.${fraction}`) * 1000 - offsetMinutes * 60_000,
    offsetMinutes,
    hasTime: hour !== undefined,
  };
}

function parseOffset(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '');
  if (!match) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

function inZone(moment: Moment, zone: string | undefined): Moment {
  if (zone === undefined || !moment.hasTime) return moment;
  return { ...moment, offsetMinutes: offsetOf(zone, moment.epochMs) };
}

function offsetOf(zone: string, epochMs: number): number {
  let parts: Intl.DateTimeFormatPart[];
  try {
    const formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      timeZoneName: 'longOffset',
    });
    parts = formatter.formatToParts(new Date(epochMs));
  } catch {
    throw new Fault('operation', `unknown timezone '${zone}'`);
  }
  const name = parts.find((p) => p.type === 'timeZoneName')?.value ?? '';
  return parseOffset(name.replace('GMT', ''));
}

function writeComponent(component: string, moment: Moment): string {
  const [name = '', ...modifiers] = component.trim().split(/\s+/);
  const options = new Map(modifiers.map((m) => m.split(':') as [string, string]));
  const local = new Date(moment.epochMs + moment.offsetMinutes * 60_000);
  const pad = (value: number, width = 2): string => {
    const padding = options.get('padding');
    if (padding === 'none') return String(value);
    return String(value).padStart(width, padding === 'space' ? ' ' : '0');
  };
  const word = (names: readonly string[], index: number): string => {
    const full = names[index] ?? '';
    return options.get('repr') === 'short' ? full.slice(0, 3) : full;
  };
  switch (name) {
    case 'year':
      return options.get('repr') === 'last_two'
        ? pad(local.getUTCFullYear() % 100)
        : pad(local.getUTCFullYear(), 4);
    case 'month':
      return options.has('repr') && options.get('repr') !== 'numerical'
        ? word(MONTHS, local.getUTCMonth())
        : pad(local.getUTCMonth() + 1);
    case 'day':
      return pad(local.getUTCDate());
    case 'weekday':
      return word(DAYS, local.getUTCDay());
    case 'hour':
      return pad(
        options.get('repr') === '12' ? local.getUTCHours() % 12 || 12 : local.getUTCHours(),
      );
    case 'minute':
      return pad(local.getUTCMinutes());
    case 'second':
      return pad(local.getUTCSeconds());
    case 'period':
      return local.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'subsecond':
      return subsecond(moment.epochMs);
    case 'offset_hour':
      return offsetHour(moment.offsetMinutes, options.get('sign') === 'mandatory');
    case 'offset_minute':
      return pad(Math.abs(moment.offsetMinutes) % 60);
    case 'unix_timestamp':
      return String(Math.floor(moment.epochMs / 1000));
    default:
      throw new Fault('operation', 'invalid format string');
  }
}

function subsecond(epochMs: number): string {
  const fraction = epochMs / 1000 - Math.floor(epochMs / 1000);
  return fraction.toFixed(6).slice(2).replace(/0+$/, '') || '0';
}

function offsetHour(minutes: number, isSigned: boolean): string {
  const sign = minutes < 0 ? '-' : isSigned ? '+' : '';
  return sign + String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0');
}
