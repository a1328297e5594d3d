import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  DEFAULT_SETTINGS,
  checkSetting,
  loadSettings,
} from '../../../engine/workspace/settings.ts';

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

test.each([
  ['"smtp": "127.0.0.1:99999"', /:1:11: smtp: found "127\.0\.0\.1:99999", expected IP:PORT/],
  ['"smtp": "foo:25"', /smtp: found "foo:25", expected IP:PORT such as 127\.0\.0\.1:1025/],
  ['"http": "[::2:zz]:25"', /http: found .*, expected IP:PORT/],
  ['"smtp": "0.0.0.0:1025"', /smtp: found 0\.0\.0\.0:1025, which other machines reach, expected a/],
  ['"ui": "127.0.0.1:1025"', /ui: found 127\.0\.0\.1:1025 as for smtp, expected another one/],
])('loadSettings() refuses addresses at which nothing could listen: %s', (entry, problem) => {
  expect(load(`{ ${entry} }`).problem).toMatch(problem);
});

test('loadSettings() takes addresses that a start takes', () => {
  expect(load('{ "smtp": "127.0.0.1:0", "ui": "127.0.0.1:0" }').problem).toBeNull();
  expect(load('{ "smtp": "localhost:1025", "ui": "localhost:8025" }').problem).toBeNull();
  expect(load('{ "smtp": "[::1]:25" }').problem).toBeNull();
  const { file } = load('{ "smtp": "0.0.0.0:1025" }');
  expect(loadSettings(file, { reach: 'any' }).problem).toBeNull();
});

test('checkSetting() compares an address with the others', () => {
  const set = (name: 'smtp' | 'ui', value: string) => () =>
    checkSetting(name, value, DEFAULT_SETTINGS, 'own');
  expect(set('smtp', DEFAULT_SETTINGS.ui)).toThrow(
    'Cannot set smtp: found 127.0.0.1:8025 as for ui, expected another one',
  );
  expect(set('smtp', DEFAULT_SETTINGS.smtp)).not.toThrow();
  expect(set('ui', '192.0.2.1:80')).toThrow(/Cannot set ui: found 192\.0\.2\.1:80, which other/);
});
