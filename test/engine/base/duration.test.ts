import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDurationMs } from '../../../engine/base/duration.ts';

test.each([
  ['20m', 1_200_000],
  ['1h 30m', 5_400_000],
  ['1h30m', 5_400_000],
  ['17 mins', 1_020_000],
  ['500ms', 500],
  ['7days', 604_800_000],
  ['1s 234ms 567us 800ns', 1234.5678],
  ['0', 0],
])('parseDurationMs(%j) is %d', (text, ms) => {
  expect(parseDurationMs(text)).toBeCloseTo(ms, 6);
});

test.each(['', '5', '1.5h', 'm', '-1s', '3 parsecs', '1h-'])(
  'parseDurationMs(%j) is not a duration',
  (text) => {
    expect(parseDurationMs(text)).toBeUndefined();
  },
);

test.each([
  [0, '0s'],
  [1_200_000, '20m'],
  [299_000, '4m 59s'],
  [604_800_000, '7days'],
  [86_400_000, '1day'],
  [1_201_234.5678, '20m 1s 234ms 567us 800ns'],
])('formatDuration(%d) is %j', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('parseDurationMs() reads back what formatDuration() wrote', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (ms) => {
      expect(parseDurationMs(formatDuration(ms))).toBe(ms);
    }),
    { seed: 1 },
  );
});
