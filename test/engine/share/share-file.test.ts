/** A shared file written and read again; damaged, newer, huge and hostile ones are refused. */
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { expect, test } from 'vitest';
import type { RecipientRow, RecordRow } from '../../../engine/api/protocol.ts';
import { ShareFile, ShareFileError } from '../../../engine/share/open-share.ts';
import { Redactor } from '../../../engine/share/redactor.ts';
import { satisfies } from '../../../engine/share/row-filter.ts';
import { JSON_BYTES_MAX, ROWS_MAX } from '../../../engine/share/share-format.ts';
import { policyHashes } from '../../../engine/share/workspace-texts.ts';
import { writeShare } from '../../../engine/share/write-share.ts';
import type { ShareParts } from '../../../engine/share/write-share.ts';
import { parseFilter } from '../../../engine/search/parse-filter.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const READER = 'Postyard 0.1.0';
const TEXT = Buffer.from('Subject: Ordér 8\r\n\r\nH\xe4llo invoice\r\n\0\xff', 'latin1');
const MIDDLE = { code: null, route: 'maildir', queue: 'acme@x.test', attempts: 0, nextDueMs: null };

function row(seq: number, over: Partial<RecipientRow> = {}): RecipientRow {
  return {
    ...{ seq, transactionId: seq, messageId: 'ab'.repeat(16), timeMs: 1_000 + seq },
    ...{ state: 'delivered', from: 'a@x.test', to: `b${seq}@y.test`, subject: 'Ordér 8' },
    ...MIDDLE,
    ...{ sizeBytes: TEXT.length, hasAttachment: false, isTls: true, isAuth: false },
    ...{ lastText: 'OK', isDeleted: false },
    ...over,
  };
}

const record: RecordRow = {
  ...{ recordSeq: 4, timeMs: 1, type: 'Delivery', messageId: null, rowSeq: 2, sender: 'a@x.test' },
  ...{ recipient: 'b@y.test', queue: 'y.test', site: '', numAttempts: 0, code: 250, text: 'OK' },
  json: '{"type":"Delivery","weight":1.0,"id":"x"}',
};

function parts(rows: readonly RecipientRow[] = [row(2), row(1)]): ShareParts {
  const texts = [{ path: 'policy/init.lua', text: '-- nothing\n' }];
  return {
    manifest: {
      ...({ format: 'postyard-share', version: 1, writtenBy: READER } as const),
      ...{ exportedAt: '2026-11-25T12:00:00.000Z', clockMs: 5_000, workspace: 'yard' },
      selection: 'all mail',
      policy: { main: 'policy/init.lua', ...policyHashes(texts), hasTexts: true },
      rows: [...rows],
    },
    routes: {
      ...{ revision: 1, file: 'routes.json', problem: null, routes: [] },
      otherwise: { hits: 0, last: null },
      capture: { hits: 0, last: null, enabled: true, maildir: 'mail' },
      openHosts: { workspace: [], byRoute: [] },
    },
    records: [record],
    policyTexts: texts,
    row: (seq) =>
      Promise.resolve({
        detail: {
          row: rows.find((one) => one.seq === seq) ?? row(seq),
          ...{ reversePath: 'a@x.test', forwardPaths: [], sessionId: '', listener: '', peer: '' },
          ...{ ehlo: null, tls: null, auth: null, summary: '', whyWaiting: null },
          meta: { __proto__: 1, count: 1 },
          ...{ bodySizeBytes: 1, isChanged: false, maildir: null, otherRecipients: [] },
        },
        message: 'messages/1.eml',
        original: null,
        problem: null,
      }),
    journey: () => Promise.resolve({ parts: [] }),
    attempts: () => Promise.resolve({ attempts: [] }),
    messages: [{ entry: 'messages/1.eml', seq: 1, which: 'final' }],
    bytes: () => Promise.resolve(TEXT),
  };
}

async function written(folder: string, given = parts()): Promise<string> {
  const file = join(folder, 'a.postyard');
  await pipeline(writeShare(given, new Redactor([])), createWriteStream(file));
  return file;
}

/** A zip with these entries, or the ordinary ones changed. */
async function zipOf(file: string, entries: readonly (readonly [string, string])[]): Promise<void> {
  const zip = new ZipFile();
  for (const [name, text] of entries) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  writeFileSync(file, await buffer(zip.outputStream));
}

test('bytes and texts come back as they were', async () => {
  await using folder = tempFolder();
  const share = await ShareFile.open(await written(folder.path), READER);
  try {
    expect(share.manifest).toEqual(parts().manifest);
    expect(Buffer.from(await share.bytes('messages/1.eml'))).toEqual(TEXT);
    expect(await share.entry(2)).toEqual(await parts().row(2));
    expect(share.records).toEqual([record]);
    expect(share.policyTexts.get('policy/init.lua')).toBe('-- nothing\n');
  } finally {
    share.close();
  }
});

test('a damaged file is refused, and says what is damaged', async () => {
  await using folder = tempFolder();
  const file = await written(folder.path);
  const whole = readFileSync(file);
  const refused = async (bytes: Buffer, says: RegExp): Promise<void> => {
    writeFileSync(file, bytes);
    const opening = ShareFile.open(file, READER);
    await expect(opening).rejects.toThrow(ShareFileError);
    await expect(opening).rejects.toThrow(says);
  };
  await refused(whole.subarray(0, whole.length - 40), /no complete zip/);
  await refused(Buffer.alloc(0), /no complete zip/);
  await refused(Buffer.from('From: somebody\r\n\r\n'.repeat(20)), /no complete zip/);
  const name = whole.indexOf('messages/1.eml');
  const flipped = Buffer.from(whole);
  const at = name + 'messages/1.eml'.length + 6;
  flipped[at] = (flipped[at] ?? 0) ^ 0x40;
  await refused(flipped, /messages\/1\.eml is damaged/);
  // Whatever one byte does, it is never shown as if nothing had happened.
  for (let index = 0; index < whole.length; index += 97) {
    const bytes = Buffer.from(whole);
    bytes[index] = (bytes[index] ?? 0) ^ 0x11;
    writeFileSync(file, bytes);
    const opened = await ShareFile.open(file, READER).catch((error: unknown) => error);
    if (!(opened instanceof ShareFile))
      expect(opened, `byte ${index}`).toBeInstanceOf(ShareFileError);
    else opened.close();
  }
});

test('a newer file, a strange one and one with parts missing say so', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'b.postyard');
  const refused = async (
    entries: readonly (readonly [string, string])[],
    says: RegExp | string,
  ): Promise<void> => {
    await zipOf(file, entries);
    await expect(ShareFile.open(file, READER)).rejects.toThrow(says);
  };
  const manifest = (over: object): readonly [string, string] => [
    'manifest.json',
    JSON.stringify({ ...parts().manifest, ...over }),
  ];
  await refused([], /no manifest\.json, expected a file that "postyard share" wrote/);
  await refused(
    [manifest({ version: 2 })],
    'Cannot open b.postyard: it has format version 2, Postyard 0.1.0 reads up to version 1; a newer Postyard opens it',
  );
  await refused([manifest({ format: 'other' })], /format is "other"/);
  await refused([['manifest.json', '{"format":']], /manifest\.json is no JSON/);
  await refused([manifest({ rows: [{ seq: 1 }] })], /manifest\.json: rows\.0/);
  await refused([manifest({})], 'rows/2/detail.json is missing');
  await refused([manifest({ rows: Array.from({ length: ROWS_MAX + 1 }, () => row(1)) })], /rows/);
  await refused([manifest({}), manifest({})], /manifest\.json twice/);
  const escape = {
    ...parts().manifest.policy,
    files: [{ path: '../x', sha256: '', sizeBytes: 1 }],
  };
  await refused([manifest({ policy: escape })], /policy\.files\.0\.path/);
  await refused([['manifest.json', ' '.repeat(JSON_BYTES_MAX + 1)]], /expected at most 16777216/);
  await expect(ShareFile.open(join(folder.path, 'none'), READER)).rejects.toThrow(/ENOENT/);
  await expect(ShareFile.open(folder.path, READER)).rejects.toThrow('it is no file');
});

test('names that lead out of the file are refused', async () => {
  await using folder = tempFolder();
  const file = await written(folder.path);
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf('README.txt'); at >= 0; at = bytes.indexOf('README.txt', at + 1))
    bytes.write('../../.txt', at, 'latin1');
  writeFileSync(file, bytes);
  await expect(ShareFile.open(file, READER)).rejects.toThrow(/list of entries is damaged/);
});

test('an entry that unpacks to more than it says is refused', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'bomb.postyard');
  await zipOf(file, [['manifest.json', ' '.repeat(4 * 1024 * 1024)]]);
  const bytes = readFileSync(file);
  // The size in the central directory, 24 bytes after its signature.
  bytes.writeUInt32LE(100, bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1')) + 24);
  writeFileSync(file, bytes);
  await expect(ShareFile.open(file, READER)).rejects.toThrow(/manifest\.json is damaged/);
});

test('a file whose reading failed half-way is none', async () => {
  const broken = { ...parts(), bytes: () => Promise.reject(new Error('gone meanwhile')) };
  await expect(buffer(writeShare(broken, new Redactor([])))).rejects.toThrow('gone meanwhile');
});

test('the filter finds what the Mail list would find', async () => {
  await using folder = tempFolder();
  const rows = [
    row(3, { state: 'bounced', code: 550, from: '', route: 'to-far', isTls: false }),
    row(2, { to: 'bob@shop.example', queue: 'spring:acme@x.test' }),
    row(1, { hasAttachment: true, isDeleted: true }),
  ];
  const share = await ShareFile.open(await written(folder.path, parts(rows)), READER);
  share.close();
  const found = (filter: string): number[] =>
    share.manifest.rows
      .filter((one) => {
        const words = share.words.get(one.seq);
        return words !== undefined && satisfies(one, words, parseFilter(filter, 10_000));
      })
      .map(({ seq }) => seq);
  expect(found('invoice')).toEqual([3, 2, 1]);
  expect(found('inv')).toEqual([]);
  expect(found('subject:"order 8"')).toEqual([3, 2, 1]);
  expect(found('rcpt:bob')).toEqual([2]);
  expect(found('to:@shop')).toEqual([2]);
  expect(found('from:<>')).toEqual([3]);
  expect(found('code:5xx state:bounced')).toEqual([3]);
  expect(found('route:far -is:tls')).toEqual([3]);
  expect(found('queue:spring:*')).toEqual([2]);
  expect(found('queue:*@x.test -queue:spring*')).toEqual([3, 1]);
  expect(found('has:attachment is:deleted')).toEqual([1]);
  expect(found('is:auth')).toEqual([]);
});
