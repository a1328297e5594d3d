/** Goal: the exported folder does in strict mode, and so in KumoMTA, what the workspace did here. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { SuppressionStatus } from '../../engine/api/protocol.ts';
import { UsageError } from '../../engine/commands/command.ts';
import { exportTo } from '../../engine/commands/export.ts';
import { sendMail } from '../support/journey.ts';
import { ServeProcess, eventually } from '../support/serve-process.ts';
import { StrictRun } from '../support/strict-run.ts';

/** One file for both: where the strict run keeps its files comes from its environment. */
const POLICY = `
local kumo = require 'kumo'
local root = os.getenv 'STRICT_ROOT' or '/var'
kumo.on('init', function()
  kumo.define_spool { name = 'data', path = root .. '/spool/data' }
  kumo.define_spool { name = 'meta', path = root .. '/spool/meta' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('campaign', 'spring')
end)
kumo.on('get_queue_config', function(domain, tenant, campaign)
  return kumo.make_queue_config {
    protocol = { maildir_path = (os.getenv 'STRICT_ROOT' or '') .. '/mail/{{ campaign }}/{{ email }}' },
  }
end)
`;

let engine: ServeProcess;
let target: string;
beforeAll(async () => {
  target = join(mkdtempSync(join(tmpdir(), 'postyard-export-')), 'bundle');
  engine = await ServeProcess.start({ policy: POLICY });
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(join(target, '..'), { recursive: true, force: true });
});

test(
  'routes and suppression go along, the policy stays as it was',
  { timeout: 90_000 },
  async () => {
    const match = { recipient: 'vip@*' };
    const to = { kind: 'reject', code: 550, text: '5.7.1 not to them' };
    await engine.api(
      '/routes/no-vips',
      { route: { name: 'no-vips', enabled: true, match, to } },
      'PUT',
    );
    await engine.api('/suppression', { entries: [{ recipient: 'gone@example.com' }] });
    await engine.api<SuppressionStatus>('/suppression/settings', { mode: 'reject' });
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      expect(await exportTo.run(['kumomta', target, '--workspace', engine.workspace])).toBe(0);
      expect(said.mock.calls.join('')).toContain('start.lua');
    } finally {
      said.mockRestore();
    }
    expect(readFileSync(join(target, 'init.lua'), 'utf8')).toBe(POLICY);

    const root = mkdtempSync(join(tmpdir(), 'postyard-strict-'));
    await using strict = await StrictRun.startFile(join(target, 'start.lua'), root, {
      STRICT_ROOT: root,
      POLICY_FOLDER: target,
      SUPPRESSION_DB: join(target, 'suppression.db'),
    });
    const replies: string[] = [];
    for (const port of [engine.smtpPort, strict.port])
      for (const recipient of ['vip@example.com', 'gone@example.com', 'alice@example.com'])
        replies.push((await sendMail(engine, recipient, { port })).replace(/ids=\w+/, 'ids='));
    expect(replies.slice(0, 3)).toEqual([
      '550 5.7.1 not to them',
      expect.stringMatching(/^550 5\.7\.1 recipient is suppressed/),
      '250 OK ids=',
    ]);
    expect(replies.slice(3)).toEqual(replies.slice(0, 3));
    await eventually('the maildir of the policy', () =>
      existsSync(join(root, 'mail/spring/alice@example.com/new')),
    );
  },
);

test('a folder that exists and words that mean nothing are refused', async () => {
  await expect(exportTo.run(['kumomta', tmpdir()])).rejects.toThrow(
    /exists, expected a new folder/,
  );
  await expect(exportTo.run(['sendmail', 'x'])).rejects.toThrow(UsageError);
});
