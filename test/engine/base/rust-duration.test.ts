import { expect, test } from 'vitest';
import { debugDuration } from '../../../engine/base/rust-duration.ts';

test('debugDuration() prints as Rust does', () => {
  const cases: [number, string][] = [
    [0, '0ns'],
    [-3, '0ns'],
    [0.000_5, '500ns'],
    [0.012, '12µs'],
    [0.012_345, '12.345µs'],
    [1, '1ms'],
    [999.998655, '999.998655ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [59_999.5, '59.9995s'],
    [300_000, '300s'],
    [3_600_000.000001, '3600.000000001s'],
  ];
  expect(cases.map(([ms]) => debugDuration(ms))).toEqual(cases.map(([, text]) => text));
});
