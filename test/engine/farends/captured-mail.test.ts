/** What a far end keeps: how much of it, in which order, and after a restart. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAR_END_CAPTURED_MAX } from '../../../engine/base/limits.ts';
import { CapturedMails } from '../../../engine/farends/captured-mail.ts';
import type { ArrivedMail } from '../../../engine/farends/far-end-connection.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const NOW = { mailMs: 1_700_000_000_000, realMs: 1_700_000_000_000 };

function arrived(id: string): ArrivedMail {
  const bytes = Buffer.from(`Subject: ${id}\r\nMessage-ID: <${id}@shop.test>\r\n\r\nbody\r\n`);
  return {
    ...{ id, sender: 'a@shop.test', recipients: ['b@example.com'], ehlo: 'client', tls: null },
    ...{ user: null, sizeBytes: bytes.byteLength, bytes, reply: '250 OK', transcript: [] },
  };
}

test('mail that arrives together is kept together, the oldest go first, and a restart finds it', async () => {
  await using place = tempFolder();
  const folder = join(place.path, 'one');
  const mails = await CapturedMails.open(folder);
  const ids = Array.from({ length: FAR_END_CAPTURED_MAX + 100 }, (_, n) => `m${n}`);
  await Promise.all(ids.map((id) => mails.add(arrived(id), NOW)));
  await mails.close();

  const kept = ids.slice(100).toReversed();
  expect(mails.list(ids.length, null).mails.map(({ id }) => id)).toEqual(kept);
  expect(mails.list(2, kept[0] ?? null).mails.map(({ subject }) => subject)).toEqual([
    kept[1],
    kept[2],
  ]);
  expect((await readdir(folder)).filter((name) => name.endsWith('.eml'))).toHaveLength(kept.length);

  const again = await CapturedMails.open(folder);
  expect(again.list(ids.length, null).mails).toEqual(mails.list(ids.length, null).mails);
  expect((await again.source('m599'))?.toString()).toContain('Subject: m599');
  expect(await again.source('m0')).toBeNull();
  await again.clear();
  expect([again.count, await readdir(place.path)]).toEqual([0, []]);
});

test('mail that cannot be kept is not acknowledged, and what comes after it is', async () => {
  await using place = tempFolder();
  const folder = join(place.path, 'one');
  const mails = await CapturedMails.open(folder);
  await writeFile(folder, 'a file where the folder should be');
  const failures = await Promise.allSettled(
    ['first', 'second'].map((id) => mails.add(arrived(id), NOW)),
  );
  expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(mails.count).toBe(0);
  await mails.clear();
  await mails.add(arrived('third'), NOW);
  expect(mails.list(10, null).mails.map(({ id }) => id)).toEqual(['third']);
});
