import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHeaderBlock } from '../../../engine/mail/header.ts';
import type { Message } from '../../../engine/mail/message.ts';
import { ExtrasWorld } from './extras-world.ts';

let extras: ExtrasWorld;
beforeEach(() => {
  extras = new ExtrasWorld();
});
afterEach(() => extras.close());

const why = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `no error: ${String(value)}`,
    (error: Error) => error.message.split('\n')[0] ?? '',
  );

describe('sources', () => {
  const load = (data: string): Promise<void> =>
    extras.load(`require('policy-extras.sources'):setup { ${data} }`);

  it('makes sources and pools, and refuses unknown names', async () => {
    await load(
      `{ source = { lone = { ehlo_domain = 'out.test', remote_port = 2525 } }, pool = { only = { lone = { weight = 5 } }, empty = {} } }`,
    );
    const [source] = await extras.fire('get_egress_source', 'lone');
    expect(source).toMatchObject({
      value: { name: 'lone', ehloDomain: 'out.test', remotePort: 2525 },
    });
    const [pool] = await extras.fire('get_egress_pool', 'only');
    expect(pool).toMatchObject({ value: { name: 'only', entries: [{ name: 'lone', weight: 5 }] } });
    const [empty] = await extras.fire('get_egress_pool', 'empty');
    expect(empty).toMatchObject({ value: { entries: [] } });
    expect(await why(extras.fire('get_egress_source', 'none'))).toMatch(/^deserialize error: /);
    expect(await why(extras.fire('get_egress_pool', 'none'))).toMatch(/^deserialize error: /);
  });

  it('finds entries without a source when validating', async () => {
    await load(`{ pool = { p = { ghost = {} } } }`);
    await extras.fire('validate_config');
    expect(extras.printed).toEqual([
      "sources: pool 'p' references source 'ghost' which is not defined",
    ]);
  });
});

describe('listener_domains', () => {
  const ask = async (domain: string, meta = {}, listener = '127.0.0.1:25'): Promise<unknown> => {
    const [found] = await extras.fire('ask', domain, listener, extras.connection(meta));
    return found;
  };
  const load = (data: string): Promise<void> =>
    extras.load(`kumo.on('ask', require('policy-extras.listener_domains'):setup { ${data} })`);

  it('looks listener, any listener and any domain up in this order', async () => {
    await load(`{
      ['open.test'] = { relay_to = true },
      ['*.wild.test'] = { relay_to = true },
      ['*'] = { log_oob = true },
      listener = { ['127.0.0.1:25'] = { ['open.test'] = { log_arf = true } } },
    }`);
    const domain = (value: object): object => ({
      value: expect.objectContaining(value) as object,
    });
    expect(await ask('open.test')).toMatchObject(
      domain({ relayTo: false, logArf: 'LogThenRelay' }),
    );
    expect(await ask('open.test', {}, '10.0.0.1:25')).toMatchObject(domain({ relayTo: true }));
    expect(await ask('deep.sub.wild.test')).toMatchObject(domain({ relayTo: true }));
    expect(await ask('wild.test')).toMatchObject(
      domain({ logOob: 'LogThenRelay', relayTo: false }),
    );
  });

  it('lets authenticated senders relay from where they are', async () => {
    await load(`{ ['shop.test'] = { relay_from_authz = { 'alice' } } }`);
    const from = async (meta: object): Promise<string> => {
      const found = (await ask('shop.test', meta)) as {
        value: { relayFrom: { debug(): string } };
      };
      return found.value.relayFrom.debug();
    };
    expect(await from({ received_from: '192.0.2.7:4000' })).toBe('{}');
    expect(await from({ received_from: '192.0.2.7:4000', authz_id: 'eve' })).toBe('{}');
    expect(await from({ received_from: '192.0.2.7:4000', authz_id: 'alice' })).toBe(
      '{"192.0.2.7"}',
    );
    expect(await from({ received_from: '[2001:db8::7]:4000', authz_id: 'alice' })).toBe(
      '{"2001:db8::7"}',
    );
    expect(await ask('other.test')).toBeUndefined();
  });
});

describe('dkim_sign', () => {
  const key = resolve(import.meta.dirname, '../../golden/scenarios/dkim-relaxed/dkim.key');
  const sign = async (data: string): Promise<string[]> => {
    const message = extras.message({ data });
    await extras.fire('sign', extras.object(message));
    return signatures(message);
  };
  const signatures = (message: Message): string[] =>
    readHeaderBlock(message.data)
      .fields.map((f) => Buffer.from(message.data.subarray(f.start, f.valueEnd)).toString())
      .filter((field) => field.startsWith('DKIM-Signature'))
      .map((field) =>
        ['d', 's', 'h', 'c'].map((t) => new RegExp(`\\s${t}=([^;]*)`).exec(field)?.[1]).join(' '),
      );
  const load = (data: string): Promise<void> =>
    extras.load(`local key = ${JSON.stringify(key)}
      local sign = require('policy-extras.dkim_sign'):setup { ${data} }
      kumo.on('sign', function(msg) sign(msg) end)`);

  it('signs by domain block, with defaults from base', async () => {
    await load(`{
      base = { selector = 'main', headers = { 'From', 'Subject' }, header_canonicalization = 'Simple' },
      domain = { ['shop.test'] = { filename = key }, ['*.shop.test'] = { filename = key, selector = 'sub', headers = { 'From' } } },
    }`);
    expect(await sign('From: n@shop.test\nSubject: x\n\nx\n')).toEqual([
      'shop.test main from:subject simple/relaxed',
    ]);
    expect(await sign('From: n@a.shop.test\n\nx\n')).toEqual([
      'a.shop.test sub from simple/relaxed',
    ]);
    expect(await sign('From: n@other.test\n\nx\n')).toEqual([]);
  });

  it('adds signatures of other domains as their policy says', async () => {
    await load(`{
      base = { selector = 'main', headers = { 'From' }, additional_signatures = { 'esp', 'fallback' } },
      domain = { ['shop.test'] = { filename = key } },
      signature = {
        esp = { domain = 'esp.test', filename = key },
        fallback = { domain = 'fallback.test', filename = key, policy = 'OnlyIfMissingDomainBlock' },
      },
    }`);
    expect(await sign('From: n@shop.test\n\nx\n')).toEqual([
      'esp.test main from relaxed/relaxed',
      'shop.test main from relaxed/relaxed',
    ]);
    expect(await sign('From: n@other.test\n\nx\n')).toEqual([
      'fallback.test main from relaxed/relaxed',
      'esp.test main from relaxed/relaxed',
    ]);
  });

  it('refuses messages without From and data without selectors', async () => {
    await load(`{ domain = { ['shop.test'] = { filename = key, headers = { 'From' } } } }`);
    expect(await why(sign('Subject: x\n\nx\n'))).toMatch(
      /dkim_sign: domain 'shop\.test' has no selector, and base has none either$/,
    );
    extras.close();
    extras = new ExtrasWorld();
    await load(`{ base = { selector = 'main' } }`);
    expect(await why(sign('Subject: x\n\nx\n'))).toBe(
      '552 5.6.0 DKIM signing requires a From header, but it is missing from this message',
    );
  });

  it('wants additional signatures to be defined', async () => {
    await load(`{ base = { selector = 'main', additional_signatures = { 'ghost' } } }`);
    expect(await why(sign('From: a@b.test\n\nx\n'))).toMatch(
      /dkim_sign: additional signature 'ghost' is not defined$/,
    );
  });
});

describe('log_hooks', () => {
  it('registers a hook whose records become messages for a connection', async () => {
    await extras.load(`
      require('policy-extras.log_hooks'):new {
        name = 'panel',
        log_parameters = { headers = { 'Subject' } },
        batch_size = 10,
        constructor = function(domain) return { domain = domain } end,
        filter = function(msg) return msg:get_meta('log_record').type == 'Delayed' end,
      }
      kumo.on('read', function(c) return kumo.json_encode(c.protocol), c.retry_interval, c.max_retry_interval end)
    `);
    await extras.fire('pre_init');
    expect(extras.configured).toEqual([
      ['log hook', expect.objectContaining({ name: 'panel', headers: ['Subject'] })],
    ]);

    const record = (type: string, reception = 'ESMTP'): Message =>
      extras.message({
        meta: {
          reception_protocol: 'LogRecord',
          log_record: { type, reception_protocol: reception },
        },
      });
    const wanted = async (message: Message, hook = 'panel'): Promise<unknown> =>
      (await extras.fire('should_enqueue_log_record', extras.object(message), hook))[0];
    const delivery = record('Delivery');
    expect(await wanted(delivery)).toBe(true);
    expect(delivery.queueName()).toBe('panel.log_hook');
    expect(await wanted(record('Delayed'))).toBe(false);
    expect(await wanted(record('Delivery', 'LogRecord'))).toBe(false);
    expect(await wanted(record('Delivery'), 'other')).toBe('missing');

    const [config] = await extras.fire('get_queue_config', 'panel.log_hook');
    const [protocol, retry, maxRetry] = await extras.fire('read', config);
    expect(JSON.parse(String(protocol))).toMatchObject({
      custom_lua: { constructor: 'make.panel.log_hook', batch_size: 10 },
    });
    expect([retry, maxRetry]).toEqual(['1m', '20m']);
    expect(await extras.fire('get_queue_config', 'other.test')).toEqual(['missing']);
  });

  it('registers disposition hooks', async () => {
    await extras.load(`
      require('policy-extras.log_hooks'):new_disposition_hook { name = 'now', hook = function() return 'called' end }
    `);
    await extras.fire('pre_init');
    expect(extras.configured).toEqual([
      ['disposition hook', expect.objectContaining({ name: 'now' })],
    ]);
    expect(await extras.fire('log_disposition_now')).toEqual(['called']);
  });
});

describe('shaping', () => {
  const RULES = `
["default"]
max_deliveries_per_connection = 50

["default".sources."ip-1"]
connection_limit = 3

["big.test"]
connection_limit = 7

[["big.test".automation]]
regex = "too many"
action = "Suspend"
trigger = "Immediate"
duration = "1h"

["own.test"]
mx_rollup = false
max_ready = 9

[provider."hosted"]
match = [{MXSuffix=".hosted.test"}]
provider_connection_limit = 20
max_message_rate = "5/s"
`;
  const POLICY = `
    kumo.dns.configure_test_resolver { [[
$ORIGIN big.test.
@ 600 MX 10 mx1.hosted.test.
]], [[
$ORIGIN own.test.
@ 600 MX 10 mx1.hosted.test.
]] }
    local shaping = require 'policy-extras.shaping'
    local shaper = shaping:setup_with_automation { extra_files = { FOLDER .. '/shaping.toml' }, publish = { 'http://127.0.0.1:8008' } }
    kumo.on('path', function(domain, source)
      local site = kumo.dns.lookup_mx(domain).site_name
      return kumo.json_encode(shaper.get_egress_path_config(domain, source, site, true))
    end)
    kumo.on('make', function(domain) return shaper.get_egress_path_config(domain, 'x', 'site') end)
    kumo.on('rules', function(content)
      local found = shaper.load_shaping_data():match_rules {
        queue = 'big.test', site = 'x->mx1.hosted.test@smtp_client',
        response = { code = 421, content = content },
      }
      return #found, found[1] and found[1].action
    end)
    kumo.on('init', function() shaper.setup_publish() end)`;
  const path = async (domain: string, source: string): Promise<unknown> =>
    JSON.parse(String((await extras.fire('path', domain, source))[0]));

  beforeEach(async () => {
    extras.write('shaping.toml', RULES);
    await extras.load(POLICY);
  });

  it('merges default, provider, site, domain and source', async () => {
    const provider = {
      provider_name: 'hosted',
      additional_connection_limits: { 'shaping-provider-hosted-ip-2-limit': 20 },
      max_message_rate: '5/s',
    };
    expect(await path('big.test', 'ip-2')).toMatchObject({
      ...provider,
      connection_limit: 7,
      max_deliveries_per_connection: 50,
      enable_tls: 'Opportunistic',
    });
    expect(await path('big.test', 'ip-1')).toMatchObject({ connection_limit: 3 });
    expect(await path('own.test', 'ip-2')).toMatchObject({ max_ready: 9, connection_limit: 7 });
    expect(await extras.fire('make', 'big.test')).toHaveLength(1);
  });

  it('matches automation rules to responses', async () => {
    expect(await extras.fire('rules', 'too many messages')).toEqual([1, 'Suspend']);
    expect(await extras.fire('rules', 'fine')).toEqual([0, undefined]);
  });

  it('publishes records that a rule matches', async () => {
    await extras.fire('init');
    expect(extras.configured.map(([, settings]) => (settings as { name: string }).name)).toEqual([
      'http://127.0.0.1:8008.tsa.kumomta',
    ]);
    const record = (type: string, content: string): Message =>
      extras.message({
        meta: {
          log_record: {
            type,
            queue: 'big.test',
            site: 'x->mx1.hosted.test@smtp_client',
            response: { code: 421, content },
          },
        },
      });
    const wanted = async (message: Message): Promise<unknown> =>
      (
        await extras.fire(
          'should_enqueue_log_record',
          extras.object(message),
          'http://127.0.0.1:8008.tsa.kumomta',
        )
      )[0];
    expect(await wanted(record('TransientFailure', 'too many messages'))).toBe(true);
    expect(await wanted(record('TransientFailure', 'later'))).toBe(false);
    expect(await wanted(record('Reception', 'too many messages'))).toBe(false);
  });
});

describe('rollup', () => {
  const POLICY = `
    kumo.dns.configure_test_resolver { [[
$ORIGIN big.test.
@ 600 MX 10 mx1.hosted.test.
@ 600 MX 20 backup.elsewhere.test.
]], [[
$ORIGIN hosted.test.
mx1 600 A 192.0.2.2
mx1 600 A 192.0.2.1
mx1 600 AAAA 2001:db8::1
]] }
    local rollup = require 'policy-extras.rollup'
    kumo.on('ip', function(msg) rollup.reroute_using_ip_rollup(msg, { ['.hosted.test.'] = 'hosted.ip_rollup' }) end)
    kumo.on('suffix', function(msg) rollup.reroute_based_on_mx_host_suffix(msg, { ['.hosted.test.'] = 'relay.test' }) end)
    kumo.on('config', function(domain, rd)
      return kumo.json_encode(rollup.apply_ip_rollup_to_queue_config(domain, rd, { max_age = '1m' }))
    end)`;

  it('routes by the addresses of the best exchangers and back', async () => {
    await extras.load(POLICY);
    const message = extras.message({ to: 'a@big.test' });
    await extras.fire('ip', extras.object(message));
    expect(message.getMeta('routing_domain')).toBe(
      '192-0-2-1_192-0-2-2_2001-db8--1.hosted.ip_rollup',
    );
    const [config] = await extras.fire('config', 'big.test', message.getMeta('routing_domain'));
    const name = message.getMeta('routing_domain');
    expect(JSON.parse(String(config))).toEqual({
      max_age: '1m',
      protocol: {
        smtp: {
          mx_list: ['192.0.2.1', '192.0.2.2', '2001:db8::1'].map((addr) => ({ name, addr })),
        },
      },
    });
    expect(await extras.fire('config', 'big.test', 'plain.test')).toEqual(['{"max_age":"1m"}']);
  });

  it('routes by suffix, and prints what cannot be looked up', async () => {
    await extras.load(POLICY);
    const message = extras.message({ to: 'a@big.test' });
    await extras.fire('suffix', extras.object(message));
    expect(message.getMeta('routing_domain')).toBe('relay.test');
    const lost = extras.message({ to: 'a@nowhere.test' });
    await extras.fire('suffix', extras.object(lost));
    expect(lost.getMeta('routing_domain')).toBeUndefined();
    expect(extras.printed[0]).toMatch(/^rollup: nowhere\.test: MX lookup for nowhere\.test failed/);
  });
});

describe('policy_utils and typing', () => {
  it('compare, merge and check', async () => {
    await extras.load(`
      local utils = require 'policy-extras.policy_utils'
      local typing = require 'policy-extras.typing'
      kumo.on('utils', function()
        utils.assert_eq({ 1, { a = 'b' } }, { 1, { a = 'b' } })
        utils.assert_ne({ 1 }, { 1, 2 })
        utils.assert_matches('abc', '^a.c$')
        local target = utils.recursive_merge_into({ a = { b = 1 }, c = 2 }, { a = { d = 3 }, c = 4 })
        utils.assert_eq(target, { a = { b = 1, d = 3 }, c = 2 })
        utils.assert_eq({ utils.split_ip_port '[::1]:25' }, { '::1', '25' })
        utils.assert_eq({ utils.split_ip_port '10.0.0.1:25' }, { '10.0.0.1', '25' })
        utils.assert_eq(utils.starts_with('abc', 'ab') and utils.ends_with('abc', 'bc'), true)
        return utils.dumps { b = 1, a = { 'x' } }
      end)
      kumo.on('unequal', function() utils.assert_eq(1, 2) end)
      local Layer = typing.enum('Layer', 'Above', 'Below')
      local Point = typing.record('Point', { x = typing.number, y = typing.option(typing.number), layer = typing.default(Layer, 'Above'), tags = typing.option(typing.list(typing.string)) })
      kumo.on('point', function(make)
        local p = load('local Point = ... return ' .. make)(Point)
        return p.layer, p.x
      end)
      kumo.on('grow', function()
        local p = Point { x = 1 }
        p.y = 'high'
      end)
      kumo.on('stray', function() return Point { x = 1 }.z end)
    `);
    expect(await extras.fire('utils')).toEqual(['{\n  a = {\n    [1] = "x"\n  },\n  b = 1\n}']);
    expect(await why(extras.fire('unequal'))).toMatch(/policy\.lua"\]:\d+: expected 1 to equal 2$/);
    expect(await extras.fire('point', 'Point { x = 2, tags = { "a" } }')).toEqual(['Above', 2]);
    expect(await why(extras.fire('point', 'Point { y = 2 }'))).toMatch(
      /Point: missing value for field 'x' of type 'number'$/,
    );
    expect(await why(extras.fire('point', 'Point { x = 1, layer = "Wrong" }'))).toMatch(
      /Point: invalid value for field 'layer'$/,
    );
    expect(await why(extras.fire('point', 'Point { x = 1, q = 1 }'))).toMatch(
      /Point: unknown field 'q'$/,
    );
    await expect(extras.fire('point', 'Point { x = 1, tags = { 5 } }')).rejects.toThrow(
      /invalid value for field 'tags'\nlist<string>: invalid value for idx 1\nExpected 'string', got 'number' 5/,
    );
    expect(await why(extras.fire('grow'))).toMatch(
      /policy\.lua"\]:\d+: Point: invalid value for field 'y'$/,
    );
    expect(await why(extras.fire('stray'))).toMatch(/Point: attempt to read unknown field 'z'$/);
  });
});

it('comes with a comment in every module', () => {
  const folder = resolve(import.meta.dirname, '../../../engine/policy-extras/policy-extras');
  for (const name of [
    'queue',
    'sources',
    'listener_domains',
    'dkim_sign',
    'log_hooks',
    'policy_utils',
    'typing',
    'rollup',
    'mail_auth',
    'docker_utils',
    'shaping',
  ]) {
    expect(readFileSync(join(folder, `${name}.lua`), 'utf8')).toMatch(/^--\[\[\n/);
  }
});
