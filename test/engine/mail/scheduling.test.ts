import { describe, expect, it } from 'vitest';
import {
  adjustDue,
  expiresDisplay,
  parseScheduling,
  schedulingToJson,
} from '../../../engine/mail/scheduling.ts';
import type { JsonObject } from '../../../engine/mail/json.ts';

function errorOf(fields: JsonObject): string {
  try {
    parseScheduling(fields);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

const window = { dow: 'Mon,Tue', tz: 'Europe/Berlin', start: '09:00:00', end: '17:00:00' };

describe('parseScheduling()', () => {
  it('gives null for nothing', () => {
    expect(parseScheduling({})).toBeNull();
    expect(parseScheduling({ first_attempt: null })).toBeNull();
  });

  it.each<[JsonObject, string]>([
    [{ when: 'now' }, 'invalid field name when'],
    [
      { dow: 'Mon', start: '09:00:00' },
      'scheduling restrictions requires all restriction fields to be present. tz, end are missing',
    ],
    [
      { dow: 'Mon', start: '09:00:00', end: '10:00:00' },
      'scheduling restrictions requires all restriction fields to be present. tz is missing',
    ],
    [{ ...window, dow: 'Mon,Funday' }, "dow: deserialize error: invalid day 'Funday'"],
    [{ ...window, dow: 'Mon, Tue' }, "dow: deserialize error: invalid day ' Tue'"],
    [
      { ...window, start: '17:00:00', end: '09:00:00' },
      "'start' must be before 'end' and define a time window within a given day. start=17:00:00, end=09:00:00",
    ],
    [
      { ...window, tz: 'Mars/Base' },
      "tz: deserialize error: failed to parse timezone: 'Mars/Base'",
    ],
    [{ ...window, start: '25:00:00' }, 'start: deserialize error: input is out of range'],
    [{ ...window, start: 'nine' }, 'start: deserialize error: input contains invalid characters'],
    [
      { first_attempt: 'tomorrow' },
      'first_attempt: deserialize error: input contains invalid characters',
    ],
    [{ expires: '2035-01-01' }, 'expires: deserialize error: premature end of input'],
    [{ expires: '2035-02-30T00:00:00Z' }, 'expires: deserialize error: input is out of range'],
  ])('refuses %j', (fields, message) => {
    expect(errorOf(fields)).toBe(message);
  });

  it('accepts day names in any case, in full or as three letters', () => {
    expect(errorOf({ ...window, dow: 'MONDAY,tue,Wed' })).toBe('no error');
  });
});

describe('schedulingToJson() and expiresDisplay()', () => {
  it.each([
    ['2035-01-01T00:00:00Z', '2035-01-01T00:00:00Z', '2035-01-01 00:00:00 +00:00'],
    ['2035-01-01T00:00:00+00:00', '2035-01-01T00:00:00Z', '2035-01-01 00:00:00 +00:00'],
    ['2035-01-01 01:30:00.5+0130', '2035-01-01T01:30:00.5+01:30', '2035-01-01 01:30:00.5 +01:30'],
  ])('print %s', (given, json, display) => {
    const scheduling = parseScheduling({ expires: given });
    expect(scheduling && schedulingToJson(scheduling)).toEqual({ expires: json });
    expect(scheduling && expiresDisplay(scheduling)).toBe(display);
  });

  it('keep the window as given, the days in their short names', () => {
    const scheduling = parseScheduling(window);
    expect(scheduling && schedulingToJson(scheduling)).toEqual(window);
    const days = parseScheduling({ ...window, dow: 'sunday,WED,Monday' });
    expect(days && schedulingToJson(days)).toEqual({ ...window, dow: 'Mon,Wed,Sun' });
  });
});

describe('adjustDue()', () => {
  const at = (text: string): number => Date.parse(text);
  const adjusted = (fields: JsonObject, due: string): string =>
    new Date(adjustDue(parseScheduling(fields), at(due))).toISOString();

  it('leaves a due time alone without constraints', () => {
    expect(adjustDue(null, 123.5)).toBe(123.5);
  });

  it('raises it to first_attempt, never lowers it', () => {
    const fields = { first_attempt: '2026-01-05T10:00:00Z' };
    expect(adjusted(fields, '2026-01-05T09:00:00Z')).toBe('2026-01-05T10:00:00.000Z');
    expect(adjusted(fields, '2026-01-05T11:00:00Z')).toBe('2026-01-05T11:00:00.000Z');
  });

  it.each([
    ['before the window', '2026-01-05T05:00:00Z', '2026-01-05T08:00:00.000Z'],
    ['at its first moment', '2026-01-05T08:00:00Z', '2026-01-05T08:00:00.000Z'],
    ['inside', '2026-01-05T12:34:56.789Z', '2026-01-05T12:34:56.789Z'],
    ['at its end, which is outside', '2026-01-05T16:00:00Z', '2026-01-06T08:00:00.000Z'],
    ['after the last day of the week', '2026-01-06T16:00:00Z', '2026-01-12T08:00:00.000Z'],
    ['on a day in between', '2026-01-08T12:00:00Z', '2026-01-12T08:00:00.000Z'],
    ['on the day before, late by the zone', '2026-01-04T23:30:00Z', '2026-01-05T08:00:00.000Z'],
  ])('moves into the weekly window: %s', (_, due, expected) => {
    expect(adjusted(window, due)).toBe(expected);
  });

  it('follows the zone over a change of the clocks', () => {
    expect(adjusted({ ...window, dow: 'Mon' }, '2026-03-29T12:00:00Z')).toBe(
      '2026-03-30T07:00:00.000Z',
    );
  });

  it('applies the window after first_attempt', () => {
    const fields = { ...window, first_attempt: '2026-01-07T10:00:00Z' };
    expect(adjusted(fields, '2026-01-05T09:00:00Z')).toBe('2026-01-12T08:00:00.000Z');
  });
});
