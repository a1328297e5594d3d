/** Listed recipients in each mode, by SMTP and by HTTP, in a batch, by command, and in the demo. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type {
  RowDetail,
  SuppressionDemoResult,
  SuppressionMode,
  SuppressionPage,
  SuppressionStatus,
} from '../../engine/api/protocol.ts';
import { suppress } from '../../engine/commands/suppress.ts';
import { journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:0', batch_handling = 'BatchByDomain' }
  kumo.start_http_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('campaign', 'autumn')
  if msg:recipient_list()[1].user == 'own' then
    msg:set_meta('suppressed', 'by the policy')
    msg:set_meta('queue', 'null')
  end
end)
kumo.on('get_queue_config', function(domain)
  local protocol = { maildir_path = 'mail/{{ domain_part }}/{{ local_part }}' }
  if domain == 'hard.test' then
    protocol = { custom_lua = { constructor = 'make.hard' } }
  end
  return kumo.make_queue_config { protocol = protocol }
end)
kumo.on('make.hard', function()
  local connection = {}
  function connection:send(msg)
    kumo.reject(550, '5.1.1 no such user')
  end
  return connection
end)
`;

let engine: ServeProcess;
beforeAll(async () => {
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose]());
beforeEach(() => mode('off'));

function mode(wanted: SuppressionMode): Promise<SuppressionStatus> {
  return engine.api('/suppression/settings', { mode: wanted });
}

function list(...recipients: string[]): Promise<unknown> {
  const entries = recipients.map((recipient) => ({ recipient, sendingDomain: 'Shop.Example' }));
  return engine.api('/suppression', { entries });
}

function detail(seq: number): Promise<RowDetail> {
  return engine.api(`/rows/${seq}`);
}

test('each mode: reply, state, records, queue, and the entry that caused it', async () => {
  await list('r@box.test', 'n@box.test', 'b@box.test');

  await mode('reject');
  expect(await sendMail(engine, 'R@box.test')).toMatch(
    /^550 5\.7\.1 recipient is suppressed \(by hand \d{4}-\d\d-\d\d\)$/,
  );
  expect(await sendMail(engine, 'r@box.test', { from: 'x@other.example' })).toMatch(/^250 /);
  const rejected = await rowTo(engine, 'R@box.test', 'suppressed');
  expect((await detail(rejected.seq)).suppressedBy).toMatchObject({
    entry: expect.stringMatching(/^r@box\.test from shop\.example: by hand, since /) as string,
    mode: 'reject',
  });

  await mode('null');
  expect(await sendMail(engine, 'n@box.test')).toMatch(/^250 OK ids=/);
  const discarded = await rowTo(engine, 'n@box.test', 'suppressed');
  expect(discarded.queue).toBe('null');
  // The record follows the reply.
  await eventually('a record', async () => (await recordsOf(engine, discarded)).length > 0);
  expect(await recordsOf(engine, discarded)).toEqual([['Reception', 0, 250]]);

  await mode('bounce');
  expect(await sendMail(engine, 'b@box.test')).toMatch(/^250 OK ids=/);
  const bounced = await rowTo(engine, 'b@box.test', 'suppressed');
  expect({ queue: bounced.queue, attempts: bounced.attempts }).toEqual({
    queue: 'autumn:@suppressed',
    attempts: 1,
  });
  expect(await recordsOf(engine, bounced)).toEqual([
    ['Reception', 0, 250],
    ['Bounce', 0, 550],
  ]);
  const { parts } = await journeyOf(engine, bounced);
  expect(parts.find(({ kind }) => kind === 'queue')?.steps[0]?.text).toMatch(
    /^Suppressed \(bounce\): b@box\.test from shop\.example: by hand/,
  );
  const page = await engine.api<SuppressionPage>('/suppression?q=box.test');
  expect(page.entries.map(({ hits }) => hits)).toEqual([1, 1, 1]);
});

test('of a batch the listed recipients are set apart, the others get their mail', async () => {
  await list('one@batch.test', 'three@batch.test');
  await mode('null');
  const recipients = ['one@batch.test', 'two@batch.test', 'three@batch.test'];
  expect(await sendMail(engine, recipients)).toMatch(/^250 OK ids=[0-9a-f]{32} [0-9a-f]{32}$/);
  expect((await rowTo(engine, 'two@batch.test', 'delivered')).queue).toBe('autumn:@batch.test');
  for (const to of ['one@batch.test', 'three@batch.test'])
    expect((await rowTo(engine, to, 'suppressed')).queue).toBe('null');
});

test('injected messages are suppressed one by one', async () => {
  await list('in@box.test');
  await mode('reject');
  const response = await fetch(`http://127.0.0.1:${engine.httpPort}/api/inject/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      envelope_sender: 'n@bounces.example',
      recipients: [{ email: 'in@box.test' }, { email: 'fine@box.test' }],
      content: 'From: <n@shop.example>\r\nSubject: s\r\n\r\nx\r\n',
    }),
  });
  expect(await response.json()).toMatchObject({
    success_count: 1,
    failed_recipients: ['in@box.test'],
    errors: [expect.stringMatching(/^in@box\.test: 550 5\.7\.1 recipient is suppressed/)],
  });
  await rowTo(engine, 'in@box.test', 'suppressed');
  await rowTo(engine, 'fine@box.test', 'delivered');
});

test('a policy that suppresses on its own keeps its states', async () => {
  await mode('reject');
  await list('own@box.test');
  expect(await sendMail(engine, 'own@box.test')).toMatch(/^250 /);
  const row = await rowTo(engine, 'own@box.test', 'suppressed');
  expect((await detail(row.seq)).suppressedBy).toBeUndefined();
});

test('a bounce lists its recipient once the switch is on', async () => {
  await mode('reject');
  expect(await sendMail(engine, 'gone@hard.test')).toMatch(/^250 /);
  await rowTo(engine, 'gone@hard.test', 'bounced');
  expect((await engine.api<SuppressionPage>('/suppression?q=hard.test')).matching).toBe(0);
  await engine.api('/suppression/settings', { autoAdd: { bounce: true } });
  expect(await sendMail(engine, 'gone@hard.test')).toMatch(/^250 /);
  const { entries } = await eventually('the entry', async () => {
    const page = await engine.api<SuppressionPage>('/suppression?q=hard.test');
    return page.matching > 0 ? page : null;
  });
  const [entry] = entries;
  expect(entry).toMatchObject({
    ...{ recipient: 'gone@hard.test', sendingDomain: 'shop.example', origin: 'bounce' },
    ...{ source: '550 5.1.1', reason: 'no such user' },
  });
  expect((await detail(entry?.rowSeq ?? 0)).row.to).toBe('gone@hard.test');
  expect(await sendMail(engine, 'gone@hard.test')).toMatch(/^550 5\.7\.1 .*\(bounce /);
  await engine.api('/suppression/settings', { autoAdd: { bounce: false } });
});

test('the demo: three modes side by side, mail flows again, and no trace after reset', async () => {
  await mode('off');
  const before = await engine.api<SuppressionStatus>('/suppression/settings');
  const run = (step: SuppressionMode): Promise<SuppressionDemoResult> =>
    engine.api('/suppression/demo', { step });
  const results = [await run('reject'), await run('null'), await run('bounce'), await run('off')];
  expect(
    results.map(({ reply, state, queue, attempts, records }) => [
      ...[reply.slice(0, 3), state, queue, attempts],
      records.map(({ type, code }) => `${type} ${code}`).join(', '),
    ]),
  ).toEqual([
    ['550', 'suppressed', '', 0, 'Rejection 550'],
    ['250', 'suppressed', 'null', 0, 'Reception 250'],
    ['250', 'suppressed', 'autumn:@suppressed', 1, 'Reception 250, Bounce 550'],
    ['250', 'delivered', 'autumn:@example.net', 1, 'Reception 250, Delivery 200'],
  ]);
  expect(results[0]?.transcript.at(-1)?.text).toMatch(/^550 5\.7\.1/);
  await engine.api('/suppression/demo/reset', {});
  const { rows } = await engine.api<{ rows: { to: string }[] }>('/rows?limit=200');
  expect(rows.filter(({ to }) => to === results[0]?.to)).toEqual([]);
  const after = await engine.api<SuppressionStatus>('/suppression/settings');
  expect({ ...after, version: 0 }).toEqual({ ...before, version: 0 });
});

test('the command: list, add, remove, undo, import, export, mode, lua', async () => {
  const run = async (...args: string[]): Promise<string> => {
    let said = '';
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    try {
      await suppress.run([...args, '--workspace', engine.workspace]);
      return said.trimEnd();
    } finally {
      write.mockRestore();
    }
  };
  expect(await run('add', 'cli@box.test', '--from', 'cli.example', '--reason', 'asked')).toBe(
    '1 added',
  );
  const removed = await run('remove', 'cli@box.test');
  expect(removed).toMatch(/^1 removed; undo with: postyard suppress undo (\S+)$/);
  expect(await run('undo', removed.split(' ').at(-1) ?? '')).toBe('1 listed again');
  expect(await run('list', '--search', 'cli.example')).toMatch(
    /\ncli@box\.test {2}cli\.example +hand: asked {2}\d{4}-/,
  );
  const file = join(engine.workspace, 'more.csv');
  writeFileSync(file, 'email,domain\nmore@box.test,cli.example\nnobody\n');
  expect(await run('import', file)).toMatch(/^1 added, 0 listed already, 1 refused\n {2}line 3: /);
  const out = join(engine.workspace, 'out.json');
  await run('export', out, '--search', 'cli.example');
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject([
    { recipient: 'more@box.test', origin: 'import', source: 'more.csv:2' },
    { recipient: 'cli@box.test', origin: 'hand', reason: 'asked' },
  ]);
  expect(await run('mode', 'null', '--auto', 'oob', '--classes', 'A,B')).toMatch(
    /^mode null; \d+ entries\nadded by itself: whoever causes oob\nbounce classes: A, B$/,
  );
  await expect(run('mode', 'loud')).rejects.toThrow('mode is loud, expected off, reject, null');
  expect(await run('lua', '--mode', 'bounce')).toMatch(/^--\[\[[\s\S]*return mod$/);
});
