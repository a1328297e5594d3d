/** Many calls, many contexts: nothing may grow. */
import { describe, expect, it } from 'vitest';
import { PolicyWatcher } from '../../../engine/policy/policy-watcher.ts';
import { SystemClock } from '../../../engine/base/clock.ts';
import { connectionMeta, TestPolicy } from '../../support/policy.ts';

const POLICY = `
  kumo.on('smtp_server_message_received', function(msg, conn_meta)
    msg:set_meta('queue', msg:recipient().domain)
    local t = { msg:sender(), conn_meta:get_meta 'x' }
    if msg:get_meta 'wait' then kumo.sleep(0) end
    pcall(kumo.reject, 550, 'x')
  end)
  kumo.on('state', function() collectgarbage() return math.floor(collectgarbage 'count') end)
`;

describe('a context', () => {
  it('stays the same over 100,000 calls', { timeout: 120_000 }, async () => {
    await using policy = await TestPolicy.load(POLICY);
    policy.host.world.tuning.contextUsesMax = 1_000_000;
    const message = policy.message();
    const meta = connectionMeta();
    const call = () => policy.host.events.smtpServerMessageReceived(message, meta, null);
    const kilobytes = async (): Promise<number> =>
      Number((await policy.host.callEvent('state', []))[0]);
    await call();
    const before = await kilobytes();
    const waiting = policy.message({ meta: { wait: true } });
    for (let i = 0; i < 100_000; i++) {
      await call();
      if (i % 100 === 0) await policy.host.events.smtpServerMessageReceived(waiting, meta, null);
    }
    expect((await kilobytes()) - before).toBeLessThan(50);
  });

  it('is renewed thousands of times without growing', async () => {
    await using policy = await TestPolicy.load(POLICY);
    policy.host.world.tuning.contextUsesMax = 1;
    const message = policy.message();
    const meta = connectionMeta();
    for (let i = 0; i < 300; i++)
      await policy.host.events.smtpServerMessageReceived(message, meta, null);
    const first = Number((await policy.host.callEvent('state', []))[0]);
    for (let i = 0; i < 2_000; i++)
      await policy.host.events.smtpServerMessageReceived(message, meta, null);
    const last = Number((await policy.host.callEvent('state', []))[0]);
    expect(last).toBe(first);
  });
});

describe('PolicyWatcher', () => {
  it('says once when a file has really changed', async () => {
    await using policy = await TestPolicy.load("kumo.on('ask', function() return 1 end)", {
      files: { 'data.toml': 'a = 1', 'notes.txt': 'x', '.git/config.json': '{}' },
    });
    let changes = 0;
    let seen = (): void => undefined;
    const watcher = new PolicyWatcher({
      folder: policy.folder,
      clock: new SystemClock({ keepAlive: false }),
      onChange: () => {
        changes++;
        seen();
        return Promise.resolve();
      },
      onError: (error) => expect.unreachable(error.message),
    });
    await watcher.start();
    const change = (write: () => void): Promise<void> =>
      new Promise((resolve) => {
        seen = resolve;
        write();
      });
    policy.write('data.toml', 'a = 1');
    policy.write('notes.txt', 'y');
    policy.write('.git/config.json', '[]');
    await change(() => policy.write('data.toml', 'a = 2'));
    await change(() => policy.write('new.lua', 'return 1'));
    expect(changes).toBe(2);
    await watcher.close();
  });
});
