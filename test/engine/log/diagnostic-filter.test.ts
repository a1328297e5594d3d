import { expect, test } from 'vitest';
import { parseDiagnosticFilter } from '../../../engine/log/diagnostic-filter.ts';

test.each([
  ['kumod=debug', 'debug'],
  ['info', 'info'],
  ['WARN,kumod=trace', 'trace'],
  ['kumod=3', 'info'],
  ['hyper=debug', 'error'],
  ['kumod', 'trace'],
  ['kumod[span{a=1}]=warn', 'warn'],
  ['', 'error'],
])('%j means %s', (text, level) => {
  expect(parseDiagnosticFilter(text)).toBe(level);
});

test('a bad level is refused as recorded', () => {
  const bad =
    'error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5';
  expect(() => parseDiagnosticFilter('kumod=!!bad')).toThrow(
    `parsing log filter 'kumod=!!bad': ${bad}: ${bad}`,
  );
});
