import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { SettingsView } from '../../../engine/api/settings-view.ts';
import { DEFAULT_SETTINGS, environmentSettings } from '../../../engine/workspace/settings.ts';

test('variables say settings, in the words of a shell', () => {
  const said = environmentSettings({
    POSTYARD_SMTP: '127.0.0.1:2025',
    POSTYARD_CAPTURE_LEAVING: 'off',
    POSTYARD_OFFER_START_TLS: '1',
    POSTYARD_OPEN_HOSTS: 'mx.example, 10.0.0.0/8',
    POSTYARD_KEEP_DAYS: '2.5',
    POSTYARD_UI: '',
    POSTYARD_TOKEN: 'not a setting',
  });
  expect(said).toEqual({
    smtp: '127.0.0.1:2025',
    captureLeaving: false,
    offerStartTls: true,
    openHosts: ['mx.example', '10.0.0.0/8'],
    keepDays: 2.5,
  });
});

test.each([
  ['POSTYARD_SMTP', '2025', /POSTYARD_SMTP: found "2025", expected IP:PORT/],
  ['POSTYARD_CAPTURE_LEAVING', 'perhaps', /POSTYARD_CAPTURE_LEAVING: found "perhaps"/],
  ['POSTYARD_KEEP_BYTES', 'much', /POSTYARD_KEEP_BYTES: found "much", expected a number/],
])('%s=%s is refused with both', (name, text, wanted) => {
  expect(() => environmentSettings({ [name]: text })).toThrow(wanted);
});

test('a variable wins over the file, and the window is told so', () => {
  const folder = mkdtempSync(join(tmpdir(), 'postyard-settings-'));
  const file = join(folder, 'postyard.json');
  writeFileSync(file, '{ "keepDays": 3, "captureLeaving": true }');
  vi.stubEnv('POSTYARD_CAPTURE_LEAVING', 'false');
  try {
    const view = new SettingsView({
      file,
      remaps: () => [],
      kept: () => ({ usedBytes: 0, removedTransactions: 0, removedBytes: 0 }),
      reach: 'own',
      current: () => DEFAULT_SETTINGS,
    });
    expect(view.read().values).toMatchObject({ keepDays: 3, captureLeaving: false });
    expect(view.read().environment).toEqual({ captureLeaving: 'POSTYARD_CAPTURE_LEAVING' });
    expect(() => view.change({ name: 'captureLeaving', value: true })).toThrow(
      'Cannot change captureLeaving: POSTYARD_CAPTURE_LEAVING in the environment wins over postyard.json',
    );
    expect(view.change({ name: 'keepDays', value: 4 }).values.keepDays).toBe(4);
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});
