/** Mail that a route sends to far ends, followed to the other side; changed while it runs. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  AttemptList,
  FarEndList,
  FarEndMailDetail,
  FarEndReceived,
  RecipientRow,
} from '../../engine/api/protocol.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const ROOT = join(import.meta.dirname, '../..');

const farEnds = {
  farEnds: [
    { name: 'grey', rules: [{ do: 'greylist', at: 'rcpt', delay: '5m' }] },
    { name: 'secure', tls: 'good', tlsRequired: true },
  ],
};
const routes = {
  routes: [
    { name: 'to-grey', match: { domain: ['grey.test'] }, to: { kind: 'farEnd', name: 'grey' } },
    {
      name: 'to-secure',
      match: { domain: ['secure.test'] },
      to: { kind: 'farEnd', name: 'secure', tls: 'Required' },
    },
    { name: 'to-sink', match: { domain: ['sink.test'] }, to: { kind: 'farEnd', name: 'sink' } },
    { name: 'to-later', match: { domain: ['later.test'] }, to: { kind: 'farEnd', name: 'later' } },
  ],
};

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({
    files: {
      'far-ends.json': JSON.stringify(farEnds, null, 2),
      'routes.json': JSON.stringify(routes, null, 2),
    },
  });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());

const attemptsOf = (row: RecipientRow): Promise<AttemptList> =>
  engine.api<AttemptList>(`/rows/${row.seq}/attempts`);

test(
  'greylisted, delivered after the delay in mail time, and found on the other side',
  async () => {
    await sendMail(engine, 'ada@grey.test');
    const waiting = await rowTo(engine, 'ada@grey.test', 'deferred');
    expect(waiting.lastText).toMatch(/Greylisted/);
    await engine.api('/clock', { forwardMs: 3_600_000 });
    const row = await rowTo(engine, 'ada@grey.test', 'delivered');
    const { attempts } = await attemptsOf(row);
    const [first, last] = [attempts[0], attempts.at(-1)];
    expect(first?.farEnd).toEqual({ name: 'grey', id: null });
    expect(last?.farEnd?.name).toBe('grey');
    const id = last?.farEnd?.id ?? '';
    const mail = await engine.api<FarEndMailDetail>(`/far-ends/grey/received/${id}`);
    expect(mail).toMatchObject({ sender: 'sender@shop.example', recipients: ['ada@grey.test'] });
    expect(mail.source).toContain('Subject: A journey');
    expect(mail.transcript.at(-1)?.text).toContain(id);
  },
  DEADLINE_MS * 2,
);

test(
  'the delivering client trusts the authority of good certificates',
  async () => {
    await sendMail(engine, 'ada@secure.test');
    const row = await rowTo(engine, 'ada@secure.test', 'delivered');
    const { attempts } = await attemptsOf(row);
    const mail = await engine.api<FarEndMailDetail>(
      `/far-ends/secure/received/${attempts[0]?.farEnd?.id ?? ''}`,
    );
    expect(mail.tls).toMatch(/^TLSv1\.3 /);
  },
  DEADLINE_MS,
);

test(
  'magic recipients work without set-up',
  async () => {
    await sendMail(engine, 'bounce+554+%4E1+full@sink.test');
    const row = await rowTo(engine, 'bounce+554+%4E1+full@sink.test', 'bounced');
    expect(row).toMatchObject({
      code: 554,
      lastText: expect.stringContaining('N1 full') as string,
    });
  },
  DEADLINE_MS,
);

test(
  'added by the command while mail waits for it; switched, reset and removed',
  async () => {
    await sendMail(engine, 'ada@later.test');
    await rowTo(engine, 'ada@later.test', 'deferred');
    const added = await postyard('far-end', 'add', 'later', '--preset', 'accept', '--rule', RULE);
    expect(added.stdout).toMatch(
      /^later {2}127\.0\.0\.1:\d+ {2}0 hits {2}0 received {2}waits 1ms at MAIL/,
    );
    await engine.api('/queues/actions', { verb: 'deliver-now' });
    const row = await rowTo(engine, 'ada@later.test', 'delivered');
    expect((await attemptsOf(row)).attempts.at(-1)?.farEnd?.name).toBe('later');
    const received = await postyard('far-end', 'received', 'later');
    expect(received.stdout).toMatch(/sender@shop\.example -> ada@later\.test {2}A journey\n$/);
    await engine.api('/far-ends/switch', { name: 'later', on: false });
    await engine.api('/far-ends/reset', { name: 'later', received: true });
    const { farEnds: rows } = await engine.api<FarEndList>('/far-ends');
    expect(rows.find(({ name }) => name === 'later')).toMatchObject({
      ...{ state: 'off', address: null, hits: 0, received: 0 },
    });
    expect((await engine.api<FarEndReceived>('/far-ends/later/received')).mails).toEqual([]);
    await engine.api('/far-ends/remove', { name: 'later' });
    await expect(
      engine.api('/far-ends', { farEnd: { name: 'x', rules: [{ do: 'reject', at: 'nowhere' }] } }),
    ).rejects.toThrow(/400 .*rules\[0\]\.at/);
    await eventually('it is gone', async () =>
      (await engine.api<FarEndList>('/far-ends')).farEnds.every(({ name }) => name !== 'later'),
    );
  },
  DEADLINE_MS * 2,
);

const RULE = '{ "do": "slow", "at": "mail", "wait": "1ms" }';

function postyard(
  ...args: string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(
    join(ROOT, 'node_modules/.bin/node'),
    [join(ROOT, 'engine/main.ts'), ...args, '--workspace', engine.workspace],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
}
