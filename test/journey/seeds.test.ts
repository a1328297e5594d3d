/**
 * The code examples of KumoMTA's documentation run as they are written; only addresses and ports
 * are replaced by ones of this machine, and `then` is added where a conversation left it out.
 */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineStatus, RecipientRow } from '../../engine/api/protocol.ts';
import { DEADLINE_MS, journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { SmtpSink } from '../support/smtp-sink.ts';

const ZONES = {
  // Nobody listens there: the next host of a list has its turn.
  'zones/smart.host.local.zone': '@ 600 IN SOA ns admin 1 2 3 4 5\n@ 600 IN A 127.0.0.2\n',
  'zones/my.smarthost.com.zone':
    '@ 600 IN SOA ns admin 1 2 3 4 5\n@ 600 IN MX 10 mx\nmx 600 IN A 127.0.0.1\n',
};

/** The list in sqlite, the lookup memoized on recipient and sending domain. */
const SUPPRESSION = `
local sqlite = require 'sqlite'
local lookup = kumo.memoize(function(email, domain)
  local db = sqlite.open('seen-before.db')
  db:execute 'CREATE TABLE IF NOT EXISTS suppression (email TEXT, domain TEXT)'
  local count = db:execute('SELECT COUNT(*) FROM suppression')
  if count[1] == 0 then
    for _, user in ipairs { 'gone', 'lost', 'left' } do
      db:execute('INSERT INTO suppression VALUES (?, ?)', user .. '@example.com', 'shop.example')
    end
  end
  local found = db:execute(
    'SELECT email FROM suppression WHERE email = ? AND domain = ?', email, domain)
  db:close()
  return #found > 0
end, { name = 'suppression', ttl = '5 minutes', capacity = 100 })
function cached_is_suppressed(recipient, domain)
  return lookup(recipient.email, domain)
end
queue_helper = { apply = function() end }
dkim_signer = function() end
`;

let engine: ServeProcess;
let sink: SmtpSink;
beforeAll(async () => {
  sink = await SmtpSink.start();
  engine = await ServeProcess.start({ policy: withPrelude(''), files: ZONES });
}, 90_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await sink.close();
});

const seed = (name: string): string =>
  readFileSync(join(import.meta.dirname, `../fixtures/seeds/${name}.lua`), 'utf8')
    .replace(/^(if .*[)"])$/gm, '$1 then')
    .replaceAll('10.0.0.1', '127.0.0.1');

let saved = 0;

function withPrelude(text: string, smtpPort = sink.port): string {
  saved += 1;
  return `
-- ${saved}: the same text again is a change as well
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('get_egress_path_config', function()
  return kumo.make_egress_path {
    smtp_port = ${smtpPort}, enable_tls = 'Disabled', prohibited_hosts = {},
  }
end)
${text}
`;
}

/** Saves the policy and waits until it is in force. */
async function run(text: string, smtpPort?: number): Promise<void> {
  const before = (await engine.api<EngineStatus>('/status')).policy.loadedMs ?? 0;
  writeFileSync(join(engine.workspace, 'policy/init.lua'), withPrelude(text, smtpPort));
  const { policy } = await eventually(
    'the reload',
    async () => {
      const status = await engine.api<EngineStatus>('/status');
      const isNew = (status.policy.loadedMs ?? 0) > before || status.policy.error !== null;
      return isNew ? status : null;
    },
    DEADLINE_MS,
  );
  expect(policy.error).toBeNull();
}

async function delivered(to: string): Promise<RecipientRow> {
  expect(await sendMail(engine, to)).toMatch(/^250 OK ids=/);
  return rowTo(engine, to, 'delivered');
}

const mode = (path: string): string =>
  (statSync(join(engine.workspace, path)).mode & 0o777).toString(8);

const filesIn = (path: string): string[] => readdirSync(join(engine.workspace, path, 'new'));

/** The hosts of the connection plan, in order, as the Journey tells them. */
async function plannedHosts(row: RecipientRow): Promise<string[]> {
  const { parts } = await journeyOf(engine, row);
  return parts
    .filter(({ kind }) => kind === 'plan')
    .flatMap(({ steps }) => steps.map(({ text }) => text));
}

test('maildir: this domain into the maildir, others by SMTP', { timeout: 90_000 }, async () => {
  await run(seed('maildir'));
  const row = await delivered('any@maildir.example.com');
  expect(row).toMatchObject({ code: 200, queue: 'maildir.example.com' });
  expect(filesIn('mail/var/tmp/kumo-maildir').length).toBe(1);
  expect((await delivered('any@elsewhere.example')).route).toBe('captured');
});

test('maildir-modes: 775 and 664 on disk', { timeout: 90_000 }, async () => {
  await run(seed('maildir-modes').replace('kumo-maildir', 'kumo-modes'));
  await delivered('modes@maildir.example.com');
  const [file = ''] = filesIn('mail/var/tmp/kumo-modes');
  expect(
    ['', '/new', '/cur', '/tmp', `/new/${file}`].map((at) => mode(`mail/var/tmp/kumo-modes${at}`)),
  ).toEqual(['775', '775', '775', '775', '664']);
});

test('maildir-per-user: a maildir for each user of each domain', { timeout: 90_000 }, async () => {
  await run(seed('maildir-per-user'));
  await Promise.all(['ada', 'bob'].map((user) => delivered(`${user}@maildir.example.com`)));
  for (const user of ['ada', 'bob']) {
    const path = `mail/maildirs/maildir.example.com/${user}`;
    expect(filesIn(path).length).toBe(1);
    expect([mode(path), mode(`${path}/new/${filesIn(path)[0] ?? ''}`)]).toEqual(['775', '664']);
  }
});

test.for([
  ['mx-list', 'smarthost.example.com'],
  ['mx-list-by-domain', 'domain.to.be.smart.hosted'],
] as const)(
  '%s: hosts in the order given, the queue keeps its name',
  { timeout: 90_000 },
  async ([name, domain]) => {
    await run(seed(name));
    const row = await delivered(`ada@${domain}`);
    expect(row).toMatchObject({ queue: domain, code: 250, attempts: 1 });
    expect(await plannedHosts(row)).toEqual([
      `smart.host.local 127.0.0.2:${sink.port}`,
      `mx.example.com 127.0.0.1:${sink.port}`,
    ]);
  },
);

test('mx-list-ports: its port wins over the one of the path', { timeout: 90_000 }, async () => {
  const handler = `kumo.on('get_queue_config', function()\n${seed('mx-list-ports')}end)`;
  await run(handler.replaceAll(':2025', `:${sink.port}`), 9);
  const row = await delivered('ada@ports.example.com');
  expect(row).toMatchObject({ queue: 'ports.example.com', code: 250 });
  expect(await plannedHosts(row)).toEqual([
    `smart.host.local 127.0.0.2:${sink.port}`,
    `mx.example.com 127.0.0.1:${sink.port}`,
  ]);
});

test('custom-lua: prints, succeeds, and fails for some reason', { timeout: 90_000 }, async () => {
  await run(seed('custom-lua'));
  const row = await delivered('ok@webhook');
  expect(row.lastText).toContain('OK');
  const { parts } = await journeyOf(engine, row);
  const prints = parts.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'print'));
  expect(prints.map(({ text }) => text).join('\n')).toContain('Subject: A journey');

  // Another domain: the open connection of the first one keeps the script it was made with.
  await run(`failed = true\n${seed('custom-lua').replace("'webhook'", "'webhook.fails'")}`);
  await sendMail(engine, 'not-ok@webhook.fails');
  const waiting = await rowTo(engine, 'not-ok@webhook.fails', 'deferred');
  expect(waiting).toMatchObject({
    code: 400,
    lastText: expect.stringContaining('failed for some reason') as string,
  });
});

test(
  'routing-domain: queue example.com!my.smarthost.com, its MX',
  { timeout: 90_000 },
  async () => {
    await run(seed('routing-domain'));
    const row = await delivered('routed@example.com');
    expect(row).toMatchObject({ queue: 'example.com!my.smarthost.com', code: 250 });
  },
);

test('queue: all mail into the queue of my.smarthost.com', { timeout: 90_000 }, async () => {
  await run(seed('queue'));
  const row = await delivered('rewritten@example.com');
  expect(row).toMatchObject({ queue: 'my.smarthost.com', code: 250 });
});

test('queue-literal: delivered to the address, or captured', { timeout: 90_000 }, async () => {
  await run(seed('queue-literal'));
  const outside = await delivered('outside@example.com');
  expect(outside).toMatchObject({ queue: '[20.83.209.56]', route: 'captured' });
  await run(seed('queue-literal').replace('20.83.209.56', '127.0.0.1'));
  const inside = await delivered('inside@example.com');
  expect(inside).toMatchObject({ queue: '[127.0.0.1]', code: 250 });
});

test('suppression by the null queue: accepted and discarded', { timeout: 90_000 }, async () => {
  await run(SUPPRESSION + seed('suppression-null'));
  expect(await sendMail(engine, 'gone@example.com')).toMatch(/^250 OK ids=/);
  const row = await rowTo(engine, 'gone@example.com', 'null');
  await eventually(
    'its only record',
    async () => (await recordsOf(engine, row)).length > 0,
    DEADLINE_MS,
  );
  expect(await recordsOf(engine, row)).toEqual([['Reception', 0, 250]]);
  const from = 'other@elsewhere.example';
  expect(await sendMail(engine, 'gone@example.com', { from })).toMatch(/^250 OK ids=/);
  await eventually(
    'the delivery to the same recipient, for another sender',
    async () => (await rowTo(engine, 'gone@example.com')).state === 'delivered',
    DEADLINE_MS,
  );
});

test('suppression by a campaign that bounces', { timeout: 90_000 }, async () => {
  await run(`
${SUPPRESSION}
${seed('suppression-campaign')}
${seed('suppression-campaign-config')}
kumo.on('get_queue_config', function(domain, tenant, campaign)
  return kumo.make_queue_config {
    protocol = { custom_lua = { constructor = 'make.suppression' } },
  }
end)
${seed('suppression-bounce')}`);
  expect(await sendMail(engine, 'lost@example.com')).toMatch(/^250 OK ids=/);
  const row = await rowTo(engine, 'lost@example.com', 'bounced');
  expect(row).toMatchObject({
    queue: 'suppressed:@example.com',
    code: 550,
    lastText: expect.stringContaining('recipient is suppressed (too many errors)') as string,
  });
  expect(await recordsOf(engine, row)).toEqual([
    ['Reception', 0, 250],
    ['Bounce', 0, 550],
  ]);
});

test('suppression by a refusal; a message without From', { timeout: 90_000 }, async () => {
  await run(`
${SUPPRESSION}
kumo.on('smtp_server_message_received', function(msg)
  if cached_is_suppressed(msg:recipient(), msg:from_header().domain) then
    kumo.reject(550, '5.7.1 recipient is suppressed')
  end
end)`);
  expect(await sendMail(engine, 'left@example.com')).toBe('550 5.7.1 recipient is suppressed');
  await rowTo(engine, 'left@example.com', 'rejected');
  await delivered('here@example.com');

  const reply = await sendMail(engine, 'nofrom@example.com', { headers: ['Subject: nobody'] });
  expect(reply).toMatch(/^421 4\.3\.0 .* technical difficulties$/);
  const row = await rowTo(engine, 'nofrom@example.com', 'rejected');
  expect(JSON.stringify(await journeyOf(engine, row))).toMatch(/attempt to index a nil value/);
});
