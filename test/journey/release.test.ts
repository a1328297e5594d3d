/** Captured messages released by hand: to a host, through a route, and where that is refused. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  AttemptList,
  QueueDetail,
  RecipientRow,
  ReleaseResult,
  RowDetail,
  RowPage,
} from '../../engine/api/protocol.ts';
import { DEADLINE_MS, journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { runCommand } from '../support/run-command.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { SmtpSink } from '../support/smtp-sink.ts';

let sink: SmtpSink;
let engine: ServeProcess;
const bodies: string[] = [];

beforeAll(async () => {
  sink = await SmtpSink.start({ onData: (data) => bodies.push(data) });
  const to = { kind: 'mxList', hosts: [`127.0.0.1:${sink.port}`] };
  const routes = [
    { name: 'sink', match: { domain: 'elsewhere.test' }, to },
    { name: 'sleeping', enabled: false, match: { domain: 'elsewhere.test' }, to },
    {
      name: 'outside',
      match: { domain: 'elsewhere.test' },
      to: { kind: 'mxList', hosts: ['192.0.2.7'] },
    },
  ];
  engine = await ServeProcess.start({ files: { 'routes.json': JSON.stringify({ routes }) } });
}, 90_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await sink.close();
});

const captured = async (to: string): Promise<RecipientRow> => {
  await sendMail(engine, to);
  return rowTo(engine, to, 'delivered');
};
const rowOf = async (seq: number | undefined): Promise<RecipientRow> =>
  (await engine.api<RowDetail>(`/rows/${seq}`)).row;
const delivered = (seq: number | undefined): Promise<RecipientRow> =>
  eventually(
    `row ${seq} to be delivered`,
    async () => {
      const row = await rowOf(seq);
      return row.state === 'delivered' ? row : null;
    },
    DEADLINE_MS,
  );
const rowCount = async (): Promise<number> => (await engine.api<RowPage>('/rows')).total.value;

async function source(seq: number): Promise<string> {
  const answer = await fetch(`${engine.url}/api/v1/links/source?seq=${seq}`, {
    headers: { authorization: `Bearer ${engine.token}` },
  });
  return answer.text();
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a copy goes to a host, and the row stays as it was', { timeout: 90_000 }, async () => {
  const original = await captured('ada@example.com');
  const before = await engine.api<RowDetail>(`/rows/${original.seq}`);
  const to = `127.0.0.1:${sink.port}`;
  const result = await engine.api<ReleaseResult>('/rows/release', { seqs: [original.seq], to });
  expect(result).toMatchObject({ released: 1, to, failed: [] });
  const [seq] = result.seqs;
  const copy = await delivered(seq);
  expect(copy).toMatchObject({
    to: 'ada@example.com',
    from: original.from,
    subject: original.subject,
    route: 'release',
    queue: `example.com!release-127.0.0.1-${sink.port}.invalid`,
    attempts: 1,
    code: 250,
  });
  expect(bodies.map(hash)).toEqual([hash(await source(original.seq))]);
  expect(await source(copy.seq)).toBe(bodies[0]);
  expect(sink.commands(0)).toContain('RCPT TO:<ada@example.com>');
  expect(await engine.api<RowDetail>(`/rows/${original.seq}`)).toEqual(before);
  expect(await recordsOf(engine, copy)).toEqual([['Delivery', 0, 250]]);
  const { attempts } = await engine.api<AttemptList>(`/rows/${copy.seq}/attempts`);
  expect(attempts).toHaveLength(1);
  const queue = await engine.api<QueueDetail>(`/queues/${encodeURIComponent(copy.queue)}`);
  expect(queue.configSource).toEqual({ label: 'released by hand' });
  const told = JSON.stringify(await journeyOf(engine, copy));
  expect(told).toContain(`a copy of row ${original.seq}, released by hand`);
  expect(told).toContain(`Released by hand to ${to}`);
});

test('by command, to another recipient, through a route', { timeout: 90_000 }, async () => {
  const { seq } = await captured('bob@example.com');
  const args = ['release', String(seq), '--workspace', engine.workspace];
  const { status, out } = await runCommand(
    'mail',
    ...[...args, '--to', 'sink', '--rcpt', 'team@inbox.test'],
  );
  expect(out).toMatch(/^released 1 to the route sink \(127\.0\.0\.1:\d+\) \(rows (\d+)\)\n$/);
  expect(status).toBe(0);
  const copy = await delivered(Number(/rows (\d+)/.exec(out)?.[1]));
  expect(copy).toMatchObject({ to: 'team@inbox.test', route: 'sink' });
  expect(hash(bodies.at(-1) ?? '')).toBe(hash(await source(seq)));
  const told = JSON.stringify(await journeyOf(engine, copy));
  expect(told).toContain('Released by hand through the route sink');
  const gone = await runCommand('mail', 'release', '999999', '--to', 'sink', ...args.slice(2));
  expect(gone).toEqual({
    status: 1,
    out: expect.stringMatching(
      /^row 999999: there is no such message, or no more\nreleased 0 /,
    ) as string,
  });
  expect((await runCommand('mail', ...args)).status).toBe(2);
});

test('nothing is queued for a host that is not open', { timeout: 90_000 }, async () => {
  const { seq } = await captured('eve@example.com');
  const count = await rowCount();
  const release = (to: string): Promise<unknown> =>
    engine.api('/rows/release', { seqs: [seq], to });
  await expect(release('smtp.example.com:587')).rejects.toThrow(
    /409 .*host-closed.*Cannot release to smtp\.example\.com:587: smtp\.example\.com is not open.*postyard route open smtp\.example\.com/,
  );
  await expect(release('outside')).rejects.toThrow(/192\.0\.2\.7 is not open/);
  await expect(release('sleeping')).rejects.toThrow(/it is off.*postyard route on sleeping/);
  await expect(release('nowhere')).rejects.toThrow(
    /400 .*expected host:port such as 127\.0\.0\.1:1025 or a route \(sink, sleeping, outside\)/,
  );
  await expect(
    engine.api('/rows/release', { seqs: [seq], to: 'sink', recipient: 'nobody' }),
  ).rejects.toThrow(/400 .*expected an address/);
  expect(await rowCount()).toBe(count);
});
