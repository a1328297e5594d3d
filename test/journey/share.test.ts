/** Goal: what one engine received opens elsewhere exactly as it was, and no secret goes along. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { openPromise } from 'yauzl';
import type { Entry } from 'yauzl';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type {
  AttemptList,
  Journey,
  RecipientRow,
  RecordPage,
  RowDetail,
  RowPage,
} from '../../engine/api/protocol.ts';
import { share } from '../../engine/commands/share.ts';
import { SharedWindow } from '../../engine/compose/shared-window.ts';
import { rowTo } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

/** In every place where a secret may live. None of these may be found in the file. */
const CANARIES = {
  authPassword: 'canary-auth-pass-1',
  wrongPassword: 'canary-wrong-pass-2',
  routePassword: 'canary-route-pass-3',
  policyPassword: 'canary-policy-pass-4',
  meta: 'canary-meta-token-5',
  bearer: 'canary-bearer-6',
  url: 'canary-url-pass-7',
  query: 'canary-query-8',
  environment: 'canary-environment-9',
  farEnd: 'canary-far-end-pass-10',
  httpPassword: 'canary-http-pass-11',
  users: 'canary-users-12',
  plain: 'canary-plain-value-13',
  keyFile: 'canary-key-file-14',
  login: 'canary0login15canary0login15',
} as const;

const POLICY = `
local kumo = require 'kumo'
local API_KEY = '${CANARIES.plain}'
local users = { scott = '${CANARIES.users}' }
local smarthost_password = { key_data = '${CANARIES.policyPassword}' }
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  kumo.start_http_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_auth_plain', function(authz, authc, password, meta)
  print('checking ' .. authc .. ' with ' .. password)
  return not string.find(password, 'wrong')
end)
kumo.on('http_server_validate_auth_basic', function(user, password)
  return password == '${CANARIES.httpPassword}'
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('api_token', '${CANARIES.meta}')
  msg:set_meta('note', 'key ' .. API_KEY)
  print('Authorization: Bearer ${CANARIES.bearer}')
  print('GET https://hook:${CANARIES.url}@hooks.example/x?token=${CANARIES.query}')
  print('env ' .. os.getenv 'SHARE_API_TOKEN' .. ' key ${CANARIES.keyFile}')
  print('who ' .. users.scott .. smarthost_password.key_data)
end)
`;

const ROUTE = {
  name: 'to-far-end',
  match: { domain: 'far.test' },
  to: {
    kind: 'farEnd',
    name: 'guarded',
    auth: { username: 'relay', password: CANARIES.routePassword, withoutTls: true },
  },
};
const FAR_ENDS = {
  farEnds: [
    {
      name: 'guarded',
      tls: 'none',
      authRequired: true,
      auth: { user: 'relay', password: CANARIES.routePassword },
    },
    { name: 'other', auth: { user: 'relay', password: CANARIES.farEnd } },
  ],
};

let engine: ServeProcess;
let folder: string;
let file: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postyard-share-'));
  file = join(folder, 'two.postyard');
  engine = await ServeProcess.start({
    policy: POLICY,
    env: { SHARE_API_TOKEN: CANARIES.environment },
    files: {
      'routes.json': JSON.stringify({ routes: [ROUTE] }),
      'far-ends.json': JSON.stringify(FAR_ENDS),
      'policy/secrets/smtp.key': `${CANARIES.keyFile}\n`,
    },
  });
  await send('scott', CANARIES.authPassword, ['alice@example.com', 'bob@example.com']);
  await send(CANARIES.login, CANARIES.authPassword, ['carol@far.test']);
  await send('scott', CANARIES.wrongPassword, ['dora@example.com']).catch(() => {});
  await injectOverHttp();
  for (const to of ['alice@example.com', 'bob@example.com', 'carol@far.test', 'http@example.com'])
    await rowTo(engine, to, 'delivered');
  await eventually('the attachments are known', async () => {
    const { rows } = await engine.api<RowPage>('/rows?filter=has:attachment');
    return rows.length === 3;
  });
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const status = await share.run([file, '--with-policy', '--workspace', engine.workspace]);
    expect(status).toBe(0);
    expect(said.mock.calls.join('')).toContain('postyard open');
  } finally {
    said.mockRestore();
  }
}, 90_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test('no secret is in the file, wherever one lived', { timeout: 30_000 }, async () => {
  const entries = await unpacked(file);
  expect([...entries.keys()]).toContain('workspace/policy/init.lua');
  expect([...entries.keys()]).not.toContain('workspace/policy/secrets/smtp.key');
  const all = [...entries].map(([name, bytes]) => `${name}\n${bytes.toString('latin1')}`).join();
  const forms = (secret: string): string[] => [
    secret,
    encodeURIComponent(secret),
    ...['', 'x', 'xx'].map((before) => {
      const whole = Buffer.from(before + secret).toString('base64');
      return whole.slice(before === '' ? 0 : 4, -4);
    }),
    Buffer.from(secret).toString('hex'),
  ];
  for (const [where, secret] of Object.entries(CANARIES))
    for (const form of forms(secret)) expect(all.includes(form), `${where}: ${form}`).toBe(false);
  expect(all).not.toContain(engine.token);
  expect(all).not.toContain(engine.workspace);
  // They were there to be found: the places are, and say that something was taken out.
  expect(all).toContain('hooks.example');
  expect(entries.get('routes.json')?.toString()).toContain('"password": "••••"');
  expect(entries.get('workspace/policy/init.lua')?.toString()).toContain(
    'scott = "••••"'.replaceAll('"', "'"),
  );
});

test('an opened file answers as the engine did', { timeout: 60_000 }, async () => {
  const opened = await SharedWindow.open(file, { host: '127.0.0.1', port: 0 }, null);
  try {
    const ask = asker(opened.url);
    const { rows } = await engine.api<RowPage>('/rows?limit=100');
    expect((await ask<RowPage>('/rows?limit=100')).rows).toEqual(masked(rows));
    expect(rows.length).toBeGreaterThanOrEqual(4);
    for (const { seq } of rows) {
      for (const what of ['', '/journey', '/attempts']) {
        const path = `/rows/${seq}${what}`;
        const [there, here] = await Promise.all([
          engine.api<RowDetail | Journey | AttemptList>(path),
          ask<RowDetail | Journey | AttemptList>(path),
        ]);
        expect(masked(here), path).toEqual(masked(there));
      }
      for (const what of ['source', 'original'] as const)
        expect(await bytesOf(ask, opened.url, seq, what)).toEqual(
          await bytesOf((path, body) => engine.api(path, body), engine.url, seq, what),
        );
    }
    const [there, here] = await Promise.all([
      engine.api<RecordPage>('/records?limit=1000'),
      ask<RecordPage>('/records?limit=1000'),
    ]);
    const ofRows = new Set(here.records.map(({ recordSeq }) => recordSeq));
    expect(masked(here.records)).toEqual(
      masked(there.records.filter(({ recordSeq }) => ofRows.has(recordSeq))),
    );
    expect(ofRows.size).toBeGreaterThan(rows.length);
    for (const filter of ['rcpt:alice', 'is:auth', 'state:delivered', 'route:to-far', '-rcpt:bob'])
      expect(await seqs(ask, filter), filter).toEqual(
        await seqs((path) => engine.api(path), filter),
      );
    await expect(ask('/rows/delete', { seqs: [1] })).rejects.toThrow('opened to read');
    await expect(ask('/suppression')).rejects.toThrow('opened to read');
    await expect(ask('/rows?filter=nosuch:x')).rejects.toThrow('unknown field');
  } finally {
    await opened.close();
  }
  expect(readdirSync(folder)).toEqual(['two.postyard']);
});

test('a selection that is too large or gone is refused in words', async () => {
  const post = (body: object): Promise<unknown> => engine.api('/share', body);
  const many = Array.from({ length: 1_001 }, (_, n) => n + 1);
  await expect(post({ seqs: many })).rejects.toThrow(/413.*1001 messages, expected at most 1000/);
  await expect(post({ seqs: [999_999] })).rejects.toThrow(/404.*no row 999999/);
  await expect(post({ filter: 'state:nosuch' })).rejects.toThrow(/400.*expected/);
  await expect(post({ seqs: [1], filter: 'x' })).rejects.toThrow(/400.*one of seqs and filter/);
  const existing = join(folder, 'two.postyard');
  await expect(share.run([existing, '--workspace', engine.workspace])).rejects.toThrow(/exists/);
  const other = join(folder, 'other.postyard');
  const ids = ['--id', '999999', '--workspace', engine.workspace];
  await expect(share.run([other, ...ids])).rejects.toThrow('no row 999999');
  expect(existsSync(other) || existsSync(`${other}.part`)).toBe(false);
});

async function send(user: string, pass: string, to: readonly string[]): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port: engine.smtpPort,
    ignoreTLS: true,
    auth: { user, pass },
  });
  try {
    const from = 'sender@shop.example';
    const attachments = [{ filename: 'a.txt', content: 'attached' }];
    await transport.sendMail({ from, to: [...to], subject: 'Ordér', text: 'Hällo', attachments });
  } finally {
    transport.close();
  }
}

async function injectOverHttp(): Promise<void> {
  const login = Buffer.from(`app:${CANARIES.httpPassword}`).toString('base64');
  const answer = await fetch(`http://127.0.0.1:${engine.httpPort}/api/inject/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${login}` },
    body: JSON.stringify({
      envelope_sender: 'sender@shop.example',
      content: 'Subject: By HTTP\r\n\r\nHello\r\n',
      recipients: [{ email: 'http@example.com' }],
    }),
  });
  expect(answer.status).toBe(200);
}

type Ask = <T>(path: string, body?: object) => Promise<T>;

function asker(windowUrl: string): Ask {
  const url = new URL(windowUrl);
  const token = url.hash.replace('#token=', '');
  return async <T>(path: string, body?: object) => {
    const answer = await fetch(`${url.origin}/api/v1${path}`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as T;
  };
}

async function bytesOf(
  ask: Ask,
  origin: string,
  seq: number,
  what: 'source' | 'original',
): Promise<Buffer | number> {
  const { url } = await ask<{ url: string }>('/links', { seq, what });
  const answer = await fetch(new URL(url, origin));
  return answer.ok ? Buffer.from(await answer.arrayBuffer()) : answer.status;
}

async function seqs(ask: Ask, filter: string): Promise<number[]> {
  const { rows } = await ask<RowPage>(`/rows?limit=100&filter=${encodeURIComponent(filter)}`);
  return rows.map(({ seq }: RecipientRow) => seq);
}

/** Both sides with every secret, and every trace of one, written the same way. */
function masked<T>(value: T): T {
  let text = JSON.stringify(value).replaceAll(`${engine.workspace}/`, '');
  for (const secret of Object.values(CANARIES)) text = text.replaceAll(secret, '••••');
  return JSON.parse(text.replaceAll('\\"••••\\"', '••••')) as T;
}

async function unpacked(path: string): Promise<Map<string, Buffer>> {
  const zip = await openPromise(path, { lazyEntries: true });
  const entries: Entry[] = [];
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on('end', resolve);
    zip.on('error', reject);
    zip.readEntry();
  });
  const found = new Map<string, Buffer>();
  const again = await openPromise(path, { lazyEntries: true, autoClose: false });
  for (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of await again.openReadStreamPromise(entry))
      chunks.push(chunk as Buffer);
    found.set(entry.fileName, Buffer.concat(chunks));
  }
  again.close();
  return found;
}
