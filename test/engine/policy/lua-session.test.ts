import { describe, expect, it } from 'vitest';
import { PolicyError, PolicyReject } from '../../../engine/policy/events.ts';
import { withoutTraceback } from '../../../engine/policy/lua/lua-error.ts';
import { KeptTrace, TestPolicy } from '../../support/policy.ts';

const POLICY = `
local log = {}
kumo.on('log', function() return table.concat(log, ',') end)
kumo.on('make.door', function(domain, tenant, campaign)
  local connection = { count = 0 }
  function connection:send(msg)
    self.count = self.count + 1
    local what = msg:recipient().user
    if what == 'number' then return 42 end
    if what == 'float' then return 1.0 end
    if what == 'nothing' then return end
    if what == 'table' then return {} end
    if what == 'soft' then kumo.reject(451, '4.1.1 later') end
    if what == 'error' then error 'jammed' end
    if what == 'slow' then kumo.sleep(0.01) end
    print('sending')
    return self.count .. ' ' .. domain .. ' ' .. tostring(tenant) .. ' ' .. tostring(campaign)
  end
  function connection:close()
    closed = (closed or 0) + 1
    kumo.log_info('closed ' .. self.count)
  end
  return connection
end)
kumo.on('make.batch', function()
  return { send_batch = function(self, list) return 'batch of ' .. #list .. ' ' .. list[1]:recipient().user end }
end)
kumo.on('make.nothing', function() end)
kumo.on('make.text', function() return { send = 'not a function', close = 1 } end)
kumo.on('make.error', function() error 'cannot build' end)
kumo.on('make.reject', function() kumo.reject(550, 'no door today') end)
`;

describe('ScriptHost.construct()', () => {
  it('fails with the text of the error; a reject is no different', async () => {
    await using policy = await TestPolicy.load(POLICY);
    const build = (name: string) => policy.host.events.construct(name, 'd', null, null, null);
    const error = (await build('make.error').catch((e: unknown) => e)) as PolicyError;
    expect(withoutTraceback(error.message)).toBe(
      `runtime error: [string "${policy.file}"]:30: cannot build`,
    );
    await expect(build('make.missing')).rejects.toThrow('error converting Lua nil to function');
    const reject = (await build('make.reject').catch((e: unknown) => e)) as PolicyError;
    expect(reject).toBeInstanceOf(PolicyError);
    expect(reject.message).toMatch(/^550 no door today\nstack traceback:/);
  });

  it('keeps one object and one context per session', async () => {
    await using policy = await TestPolicy.load(POLICY);
    const { host } = policy;
    const first = await host.events.construct('make.door', 'd.test', 't', null, null);
    const second = await host.events.construct('make.door', 'e.test', null, 'c', null);
    const message = policy.message({ to: 'slow@d.test' });
    const trace = new KeptTrace();
    expect(await first.send([message], 1, trace)).toBe('1 d.test t nil');
    const both = [first.send([message], 1, null), second.send([message], 1, null)];
    expect(await Promise.all(both)).toEqual(['2 d.test t nil', '1 e.test nil c']);
    expect(trace.calls).toMatchObject([
      {
        event: 'make.door:send',
        args: [`message ${message.id}`],
        returned: ['"1 d.test t nil"'],
        prints: [{ text: 'sending' }],
      },
    ]);
    await first.close();
    await first.close();
    second.release();
    expect(policy.diagnostics).toEqual([expect.stringMatching(/closed 2$/)]);
  });

  it('turns what send returns into text', async () => {
    await using policy = await TestPolicy.load(POLICY);
    const session = await policy.host.events.construct('make.door', 'd', null, null, null);
    const send = (user: string): Promise<string> =>
      session.send([policy.message({ to: `${user}@d.test` })], 1, null);
    expect([await send('number'), await send('float')]).toEqual(['42', '1.0']);
    const failed = (type: string): string =>
      `sender:send method failed: error converting Lua ${type} to String (expected string or number)`;
    await expect(send('nothing')).rejects.toThrow(failed('nil'));
    await expect(send('table')).rejects.toThrow(failed('table'));
    const error = (await send('error').catch((e: unknown) => e)) as PolicyError;
    expect(withoutTraceback(error.message)).toBe(
      `sender:send method failed: runtime error: [string "${policy.file}"]:14: jammed`,
    );
    expect([error.file, error.line]).toEqual([policy.file, 14]);
    const reject = (await send('soft').catch((e: unknown) => e)) as PolicyReject;
    expect(reject).toBeInstanceOf(PolicyReject);
    expect([reject.code, reject.text]).toEqual([451, '4.1.1 later']);
    await session.close();
  });

  it('sends batches, and explains objects that cannot', async () => {
    await using policy = await TestPolicy.load(POLICY);
    const { host } = policy;
    const batch = await host.events.construct('make.batch', 'd', null, null, null);
    const messages = ['x', 'y'].map((user) => policy.message({ to: `${user}@d.test` }));
    expect(await batch.send(messages, 5, null)).toBe('batch of 2 x');
    await expect(batch.send(messages.slice(1), 1, null)).rejects.toThrow(
      'sender:send method not found: error converting Lua nil to function',
    );
    await batch.close();
    const nothing = await host.events.construct('make.nothing', 'd', null, null, null);
    await expect(nothing.send(messages, 1, null)).rejects.toThrow('invalid connection object');
    await nothing.close();
    const text = await host.events.construct('make.text', 'd', null, null, null);
    await expect(text.send(messages.slice(1), 1, null)).rejects.toThrow(
      'sender:send method not found: error converting Lua string to function',
    );
    await text.close();
  });
});
