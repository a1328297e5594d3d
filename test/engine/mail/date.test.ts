import { describe, expect, test } from 'vitest';
import { formatRfc2822, formatRfc3339Ticks, parseRfc2822 } from '../../../engine/mail/date.ts';

const AT = Date.UTC(2015, 0, 5, 10, 0, 0);

test('formatRfc2822() has no leading zero and is UTC', () => {
  expect(formatRfc2822(AT)).toBe('Mon, 5 Jan 2015 10:00:00 +0000');
});

describe('formatRfc3339Ticks()', () => {
  test('has 0, 3, 6 or 9 digits', () => {
    expect(formatRfc3339Ticks(AT, 0)).toBe('2015-01-05T10:00:00Z');
    expect(formatRfc3339Ticks(AT + 7, 0)).toBe('2015-01-05T10:00:00.007Z');
    expect(formatRfc3339Ticks(AT + 123, 456_000)).toBe('2015-01-05T10:00:00.123456Z');
    expect(formatRfc3339Ticks(AT + 123, 456_700)).toBe('2015-01-05T10:00:00.123456700Z');
    expect(formatRfc3339Ticks(AT + 999, 1_000_000)).toBe('2015-01-05T10:00:01Z');
  });
});

describe('parseRfc2822()', () => {
  test.each([
    ['Mon, 05 Jan 2015 10:00:00 +0000', AT],
    ['5 Jan 15 10:00 GMT', AT],
    ['Mon, 5 Jan 2015 11:30:00 +0130 (CEST)', AT],
    ['Mon, 5 Jan 2015 05:00:00 EST', AT],
    ['not a date', undefined],
    ['Mon, 5 Foo 2015 10:00:00 +0000', undefined],
  ])('%s', (text, expected) => {
    expect(parseRfc2822(text)).toBe(expected);
  });
});
