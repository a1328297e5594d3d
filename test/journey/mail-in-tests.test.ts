/** What docs/testing.md says: wait, read, delete and save, as API, as commands and by its examples. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CaughtMessages, DeletedMessages, LinkResult } from '../../engine/api/protocol.ts';
import { sendRaw } from '../support/raw-smtp.ts';
import { ServeProcess } from '../support/serve-process.ts';
import { findTool } from '../support/tools.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/.bin/node');

let engine: ServeProcess;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-caught-'));
  engine = await ServeProcess.start({ env: { POSTYARD_TOKEN: 'test' } });
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const url = (): string => `http://127.0.0.1:${engine.uiPort}`;

async function api<T>(path: string, init: RequestInit = {}): Promise<{ status: number; body: T }> {
  const headers = { authorization: 'Bearer test', 'content-type': 'application/json' };
  const answer = await fetch(`${url()}/api/v1${path}`, { headers, ...init });
  return { status: answer.status, body: (await answer.json()) as T };
}

function run(command: string, ...args: string[]): Promise<{ status: number | null; out: string }> {
  const env = { ...process.env, POSTYARD_URL: url(), POSTYARD_TOKEN: 'test' };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out += text));
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, out })));
}

const postyard = (...args: string[]): ReturnType<typeof run> =>
  run(NODE, join(ROOT, 'engine/main.ts'), ...args, '--workspace', engine.workspace);

function send(to: string, subject: string): Promise<string> {
  const message = [
    ...[`Subject: ${subject}`, 'Content-Type: multipart/mixed; boundary=b', ''],
    ...[
      '--b',
      '',
      'Go to https://shop.test/confirm?c=1',
      '--b',
      'Content-Type: text/csv; name=a.csv',
    ],
    ...['', 'x', '--b', 'Content-Type: text/csv; name=a.csv', '', 'y', '--b--', ''],
  ].join('\r\n');
  return sendRaw(engine.smtpPort, { from: 'shop@x.test', to }, Buffer.from(message));
}

test(
  'a wait answers when the message comes, or says what did not',
  { timeout: 60_000 },
  async () => {
    const waiting = api<CaughtMessages>('/wait?to=Late@x.test&subject=welcome&timeout=30s');
    await send('late@x.test.example', 'welcome');
    await send('late@x.test', 'something else');
    await send('late@x.test', 'Your welcome mail');
    const { messages, newestSeq } = (await waiting).body;
    expect(messages).toMatchObject([
      {
        ...{ from: 'shop@x.test', to: 'late@x.test', subject: 'Your welcome mail', html: null },
        headers: { subject: ['Your welcome mail'] },
        links: ['https://shop.test/confirm?c=1'],
        attachments: [{ filename: 'a.csv' }, { filename: 'a.csv' }],
      },
    ]);
    const late = await api(`/wait?to=late@x.test&since=${newestSeq}&timeout=50ms`);
    expect(late).toMatchObject({ status: 404, body: { error: { code: 'no-message' } } });
    const first = await api<CaughtMessages>('/wait?to=late@x.test&since=0&count=2');
    expect(first.body.messages.map(({ subject }) => subject)).toEqual([
      'something else',
      'Your welcome mail',
    ]);
    expect((await api('/wait?timeout=soon')).status).toBe(400);
    const zip = await fetch(`${url()}/api/v1/links/attachments?seq=${messages[0]?.seq}`, {
      headers: { authorization: 'Bearer test' },
    });
    const bytes = Buffer.from(await zip.arrayBuffer()).toString('latin1');
    expect(bytes.slice(0, 2)).toBe('PK');
    expect(bytes).toContain('a (2).csv');
  },
);

test('the examples and the commands do what the page says', { timeout: 60_000 }, async () => {
  await send('js@x.test', 'For JavaScript');
  await send('py@x.test', 'For Python');
  const script = `import { waitForMail, deleteMail } from ${JSON.stringify(join(ROOT, 'docs/examples/caught.mjs'))};
    const mail = await waitForMail('js@x.test', { subject: 'javascript' });
    const { changed } = await deleteMail('rcpt:js@x.test');
    const gone = await waitForMail('js@x.test', { timeout: '0' }).catch(() => 'gone');
    console.log(mail.links[0], changed, gone);`;
  expect(await run(NODE, '--input-type=module', '-e', script)).toEqual({
    status: 0,
    out: 'https://shop.test/confirm?c=1 1 gone\n',
  });
  const python = `import sys; sys.path.insert(0, ${JSON.stringify(join(ROOT, 'docs/examples'))}); sys.dont_write_bytecode = True
from caught import wait_for_mail
print(wait_for_mail("py@x.test")["subject"])`;
  const interpreter = findTool('python3');
  if (interpreter !== null)
    expect(await run(interpreter, '-c', python)).toEqual({ status: 0, out: 'For Python\n' });

  const links = await postyard('wait', '--to', 'py@x.test', '--print', 'links');
  expect(links).toEqual({ status: 0, out: 'https://shop.test/confirm?c=1\n' });
  const none = await postyard('wait', '--to', 'nobody@x.test', '--timeout', '0');
  expect(none.status).toBe(1);
  expect(none.out).toMatch(/found 0 messages for rcpt:"nobody@x.test" now, expected 1/);
  const mbox = join(folder, 'a.mbox');
  expect((await postyard('mail', 'save', mbox, 'rcpt:py@x.test')).out).toMatch(/^saved 1 in/);
  expect(readFileSync(mbox, 'latin1')).toMatch(/^From shop@x\.test [^]*\nSubject: For Python\n/);
  expect((await postyard('mail', 'delete')).status).toBe(2);
  const { changed, seqs } = (
    await api<DeletedMessages>('/messages', {
      method: 'DELETE',
      headers: { authorization: 'Bearer test' },
    })
  ).body;
  expect(changed).toBeGreaterThanOrEqual(3);
  expect(await postyard('mail', 'list')).toEqual({ status: 0, out: 'No mail yet\n' });
  const body = JSON.stringify({ what: 'mbox', seqs: seqs.join(',') });
  const link = await api<LinkResult>('/links', { method: 'POST', body });
  expect(await (await fetch(url() + link.body.url)).text()).toMatch(/^From shop@x\.test/);
});

test(
  'a deleted message leaves its maildir too, and comes back with its flags',
  { timeout: 60_000 },
  async () => {
    const maildir = join(engine.workspace, 'mail/gone.test/ann');
    const files = (): string[] =>
      ['new', 'cur'].flatMap((folder) =>
        existsSync(join(maildir, folder))
          ? readdirSync(join(maildir, folder)).map((name) => `${folder}/${name}`)
          : [],
      );
    await send('ann@gone.test', 'to be deleted');
    await expect.poll(files, { timeout: 20_000 }).toHaveLength(1);
    const [arrived = ''] = files();
    const seen = arrived.replace('new/', 'cur/') + ':2,FS';
    renameSync(join(maildir, arrived), join(maildir, seen));
    const bytes = readFileSync(join(maildir, seen));
    const { body } = await api<DeletedMessages>('/messages?filter=rcpt:ann%40gone.test', {
      method: 'DELETE',
      headers: { authorization: 'Bearer test' },
    });
    expect(body.changed).toBe(1);
    expect(files()).toEqual([]);
    await api('/rows/undelete', { method: 'POST', body: JSON.stringify({ seqs: body.seqs }) });
    expect(files()).toEqual([seen]);
    expect(readFileSync(join(maildir, seen))).toEqual(bytes);
    // What somebody else removed is nothing that an undo brings back.
    rmSync(join(maildir, seen));
    const seqs = JSON.stringify({ seqs: body.seqs });
    await api('/rows/delete', { method: 'POST', body: seqs });
    await api('/rows/undelete', { method: 'POST', body: seqs });
    expect(files()).toEqual([]);
  },
);
