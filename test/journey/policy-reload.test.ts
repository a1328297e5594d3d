/** A saved policy decides about the next message; a broken one changes nothing but the status. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import type { EngineFile } from '../../engine/workspace/engine-file.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

/** A policy whose maildirs tell which version of it decided. */
const policy = (version: string): string => `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('campaign', '${version}')
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { maildir_path = 'mail/{{ email }}' } }
end)
`;
const BROKEN = `local kumo = require 'kumo'\n\nkumo.on('init' function() end)\n`;

let engine: ServeProcess;
afterEach(() => engine[Symbol.asyncDispose]());

const save = (text: string): void => writeFileSync(join(engine.workspace, 'policy/init.lua'), text);

const statusWith = (what: string, is: (status: EngineStatus) => boolean): Promise<EngineStatus> =>
  eventually(
    what,
    async () => {
      const status = await engine.api<EngineStatus>('/status');
      return is(status) ? status : null;
    },
    DEADLINE_MS,
  );

const queueOf = async (to: string): Promise<string> => {
  expect(await sendMail(engine, to)).toMatch(/^250 /);
  return (await rowTo(engine, to, 'delivered')).queue;
};

test('saving takes effect, breaking does not, fixing clears', { timeout: 120_000 }, async () => {
  engine = await ServeProcess.start({ policy: policy('one') });
  const first = await engine.api<EngineStatus>('/status');
  expect(first.policy).toMatchObject({ file: 'policy/init.lua', error: null });
  expect(await queueOf('a@x.test')).toBe('one:@x.test');

  save(policy('two'));
  const loadedOnce = first.policy.loadedMs ?? 0;
  await statusWith('the second policy', (s) => (s.policy.loadedMs ?? 0) > loadedOnce);
  expect(await queueOf('b@x.test')).toBe('two:@x.test');

  save(BROKEN);
  const broken = await statusWith('the error', (s) => s.policy.error !== null);
  expect(broken.policy.error).toMatchObject({
    file: 'policy/init.lua',
    line: 3,
    message: expect.stringMatching(/expected near 'function'/) as string,
  });
  expect(await queueOf('c@x.test')).toBe('two:@x.test');
  expect(engine.lines.filter((line) => line.includes('not reloaded'))).toEqual([
    expect.stringMatching(/policy not reloaded, policy\/init\.lua:3: .*expected near 'function'/),
  ]);

  save(policy('three'));
  await statusWith('no error', (s) => s.policy.error === null);
  expect(await queueOf('d@x.test')).toBe('three:@x.test');
  expect(await engine.stop()).toBe(0);
});

test('a first start with a broken policy serves the window', { timeout: 120_000 }, async () => {
  engine = await ServeProcess.start({ policy: BROKEN });
  expect(engine.smtpPort).toBe(0);
  const broken = await engine.api<EngineStatus>('/status');
  expect(broken.policy.error).toMatchObject({ file: 'policy/init.lua', line: 3 });
  expect(broken.listeners.map(({ service }) => service)).toEqual(['ui']);

  save(policy('fixed'));
  await eventually('the listener', () => engine.smtpPort > 0, DEADLINE_MS);
  const fixed = await statusWith('no error', (s) => s.policy.error === null);
  expect(fixed.listeners.map(({ service }) => service).sort()).toEqual(['smtp', 'ui']);
  expect(await queueOf('e@x.test')).toBe('fixed:@x.test');
});

test('what init would set up otherwise needs a restart', { timeout: 120_000 }, async () => {
  const withSetup = (listeners: string, spool: string): string => `
local kumo = require 'kumo'
local sqlite = require 'sqlite'
kumo.on('init', function()
  local db = sqlite.open 'starts.db'
  db:execute 'CREATE TABLE IF NOT EXISTS starts (n INTEGER)'
  db:execute 'INSERT INTO starts VALUES (1)'
  ${listeners}
  kumo.define_spool { name = 'data', path = '${spool}' }
end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { maildir_path = 'mail/{{ email }}' } }
end)
`;
  const one = `kumo.start_esmtp_listener { listen = '127.0.0.1:2525' }`;
  const two = `${one} kumo.start_esmtp_listener { listen = '127.0.0.1:2526' }`;
  engine = await ServeProcess.start({ policy: withSetup(one, '/var/spool/a') });
  const { smtpPort, pid, token } = engine;

  save(withSetup(two, '/var/spool/b'));
  const changed = await statusWith('the sentence', (s) => s.policy.needsRestart !== null);
  const sentence =
    'init sets up something else since the start: ESMTP listener 127.0.0.1:2526 added; spool data changed (path)';
  expect(changed.policy.needsRestart).toBe(sentence);
  expect(engine.lines).toContain(`restart needed: ${sentence}`);
  // A rehearsal changes nothing.
  const starts = (): number => {
    const db = new DatabaseSync(join(engine.workspace, 'starts.db'), { readOnly: true });
    const { n } = db.prepare('SELECT count(*) AS n FROM starts').get() as { n: number };
    db.close();
    return n;
  };
  expect(starts()).toBe(1);

  save(withSetup(one, '/var/spool/a'));
  await statusWith('no sentence', (s) => s.policy.needsRestart === null);

  save(withSetup(two, '/var/spool/b'));
  await statusWith('the sentence again', (s) => s.policy.needsRestart !== null);
  await engine.api('/restart', {});
  await eventually(
    'the second start',
    () => engine.lines.filter((line) => line.includes('initialization complete')).length === 2,
    DEADLINE_MS,
  );
  const again = await engine.api<EngineStatus>('/status');
  expect(again.policy.needsRestart).toBeNull();
  expect(again.listeners.filter(({ service }) => service === 'smtp')).toHaveLength(2);
  expect({ smtpPort: engine.smtpPort, pid: engine.pid, token: engine.token }).toEqual({
    ...{ smtpPort, pid, token },
  });
  expect(starts()).toBe(2);
  expect(await engine.stop()).toBe(0);
});

test('postyard.json takes effect while the engine runs', { timeout: 90_000 }, async () => {
  engine = await ServeProcess.start({ policy: policy('one') });
  const settings = (text: string): void =>
    writeFileSync(join(engine.workspace, 'postyard.json'), text);
  const before = await engine.api<EngineStatus>('/status');
  expect({ open: before.openHosts, capture: before.captureLeaving }).toEqual({
    ...{ open: [], capture: true },
  });

  settings(
    '{ "openHosts": ["mx.example"], "captureLeaving": false, "acceptAnyAuth": false, "offerStartTls": true }',
  );
  const after = await statusWith('the open host', (s) => s.openHosts.length > 0);
  expect(after).toMatchObject({ openHosts: ['mx.example'], captureLeaving: false });
  expect(after.policy.needsRestart).toBeNull();
  expect(after.listeners[0]?.offers).toEqual(['STARTTLS']);

  settings('{ "openHosts": ["mx.example"], "smtp": "127.0.0.1:4711" ');
  const broken = await statusWith('the warning', (s) => s.warnings.length > 0);
  expect(broken.warnings[0]).toMatch(/postyard\.json:1:\d+: .*; what it said before stays$/);
  expect(broken.captureLeaving).toBe(false);

  settings('{ "smtp": "127.0.0.1:4711" }');
  const moved = await statusWith('the sentence', (s) => s.policy.needsRestart !== null);
  expect(moved.policy.needsRestart).toBe('postyard.json has another smtp since the start');
  expect(moved).toMatchObject({ openHosts: [], captureLeaving: true, warnings: [] });
});

test('a broken first start: init again from the beginning', { timeout: 90_000 }, async () => {
  const half = (rest: string): string => `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  kumo.configure_log_hook { name = 'hook' }
  ${rest}
end)
kumo.on('should_enqueue_log_record', function() return false end)
kumo.on('get_queue_config', function()
  return kumo.make_queue_config { protocol = { maildir_path = 'mail/{{ email }}' } }
end)
`;
  engine = await ServeProcess.start({ policy: half(`error 'not today'`) });
  const broken = await engine.api<EngineStatus>('/status');
  expect(broken.policy.error?.message).toMatch(/^call init callback: .*not today/);
  expect(engine.smtpPort).toBe(0);
  save(half(''));
  await eventually('the listener', () => engine.smtpPort > 0, DEADLINE_MS);
  const fixed = await statusWith('no error', (s) => s.policy.error === null);
  expect(fixed.listeners.filter(({ service }) => service === 'smtp')).toHaveLength(1);
  expect(await sendMail(engine, 'ada@x.test')).toMatch(/^250 /);
  await rowTo(engine, 'ada@x.test', 'delivered');
  // Commands find it, too.
  const file = JSON.parse(
    readFileSync(join(engine.workspace, '.postyard/engine.json'), 'utf8'),
  ) as EngineFile;
  expect(file.smtp).toBe(`127.0.0.1:${engine.smtpPort}`);
});

test('a port that is taken when the policy is mended is said, and tried again', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  engine = await ServeProcess.start({ policy: BROKEN, args: ['--smtp', `127.0.0.1:${port}`] });
  save(policy('mended'));
  const taken = await statusWith('the warning', (s) => s.warnings.length > 0);
  expect(taken.warnings).toEqual([
    `Cannot listen on 127.0.0.1:${port}: the port is taken, expected a free one`,
  ]);
  await new Promise((resolve) => holder.close(resolve));
  save(`${policy('mended')}-- again\n`);
  await statusWith('no warning', (s) => s.warnings.length === 0);
  expect(engine.smtpPort).toBe(port);
}, 90_000);
