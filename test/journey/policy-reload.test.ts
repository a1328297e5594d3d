/** A saved policy decides about the next message; a broken one changes nothing but the status. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
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
