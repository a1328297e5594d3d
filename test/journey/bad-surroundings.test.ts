/** Broken surroundings: each gets a clear sentence, and what can go on goes on. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import { journeyOf, recordsOf, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  local user = msg:recipient().user
  if user == 'loop' then
    while true do end
  elseif user == 'memory' then
    local all = {}
    while true do
      all[#all + 1] = string.rep('x', 1000000)
    end
  elseif user == 'throw' then
    error('thrown on purpose')
  end
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config {
    protocol = { maildir_path = 'mail/{{ domain_part }}/{{ local_part }}' },
    retry_interval = '1s',
  }
end)
`;

let engine: ServeProcess;
let holder: Server;
let taken: number;
beforeAll(async () => {
  holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  taken = (holder.address() as AddressInfo).port;
  engine = await ServeProcess.start({
    policy: POLICY,
    addresses: 'settings',
    files: {
      'postyard.json': `{
  // a port that somebody has
  "smtp": "127.0.0.1:${taken}",
  "ui": "127.0.0.1:0",
}`,
    },
  });
}, 90_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await new Promise((resolve) => holder.close(resolve));
});

test(
  'a taken port of the settings: the next free one, and it is said',
  { timeout: 60_000 },
  async () => {
    const { listeners } = await engine.api<EngineStatus>('/status');
    const smtp = listeners.find(({ service }) => service === 'smtp');
    expect(smtp?.wanted).toBe(`127.0.0.1:${taken}`);
    expect(engine.smtpPort).toBeGreaterThan(taken);
    expect(smtp?.address).toBe(`127.0.0.1:${engine.smtpPort}`);
  },
);

test('a taken port of the command line: an error and status 1', { timeout: 60_000 }, async () => {
  await expect(ServeProcess.start({ args: ['--smtp', `127.0.0.1:${taken}`] })).rejects.toThrow(
    new RegExp(
      `status 1:[^]*Cannot listen on 127\\.0\\.0\\.1:${taken}: the port is taken, expected a free one`,
    ),
  );
});

test('a second engine for the same workspace says who has it', { timeout: 60_000 }, async () => {
  await expect(ServeProcess.start({ workspace: engine.workspace })).rejects.toThrow(
    new RegExp(`status 1:[^]*an engine with pid ${engine.pid} has it open`),
  );
  expect(await sendMail(engine, 'still@here.test')).toMatch(/^250 /);
});

test('a broken postyard.json: file, line, defaults', { timeout: 60_000 }, async () => {
  await using other = await ServeProcess.start({
    files: { 'postyard.json': '{\n  "keepDays": 3,\n  "captureLeaving": maybe\n}\n' },
  });
  const { warnings, captureLeaving } = await other.api<EngineStatus>('/status');
  expect(warnings).toEqual([
    expect.stringMatching(/postyard\.json:3:\d+: .*the defaults are used$/) as string,
  ]);
  expect(captureLeaving).toBe(true);
  expect(other.lines.join('\n')).toMatch(/postyard\.json:3/);
});

test(
  'a maildir that cannot be written: waits, and is delivered after the repair',
  { timeout: 90_000 },
  async () => {
    const domain = join(engine.workspace, 'mail/blocked.test');
    mkdirSync(join(engine.workspace, 'mail'), { recursive: true });
    writeFileSync(domain, 'a file where a folder should be');
    expect(await sendMail(engine, 'ada@blocked.test')).toMatch(/^250 /);
    const waiting = await rowTo(engine, 'ada@blocked.test', 'deferred');
    expect(waiting.lastText).toMatch(/^4\d\d |maildir|directory/i);
    expect((await recordsOf(engine, waiting)).slice(0, 2).map(([type]) => type)).toEqual([
      'Reception',
      'TransientFailure',
    ]);
    rmSync(domain);
    await engine.api('/queues/actions', { verb: 'deliver-now', queue: 'blocked.test' });
    const done = await rowTo(engine, 'ada@blocked.test', 'delivered');
    expect((await recordsOf(engine, done)).at(-1)?.[0]).toBe('Delivery');
  },
);

test.for([
  ['throw', 'thrown on purpose'],
  ['loop', 'smtp_server_message_received'],
  ['memory', 'memory'],
] as const)(
  'a policy that fails by %s: a 4xx, the Journey tells why, the engine lives on',
  { timeout: 90_000 },
  async ([user, why]) => {
    const reply = await sendMail(engine, `${user}@bad.test`);
    expect(reply).toMatch(/^(421|451) /);
    const row = await rowTo(engine, `${user}@bad.test`, 'rejected');
    const told = JSON.stringify(await journeyOf(engine, row));
    expect(told).toMatch(/raised /);
    expect(told.toLowerCase()).toContain(why);
    expect(await sendMail(engine, `after-${user}@good.test`)).toMatch(/^250 /);
    await rowTo(engine, `after-${user}@good.test`, 'delivered');
  },
);
