/**
 * Wall-clock time in IANA time zones, by the zone data that Node carries.
 *
 * A local moment is written as the milliseconds a UTC clock would show at the same date and time
 * (`dayMs` is its midnight).
 */
import type { EpochMs } from './clock.ts';

export interface ZonedParts {
  /** Local midnight of that day, as if it were UTC. */
  readonly dayMs: number;
  /** Milliseconds since local midnight by the wall clock. */
  readonly msOfDay: number;
  /** 0 = Sunday. */
  readonly weekday: number;
}

const MS_PER_DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws {RangeError} if there is no such zone */
export function zonedParts(epochMs: EpochMs, zone: string): ZonedParts {
  const local = wallClockMs(epochMs, zone);
  const dayMs = Math.floor(local / MS_PER_DAY) * MS_PER_DAY;
  return { dayMs, msOfDay: local - dayMs, weekday: new Date(dayMs).getUTCDay() };
}

/**
 * The moment at which the zone's wall clock shows `localMs`. A time that a change of the clocks
 * skips gives the moment after the change; one that happens twice gives the first.
 */
export function zonedToEpoch(localMs: number, zone: string): EpochMs {
  const before = localMs - (wallClockMs(localMs - MS_PER_DAY, zone) - (localMs - MS_PER_DAY));
  if (wallClockMs(before, zone) === localMs) return before;
  const after = localMs - (wallClockMs(localMs + MS_PER_DAY, zone) - (localMs + MS_PER_DAY));
  return wallClockMs(after, zone) === localMs ? after : before;
}

function wallClockMs(epochMs: EpochMs, zone: string): number {
  const parts = new Map<string, number>();
  for (const { type, value } of formatFor(zone).formatToParts(epochMs)) {
    parts.set(type, Number(value));
  }
  const get = (type: string): number => parts.get(type) ?? 0;
  const seconds = Date.UTC(
    get('year'),
    get('month') - 1,
    get('day'),
    get('hour'),
    get('minute'),
    get('second'),
  );
  return seconds + (((epochMs % 1000) + 1000) % 1000);
}

function formatFor(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return format;
}
