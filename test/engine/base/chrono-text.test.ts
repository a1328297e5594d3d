import { describe, expect, it } from 'vitest';
import {
  chronoDebugSpan,
  chronoDebugUtc,
  chronoDisplaySpan,
  chronoDisplayUtc,
} from '../../../engine/base/chrono-text.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5);

describe('chronoDebugUtc()', () => {
  it.each([
    [0, '2026-01-02T03:04:05Z'],
    [120, '2026-01-02T03:04:05.120Z'],
    [120.5, '2026-01-02T03:04:05.120500Z'],
    [0.000_244_140_625, '2026-01-02T03:04:05.000000244Z'],
    [-1, '2026-01-02T03:04:04.999Z'],
  ])('prints %f ms after the second', (ms, text) => {
    expect(chronoDebugUtc(at + ms)).toBe(text);
  });

  it('does not fail on moments beyond what a Date can hold', () => {
    expect(chronoDebugUtc(9e18)).toMatch(/^\+\d+-/);
  });
});

it('chronoDisplayUtc() separates with a space and names the zone', () => {
  expect(chronoDisplayUtc(at + 5)).toBe('2026-01-02 03:04:05.005 UTC');
});

it.each([
  [604_800_123, 'PT604800.123S'],
  [604_800_000, 'PT604800S'],
  [0, 'P0D'],
  [-5000, '-PT5S'],
])('chronoDisplaySpan(%i)', (ms, text) => {
  expect(chronoDisplaySpan(ms)).toBe(text);
});

it.each([
  [30_000, 'TimeDelta { secs: 30, nanos: 0 }'],
  [-500, 'TimeDelta { secs: -1, nanos: 500000000 }'],
])('chronoDebugSpan(%i)', (ms, text) => {
  expect(chronoDebugSpan(ms)).toBe(text);
});
