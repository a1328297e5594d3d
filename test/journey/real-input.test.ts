/** Bytes stay identical: what was sent is what the maildir holds and what the API gives back. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RowDetail, RowPage } from '../../engine/api/protocol.ts';
import { sendRaw } from '../support/raw-smtp.ts';
import { sampleMessages } from '../support/sample-messages.ts';
import type { SampleMessage } from '../support/sample-messages.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

let engine: ServeProcess;
let samples: SampleMessage[];

beforeAll(async () => {
  [engine, samples] = await Promise.all([ServeProcess.start(), sampleMessages()]);
});
afterAll(() => engine[Symbol.asyncDispose]());

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test(
  'every kind of message is stored, delivered and shown byte for byte',
  { timeout: 120_000 },
  async () => {
    const differing: string[] = [];
    for (const [index, { name, bytes }] of samples.entries()) {
      const user = `u${index}`;
      expect(
        await sendRaw(
          engine.smtpPort,
          { from: 'a@shop.example', to: `${user}@example.com` },
          bytes,
        ),
        name,
      ).toMatch(/^250 OK ids=/);
      const folder = join(engine.workspace, 'mail/example.com', user, 'new');
      const [file = ''] = await eventually(`${name} in ${folder}`, () => {
        const names = listed(folder);
        return names.length === 1 ? names : null;
      });
      const onDisk = readFileSync(join(folder, file));
      if (!onDisk.subarray(onDisk.length - bytes.length).equals(bytes))
        differing.push(`${name}: maildir`);
      const trace = onDisk.subarray(0, onDisk.length - bytes.length).toString('latin1');
      if (!/^X-KumoRef: [^\r]+\r\n(\t[^\r]+\r\n)*Received: from [\s\S]+\r\n$/.test(trace))
        differing.push(`${name}: trace headers are ${trace}`);
      const { rows } = await engine.api<RowPage>(
        `/rows?limit=1&filter=${encodeURIComponent(`to:${user}@example.com`)}`,
      );
      const original = await download(rows[0]?.seq ?? 0, 'original');
      if (sha256(original) !== sha256(bytes)) differing.push(`${name}: API original`);
      const final = await download(rows[0]?.seq ?? 0, 'source');
      if (sha256(final) !== sha256(onDisk)) differing.push(`${name}: API final`);
    }
    expect(differing).toEqual([]);
  },
);

test('a 20 MB attachment arrives whole', { timeout: 120_000 }, async () => {
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const bytes = Buffer.from(
    `Subject: large\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${line.repeat(Math.floor((19.9 * 1024 * 1024) / line.length))}`,
  );
  expect(
    await sendRaw(engine.smtpPort, { from: 'a@shop.example', to: 'large@example.com' }, bytes),
  ).toMatch(/^250 OK ids=/);
  const folder = join(engine.workspace, 'mail/example.com/large/new');
  const [file = ''] = await eventually('the large message on disk', () =>
    listed(folder).length > 0 ? listed(folder) : null,
  );
  const onDisk = readFileSync(join(folder, file));
  expect(sha256(onDisk.subarray(onDisk.length - bytes.length))).toBe(sha256(bytes));
});

test(
  'malformed MIME is shown with what is wrong, never an error page',
  { timeout: 60_000 },
  async () => {
    const { rows } = await engine.api<RowPage>('/rows?limit=100');
    expect(rows.length).toBeGreaterThanOrEqual(samples.length);
    for (const row of rows) {
      const detail = await engine.api<RowDetail>(`/rows/${row.seq}`);
      expect(detail.row.seq).toBe(row.seq);
    }
  },
);

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function download(seq: number, what: 'original' | 'source'): Promise<Uint8Array> {
  const { url } = await engine.api<{ url: string }>('/links', { seq, what });
  const response = await fetch(`${engine.url}${url}`);
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}
