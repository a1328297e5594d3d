/** The workspace's zones: read at start and on save, the last good version of a broken file kept. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ZoneSource } from '../../../engine/dns/zone-source.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { ZonesFolder } from '../../../engine/dns/zones-folder.ts';

let folder: string;
let zones: ZonesFolder | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-zones-'));
});

afterEach(async () => {
  await zones?.close();
  zones = null;
  rmSync(folder, { recursive: true, force: true });
});

async function addressOf(name: string): Promise<string | undefined> {
  const answer = await new ZoneSource(zones?.zones ?? []).query(name, 'A');
  return answer?.records[0]?.value;
}

test('reads *.zone and leaves other files alone', async () => {
  writeFileSync(join(folder, 'a.test.zone'), '@ A 127.0.0.1\n');
  writeFileSync(join(folder, 'other.zone'), '$ORIGIN b.test.\n@ A 127.0.0.2\n');
  writeFileSync(join(folder, 'notes.txt'), 'not a zone');
  zones = await ZonesFolder.open(folder, null);
  expect(zones.zones.map((zone) => zone.label)).toEqual(['zones/a.test.zone', 'zones/other.zone']);
  expect(await addressOf('a.test.')).toBe('127.0.0.1');
  expect(await addressOf('b.test.')).toBe('127.0.0.2');
  expect(zones.problems).toEqual([]);
});

test('reads again on save, keeps the last good version, forgets removed files', async () => {
  const file = join(folder, 'a.test.zone');
  writeFileSync(file, '@ A 127.0.0.1\n');
  zones = await ZonesFolder.open(folder, new SystemClock({ keepAlive: false }));
  const changed = vi.fn();
  zones.onChange(changed);

  writeFileSync(file, '@ A 127.0.0.2\n');
  await vi.waitFor(async () => expect(await addressOf('a.test.')).toBe('127.0.0.2'), 5000);

  writeFileSync(file, '@ A 127.0.0.2\nx A broken\n');
  await vi.waitFor(() => expect(zones?.problems).toHaveLength(1), 5000);
  expect(zones.problems).toEqual([
    {
      file: 'a.test.zone',
      line: 2,
      message: 'Cannot read zone a.test.zone:2: found A broken, expected one IPv4 address',
    },
  ]);
  expect(await addressOf('a.test.')).toBe('127.0.0.2');

  // As editors save: a temporary file renamed over the old one.
  writeFileSync(`${file}~`, '@ A 127.0.0.3\n');
  renameSync(`${file}~`, file);
  await vi.waitFor(async () => expect(await addressOf('a.test.')).toBe('127.0.0.3'), 5000);
  expect(zones.problems).toEqual([]);

  rmSync(file);
  await vi.waitFor(() => expect(zones?.zones).toEqual([]), 5000);
  expect(changed.mock.calls.length).toBeGreaterThanOrEqual(4);
});

test('waits for a folder that is not there yet', async () => {
  const later = join(folder, 'zones');
  zones = await ZonesFolder.open(later, new SystemClock({ keepAlive: false }));
  expect(zones.zones).toEqual([]);
  mkdirSync(later);
  writeFileSync(join(later, 'a.test.zone'), '@ A 127.0.0.1\n');
  await vi.waitFor(async () => expect(await addressOf('a.test.')).toBe('127.0.0.1'), 5000);
});
