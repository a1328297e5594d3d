import { describe, expect, it } from 'vitest';
import { jsonFloat } from '../../../engine/mail/json.ts';
import { PolicyError, PolicyReject } from '../../../engine/policy/events.ts';
import { withoutTraceback } from '../../../engine/policy/lua/lua-error.ts';
import { connectionMeta, TestPolicy } from '../../support/policy.ts';

const meta = connectionMeta({ reception_protocol: 'ESMTP' });
const address = { email: 'a@shop.test', user: 'a', domain: 'shop.test' };

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

describe('ScriptHost.load()', () => {
  it('reports file and line of a broken policy', async () => {
    const broken = await TestPolicy.tryLoad('\nthis is not lua');
    await using policy = broken.policy;
    expect(broken.result).toEqual({
      ok: false,
      error: {
        file: policy.file,
        line: 2,
        message: `syntax error: [string "${policy.file}"]:2: syntax error near 'is'`,
      },
    });
    const missing = await policy.host.load('/nowhere/init.lua');
    expect(missing).toEqual({
      ok: false,
      error: {
        file: '/nowhere/init.lua',
        line: null,
        message: 'reading policy file /nowhere/init.lua: No such file or directory (os error 2)',
      },
    });
  });

  it('keeps the old policy when the new one is broken, also its modules', async () => {
    await using policy = await TestPolicy.load(
      `local m = require 'answer' kumo.on('ask', function() return m.value end)`,
      { files: { 'answer.lua': 'return { value = 1 }' } },
    );
    policy.write('answer.lua', 'return {');
    const result = await policy.host.load(policy.file);
    expect(result).toMatchObject({ ok: false, error: { file: `${policy.folder}/answer.lua` } });
    policy.host.world.tuning.contextUsesMax = 1;
    for (let i = 0; i < 3; i++) expect(await policy.host.callEvent('ask', [])).toEqual([1]);
    policy.write('answer.lua', 'return { value = 2 }');
    expect(await policy.host.bumpEpoch()).toEqual({ ok: true });
    expect(await policy.host.callEvent('ask', [])).toEqual([2]);
  });

  it('lets calls under way finish on the policy they began with', async () => {
    await using policy = await TestPolicy.load(
      `kumo.on('slow', function() kumo.sleep(0.05) return 'old' end)`,
    );
    const slow = policy.host.callEvent('slow', []);
    expect((await policy.replace(`kumo.on('slow', function() return 'new' end)`)).ok).toBe(true);
    expect(await policy.host.callEvent('slow', [])).toEqual(['new']);
    expect(await slow).toEqual(['old']);
  });

  it('runs the whole file once per context', async () => {
    await using policy = await TestPolicy.load(
      `count = (count or 0) + 1 kumo.on('count', function() count = count + 1 return count end)`,
    );
    expect(await policy.host.callEvent('count', [])).toEqual([2]);
    expect(await policy.host.callEvent('count', [])).toEqual([3]);
    await policy.host.bumpEpoch();
    expect(await policy.host.callEvent('count', [])).toEqual([2]);
  });

  it('finds modules beside the policy, in the extras and on package.path', async () => {
    await using policy = await TestPolicy.load(
      `
      package.path = FOLDER .. '/lib/?.lua;' .. package.path
      local utils = require 'policy-extras.policy_utils'
      local a, where = require 'a'
      kumo.on('ask', function() return a, where, type(utils), require 'b', package.loaded.kumo == kumo end)
    `,
      { files: { 'a.lua': '#!/usr/bin/lua\nreturn "A"', 'lib/b.lua': '\ufeffreturn "B"' } },
    );
    expect(await policy.host.callEvent('ask', [])).toEqual([
      'A',
      `${policy.folder}/a.lua`,
      'table',
      'B',
      true,
    ]);
  });

  it('names places in required files by their plain path', async () => {
    await using policy = await TestPolicy.load(
      `local m = require 'm' kumo.on('fail', function() m.fail() end)`,
      { files: { 'm.lua': 'return { fail = function()\n  error "no" end }' } },
    );
    const error = (await failure(policy.host.callEvent('fail', []))) as PolicyError;
    expect(withoutTraceback(error.message)).toBe(`runtime error: ${policy.folder}/m.lua:2: no`);
    expect([error.event, error.file, error.line]).toEqual(['fail', `${policy.folder}/m.lua`, 2]);
  });

  it('refuses a suspending call while a module is loaded', async () => {
    const { policy, result } = await TestPolicy.tryLoad(`require 'm'`, {
      files: { 'm.lua': "require 'kumo'.sleep(0.001)" },
    });
    await using _ = policy;
    expect(result).toMatchObject({ ok: false });
    expect(JSON.stringify(result)).toMatch('attempt to yield across a C-call boundary');
  });
});

describe('ScriptHost.init()', () => {
  it('runs all pre_init handlers and init in one context', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('pre_init', function() first = 1 return nil end)
      kumo.on('pre_init', function() second = first + 1 end)
      kumo.on('init', function()
        kumo.start_esmtp_listener { listen = '127.0.0.1:0', hostname = second .. '.test' }
      end)
    `);
    await policy.host.init();
    expect(policy.asked).toMatchObject([
      ['startEsmtpListener', { listen: '127.0.0.1:0', base: { hostname: '2.test' } }],
    ]);
  });

  it('fails with the place', async () => {
    await using policy = await TestPolicy.load(`kumo.on('init', function()\n error 'no' end)`);
    const error = (await failure(policy.host.init())) as PolicyError;
    expect(withoutTraceback(error.message)).toBe(
      `call init callback: runtime error: [string "${policy.file}"]:2: no`,
    );
    expect([error.file, error.line]).toEqual([policy.file, 2]);
  });

  it('starts nothing when it only validates', async () => {
    await using policy = await TestPolicy.load(
      `
      kumo.on('init', function()
        assert(_VALIDATING_CONFIG)
        kumo.start_http_listener { listen = '127.0.0.1:0' }
        kumo.spawn_task { event_name = 'x', args = {} }
      end)
      kumo.on('validate_config', function() kumo.validation_failed() end)
    `,
      { isValidating: true },
    );
    await policy.host.init();
    expect(policy.asked).toEqual([]);
    expect(await policy.host.validate()).toBe(false);
  });
});

describe('kumo.on()', () => {
  it('takes one handler for an event, several for some', async () => {
    const { policy, result } = await TestPolicy.tryLoad(
      `kumo.on('get_queue_config', print) kumo.on('get_queue_config', print)\nkumo.on('init', print)\nkumo.on('init', print)`,
    );
    await using _ = policy;
    expect(result).toMatchObject({ ok: false, error: { line: 3 } });
    if (result.ok) return;
    expect(withoutTraceback(result.error.message)).toBe(
      `init event already has a handler defined at ${policy.file}:2`,
    );
  });

  it('refuses to register from within an event', async () => {
    await using policy = await TestPolicy.load(
      `kumo.on('ask', function() kumo.on('other', print) end)`,
    );
    const error = await failure(policy.host.callEvent('ask', []));
    expect(error.message).toMatch(
      "Attempting to register an event handler via `kumo.on('other', ...)` from within the event handler 'ask'.",
    );
  });

  it('knows where handlers were registered', async () => {
    await using policy = await TestPolicy.load(
      `
      local function register() kumo.on('get_queue_config', function() end) end
      register()
      kumo.on('ask', function()
        return kumo.get_event_registrars('get_queue_config'), kumo.get_event_registrars('nothing')
      end)
    `,
    );
    const [registrars, none] = await policy.host.callEvent('ask', []);
    expect(none).toBeUndefined();
    expect(registrars).toMatchObject({
      sequence: [{ sequence: [`[string "${policy.file}"]:2`, `[string "${policy.file}"]:3`] }],
    });
  });
});

describe('dispatch', () => {
  it('costs nothing for an event without a handler, and gives its default', async () => {
    await using policy = await TestPolicy.load('');
    const { host } = policy;
    expect(host.events.has('get_queue_config')).toBe(false);
    expect(await host.events.smtpServerEhlo('d', meta, ['PIPELINING'], null)).toBeNull();
    expect(await host.events.smtpServerAuthPlain('', 'u', 'p', meta, null)).toBe(false);
    expect(await host.events.getListenerDomain('d', '127.0.0.1:25', meta, null)).toBeNull();
    expect((await host.events.getQueueConfig('d', null, null, null, null)).maxAgeMs).toBe(
      604_800_000,
    );
    expect((await host.events.getEgressPathConfig('d', 's', 'site', null)).smtpPort).toBe(25);
    expect(await host.events.shouldEnqueueLogRecord(policy.message(), 'h')).toBe(false);
    expect(await host.events.filterLog('keep', policy.message())).toBe(false);
    await expect(host.events.getEgressPool('p', null)).rejects.toThrow(
      'Event get_egress_pool has not been registered',
    );
    await expect(host.events.construct('make.x', 'd', null, null, null)).rejects.toThrow(
      'error converting Lua nil to function',
    );
  });

  it('asks handlers of a list until one returns a value', async () => {
    await using policy = await TestPolicy.load(`
      order = {}
      kumo.on('get_queue_config', function(domain) order[#order + 1] = 'a' if domain == 'a' then return kumo.make_queue_config { max_age = 1 } end end)
      kumo.on('get_queue_config', function(domain) order[#order + 1] = 'b' if domain == 'nil' then return nil end end)
      kumo.on('get_queue_config', function(domain, tenant, campaign, routing)
        order[#order + 1] = 'c'
        if domain == 'c' then return kumo.make_queue_config { max_age = 3, egress_pool = tenant .. tostring(campaign) .. routing } end
      end)
      kumo.on('order', function() return table.concat(order) end)
    `);
    const { host } = policy;
    const ask = (domain: string) => host.events.getQueueConfig(domain, 't', null, 'r', null);
    expect((await ask('a')).maxAgeMs).toBe(1_000);
    expect(await ask('c')).toMatchObject({ maxAgeMs: 3_000, egressPool: 'tnilr' });
    expect((await ask('none')).maxAgeMs).toBe(604_800_000);
    expect(await host.callEvent('order', [])).toEqual(['aabcabc']);
    await expect(ask('nil')).rejects.toThrow('error converting Lua nil to QueueConfig');
  });

  it('says what a handler returned instead', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('get_queue_config', function() return {} end)
      kumo.on('get_egress_path_config', function() end)
      kumo.on('get_egress_pool', function(name) return kumo.make_egress_source { name = name } end)
      kumo.on('get_listener_domain', function() return { relay_to = true } end)
      kumo.on('smtp_server_auth_plain', function() return nil end)
      kumo.on('smtp_server_ehlo', function() return 5 end)
      kumo.on('smtp_server_get_dynamic_parameters', function() end)
    `);
    const { host } = policy;
    await expect(host.events.getQueueConfig('d', null, null, null, null)).rejects.toThrow(
      'error converting Lua table to QueueConfig',
    );
    await expect(host.events.getEgressPathConfig('d', 's', 'x', null)).rejects.toThrow(
      'error converting Lua nil to EgressPathConfig',
    );
    await expect(host.events.getEgressPool('p', null)).rejects.toThrow(
      'userdata is not expected type',
    );
    await expect(host.events.getListenerDomain('d', 'l', meta, null)).rejects.toThrow(
      'error converting Lua table to EsmtpDomain',
    );
    await expect(host.events.smtpServerAuthPlain('', 'u', 'p', meta, null)).rejects.toThrow(
      'data did not match any variant of untagged enum',
    );
    await expect(host.events.smtpServerEhlo('d', meta, ['A'], null)).rejects.toThrow(
      'error converting Lua integer to Vec',
    );
    await expect(host.events.smtpServerGetDynamicParameters('l', meta, null)).rejects.toThrow(
      'invalid type: nil, expected table',
    );
  });

  it('converts what the events return', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('smtp_server_ehlo', function(domain, conn_meta, extensions)
        if not extensions then return end
        table.insert(extensions, domain)
        return extensions
      end)
      kumo.on('smtp_server_auth_plain', function(z, c, p)
        return { identities = { { identity = c, context = 'SmtpAuthPlainAuthentication' } } }
      end)
      kumo.on('http_server_validate_auth_basic', function(user, password) return user == password end)
      kumo.on('smtp_server_get_dynamic_parameters', function(listener) return { hostname = listener } end)
      kumo.on('get_listener_domain', function(domain)
        if domain == 'd' then return kumo.make_listener_domain { relay_to = true, log_oob = true } end
      end)
      kumo.on('smtp_server_split_transaction', function(msg)
        if msg:get_meta 'map' then return { a = { 'x@a' } } end
        local list = msg:recipient_list()
        return { { list[2] }, { list[1], 'new@d.test' } }
      end)
      kumo.on('smtp_server_rewrite_response', function(status, text, command)
        if command == 'boom' then error 'x' end
        if command then return nil, text .. command end
        return '251'
      end)
      kumo.on('smtp_client_rewrite_delivery_status', function(response)
        if response:find '450' then return 550 end
      end)
      kumo.on('should_enqueue_log_record', function(msg, hook) return hook == 'yes' end)
      kumo.on('keep', function(msg) return msg:id() end)
      kumo.on('fail', function(msg) error 'no' end)
      kumo.on('get_egress_pool', function(name) return kumo.make_egress_pool { name = name, entries = {} } end)
    `);
    const { host } = policy;
    expect(await host.events.smtpServerEhlo('d', meta, ['A'], null)).toEqual(['A', 'd']);
    expect(await host.events.smtpServerEhlo('d', meta, null, null)).toBeNull();
    expect(await host.events.smtpServerAuthPlain('', 'u', 'p', meta, null)).toEqual({
      peerAddress: null,
      identities: [{ identity: 'u', context: 'SmtpAuthPlainAuthentication' }],
      groups: [],
    });
    expect(await host.events.httpServerValidateAuthBasic('a', 'a')).toBe(true);
    expect(await host.events.httpServerValidateAuthBasic('a', null)).toBe(false);
    expect(await host.events.smtpServerGetDynamicParameters('l', meta, null)).toEqual({
      hostname: 'l',
    });
    expect(await host.events.getListenerDomain('d', 'l', meta, null)).toMatchObject({
      relayTo: true,
      logOob: 'LogThenRelay',
    });
    expect(await host.events.getListenerDomain('e', 'l', meta, null)).toBeNull();
    const message = policy.message({ to: ['a@x.test', 'b@x.test'] });
    const batches = await host.events.smtpServerSplitTransaction(message, meta, null);
    expect(batches?.map((batch) => batch.map((a) => a.email))).toEqual([
      ['b@x.test'],
      ['a@x.test', 'new@d.test'],
    ]);
    message.setMeta('map', true);
    expect(await host.events.smtpServerSplitTransaction(message, meta, null)).toEqual([]);
    expect(await host.events.smtpServerRewriteResponse(250, 'ok', 'DATA', meta)).toEqual({
      status: null,
      text: 'okDATA',
    });
    expect(await host.events.smtpServerRewriteResponse(250, 'ok', null, meta)).toEqual({
      status: 251,
      text: null,
    });
    expect(await host.events.smtpServerRewriteResponse(250, 'ok', 'boom', meta)).toEqual({
      status: null,
      text: null,
    });
    expect(policy.diagnostics.join()).toMatch('smtp_server_rewrite_response');
    const rewrite = (r: string) =>
      host.events.smtpClientRewriteDeliveryStatus(r, 'd', null, null, 'd', null);
    expect([await rewrite('450 x'), await rewrite('550 x')]).toEqual([550, null]);
    expect(await host.events.shouldEnqueueLogRecord(message, 'yes')).toBe(true);
    expect(await host.events.filterLog('keep', message)).toBe(true);
    expect(await host.events.filterLog('fail', message)).toBe(false);
    expect(await host.events.getEgressPool('p', null)).toEqual({
      name: 'p',
      entries: [],
      ttlMs: 60_000,
    });
  });

  it('passes requeue arguments and records', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('requeue_message', function(msg, response, context, increment, delay)
        seen = response .. '|' .. table.concat(context, ',') .. '|' .. tostring(increment) .. '|' .. tostring(delay)
      end)
      kumo.on('log_disposition_h', function(msg, record)
        seen = record.type .. tostring(record.site) .. tostring(record.list[1]) .. tostring(record.rate)
      end)
      kumo.on('seen', function() return seen end)
    `);
    const { host } = policy;
    const message = policy.message();
    await host.events.requeueMessage(message, '450 x', ['Received', 'A'], false, 5_000, null);
    expect(await host.callEvent('seen', [])).toEqual(['450 x|Received,A|false|5s']);
    await host.events.requeueMessage(message, '450 x', [], true, null, null);
    expect(await host.callEvent('seen', [])).toEqual(['450 x||true|nil']);
    await host.events.logDisposition('h', message, {
      type: 'Bounce',
      site: null,
      list: [null],
      rate: jsonFloat(2),
    });
    expect(await host.callEvent('seen', [])).toEqual(['Bounceuserdata: (nil)userdata: (nil)2.0']);
  });
});

describe('rejects', () => {
  it('keep code, text and mode, through pcall and rethrow', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('smtp_server_mail_from', function() kumo.reject(550, 'no') end)
      kumo.on('smtp_server_rcpt_to', function()
        local ok, err = pcall(kumo.disconnect, 421, 'bye', 'FollowWith421')
        assert(tostring(err):find '^421 bye\\nstack traceback:')
        error(err)
      end)
      kumo.on('smtp_server_data', function() kumo.disconnect('451', 'x') end)
      kumo.on('smtp_server_connection_accepted', function() error(tostring(select(2, pcall(kumo.reject, 550, 'no')))) end)
    `);
    const { host } = policy;
    const reject = (await failure(
      host.events.smtpServerMailFrom(address, meta, null),
    )) as PolicyReject;
    expect(reject).toBeInstanceOf(PolicyReject);
    expect([reject.code, reject.text, reject.mode]).toEqual([550, 'no', 'If421']);
    const bye = (await failure(host.events.smtpServerRcptTo(address, meta, null))) as PolicyReject;
    expect([bye.code, bye.text, bye.mode]).toEqual([421, 'bye', 'FollowWith421']);
    const forced = await failure(host.events.smtpServerData(policy.message(), meta, null));
    expect(forced).toMatchObject({ code: 451, mode: 'ForceDisconnect' });
    const flattened = await failure(host.events.smtpServerConnectionAccepted(meta, null));
    expect(flattened).toBeInstanceOf(PolicyError);
    expect(flattened.message).toMatch(/^runtime error: \[string ".*"\]:\d+: 550 no\n/);
  });

  it('are checked', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function(...)
        local ok, err = pcall(kumo.disconnect, ...)
        return (tostring(err):match '^[^\\n]*')
      end)
    `);
    const ask = async (...args: (string | number)[]): Promise<unknown> =>
      (await policy.host.callEvent('ask', args))[0];
    expect(await ask(550)).toBe(
      'bad argument #2: error converting Lua nil to String (expected string or number)',
    );
    expect(await ask(550, 'x', 'Never')).toBe(
      `bad argument #3: expected one of 'If421', 'FollowWith421' or 'ForceDisconnect', but got String("Never")`,
    );
    expect(await ask(70_000, 'x')).toBe(
      'bad argument #1: error converting Lua integer to u16 (out of range)',
    );
  });
});

describe('contexts', () => {
  it('are dropped after an error and kept after a success', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('set', function() mark = true end)
      kumo.on('get', function() return mark end)
      kumo.on('fail', function() error 'x' end)
    `);
    const { host } = policy;
    await host.callEvent('set', []);
    expect(await host.callEvent('get', [])).toEqual([true]);
    await failure(host.callEvent('fail', []));
    expect(await host.callEvent('get', [])).toEqual([undefined]);
  });

  it('survive a reject in ordinary mode only', async () => {
    const text = `
      kumo.on('reject', function() mark = true kumo.reject(550, 'no') end)
      kumo.on('get', function() return mark end)
    `;
    for (const isStrict of [true, false]) {
      await using policy = await TestPolicy.load(text, { isStrict });
      expect(await failure(policy.host.callEvent('reject', []))).toBeInstanceOf(PolicyReject);
      const mark = isStrict ? undefined : true;
      expect(await policy.host.callEvent('get', [])).toEqual([mark]);
    }
  });

  it('are retired after so many uses and so much time', async () => {
    await using policy = await TestPolicy.load(`
      n = 0
      kumo.set_max_lua_context_use_count(3)
      kumo.on('next', function() n = n + 1 return n end)
    `);
    const seen: unknown[] = [];
    // Loading was the first use.
    for (let i = 0; i < 5; i++) seen.push(...(await policy.host.callEvent('next', [])));
    expect(seen).toEqual([1, 2, 1, 2, 3]);
    policy.host.world.tuning.contextAgeMsMax = 0;
    expect(await policy.host.callEvent('next', [])).toEqual([1]);
  });

  it('work on one event each, however many are under way', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('busy', function(n)
        assert(not busy)
        busy = true
        kumo.sleep(0.01)
        busy = false
        return n
      end)
    `);
    const all = Array.from({ length: 20 }, (_, n) => policy.host.callEvent('busy', [n]));
    expect((await Promise.all(all)).flat()).toEqual([...Array(20).keys()]);
  });

  it('run other functions behind a gate', async () => {
    await using policy = await TestPolicy.load(
      `kumo.on('ask', function(m)
        local made = kumo.make_message('a@x.test', 'b@y.test', 'x')
        made:set_meta('k', 'v')
        return os.getenv 'HOME', made:get_meta 'k', kumo.json_encode { 1 }
      end)`,
      {
        gate: (name, { effect }) =>
          effect === 'pure' || name === 'kumo.on' || name === 'kumo.make_message'
            ? null
            : () => `${name} is not allowed`,
      },
    );
    expect(await policy.host.callEvent('ask', [])).toEqual([
      '_G.os.getenv is not allowed',
      'Message.get_meta is not allowed',
      '[1]',
    ]);
  });

  it('are reused without traces of the policy before', async () => {
    await using policy = await TestPolicy.load(`secret = 1 local io2 = io io.mark = 1`);
    await policy.replace(`kumo.on('ask', function() return secret, io.mark, type(io.open) end)`);
    policy.host.world.tuning.contextUsesMax = 1;
    for (let i = 0; i < 5; i++) {
      expect(await policy.host.callEvent('ask', [])).toEqual([undefined, undefined, 'function']);
    }
  });
});
