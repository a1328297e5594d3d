/** A policy that hangs in C, where no budget stops it: cut off, named, and nothing accepted is lost. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EngineStatus } from '../../engine/api/protocol.ts';
import type { StuckNote } from '../../engine/policy/stuck-watch.ts';
import { DEADLINE_MS, rowTo, sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';

const POLICY = `
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  if msg:recipient().user == 'hang' then
    string.find(('a'):rep(40000) .. 'b', ('.-'):rep(30) .. 'x')
  end
end)
kumo.on('get_queue_config', function(domain)
  local path = domain == 'later.test' and '/dev/null/not-here' or 'mail/{{ local_part }}'
  return kumo.make_queue_config { protocol = { maildir_path = path } }
end)
`;

const ready = (engine: ServeProcess): number =>
  engine.lines.filter((line) => line.includes('initialization complete')).length;

test(
  'the engine begins anew, names the event, keeps what it had',
  { timeout: 120_000 },
  async () => {
    await using engine = await ServeProcess.start({ policy: POLICY });
    const { smtpPort, pid } = engine;
    const waiting = Array.from({ length: 20 }, (_, n) => `w${n}@x.test`);
    for (const to of waiting) expect(await sendMail(engine, to)).toMatch(/^250 /);
    await expect(sendMail(engine, 'hang@x.test')).rejects.toThrow(/closed|ECONNRESET/);
    await eventually('the second start', () => ready(engine) === 2, DEADLINE_MS);

    const status = await engine.api<EngineStatus>('/status');
    expect(status.warnings).toEqual([
      expect.stringMatching(/^the policy hung in smtp_server_message_received for 1\d s/) as string,
    ]);
    expect(engine.lines).toContain('restarting: the policy hangs in smtp_server_message_received');
    // In the same place: process, port and token are the same ones.
    expect({ pid: engine.pid, smtpPort: engine.smtpPort }).toEqual({ pid, smtpPort });
    for (const to of waiting) await rowTo(engine, to, 'delivered');
    expect(await sendMail(engine, 'after@x.test')).toMatch(/^250 /);
    await rowTo(engine, 'after@x.test', 'delivered');
    expect(await engine.stop()).toBe(0);
  },
);

test(
  'after three hangs in a row the policy is held until it is saved',
  { timeout: 90_000 },
  async () => {
    const workspace = mkdtempSync(join(tmpdir(), 'postyard-ws-'));
    const note: StuckNote = { event: 'init', ranMs: 10_000, atMs: Date.now(), count: 3 };
    mkdirSync(join(workspace, '.postyard'));
    writeFileSync(join(workspace, '.postyard/stuck.json'), JSON.stringify(note));
    await using engine = await ServeProcess.start({ workspace, policy: POLICY });
    const held = await engine.api<EngineStatus>('/status');
    expect(held.policy.error?.message).toMatch(/^not loaded: init hung 3 times in a row/);
    expect(engine.smtpPort).toBe(0);

    writeFileSync(join(workspace, 'policy/init.lua'), `${POLICY}-- mended\n`);
    await eventually('the listener', () => engine.smtpPort > 0, DEADLINE_MS);
    expect(await sendMail(engine, 'ada@x.test')).toMatch(/^250 /);
  },
);
