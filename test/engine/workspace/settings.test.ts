import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_SETTINGS, loadSettings } from '../../../engine/workspace/settings.ts';

function load(text: string | null) {
  const file = join(mkdtempSync(join(tmpdir(), 'postyard-settings-')), 'postyard.json');
  if (text !== null) writeFileSync(file, text);
  return { file, ...loadSettings(file) };
}

test('loadSettings() gives the defaults when there is no file', () => {
  expect(load(null)).toMatchObject({ settings: DEFAULT_SETTINGS, problem: null });
});

test('loadSettings() accepts comments and overrides single settings', () => {
  const { settings, problem } = load('{\n  // only a week\n  "keepDays": 7 /* days */\n}\n');
  expect(problem).toBeNull();
  expect(settings).toEqual({ ...DEFAULT_SETTINGS, keepDays: 7 });
});

test('loadSettings() names file and line of a syntax error and goes on with the defaults', () => {
  const { file, settings, problem } = load('{\n  "keepDays": 7,\n  "captureLeaving": yes\n}\n');
  expect(settings).toEqual(DEFAULT_SETTINGS);
  expect(problem).toContain(`${file}:3:21: found yes, expected a value`);
});

test('loadSettings() names the line of an unknown or wrong setting', () => {
  expect(load('{\n  "keepDays": 7,\n  "keepWeeks": 1\n}\n').problem).toMatch(
    /:3:3: keepWeeks: found keepWeeks, expected one of acceptAnyAuth, /,
  );
  expect(load('{\n  "keepDays": "seven"\n}\n').problem).toMatch(
    /:2:15: keepDays: found "seven", expected a number/,
  );
});
