import { expect, test } from 'vitest';
import { Token } from '../../../engine/api/token.ts';
import type { Clock } from '../../../engine/base/clock.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { SeededRandom } from '../../../engine/base/random.ts';

function at(now: () => number): Clock {
  const clock = new SystemClock();
  return {
    now,
    monotonic: () => clock.monotonic(),
    sleep: clock.sleep.bind(clock),
    timer: clock.timer.bind(clock),
  };
}

test('Token matches only itself, as a bearer', () => {
  const token = new Token(
    at(() => 0),
    new SeededRandom(1),
  );
  expect(token.matchesHeader(`Bearer ${token.text}`)).toBe(true);
  expect(token.matchesHeader(token.text)).toBe(false);
  expect(token.matchesHeader('Bearer ')).toBe(false);
  expect(token.matchesHeader(undefined)).toBe(false);
  expect(token.matches(`${token.text}x`)).toBe(false);
});

test('a signed link is good for its path, its query and ten minutes', () => {
  let now = 1_000_000;
  const token = new Token(
    at(() => now),
    new SeededRandom(1),
  );
  const { url } = token.sign('/api/v1/links/part?seq=7');
  expect(token.isSigned(url)).toBe(true);
  expect(token.isSigned(url.replace('seq=7', 'seq=8'))).toBe(false);
  expect(token.isSigned(url.replace(/expires=\d+/, 'expires=99999999999'))).toBe(false);
  expect(token.isSigned(`${url}&x=1`)).toBe(false);
  now += 10 * 60_000 + 1;
  expect(token.isSigned(url)).toBe(false);
});
