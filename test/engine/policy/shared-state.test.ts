/** Throttles, queues between scripts, counters, tasks: what contexts share on the mail clock. */
import { describe, expect, it } from 'vitest';
import { SimClock } from '../../support/sim-clock.ts';
import { TestPolicy } from '../../support/policy.ts';

describe('kumo.make_throttle()', () => {
  it('counts for all contexts, on the mail clock', async () => {
    const mailClock = new SimClock();
    await using policy = await TestPolicy.load(
      `
      kumo.on('take', function()
        local r = kumo.make_throttle('t', '2/m'):throttle()
        return r.throttled, r.limit, r.remaining, tostring(r.retry_after) ~= 'userdata: (nil)' and r.retry_after.secs
      end)
    `,
      { mailClock },
    );
    policy.host.world.tuning.contextUsesMax = 1;
    const take = () => policy.host.callEvent('take', []);
    expect(await take()).toEqual([false, 2, 1, false]);
    expect(await take()).toEqual([false, 2, 0, false]);
    expect(await take()).toEqual([true, 2, 0, 30]);
    await mailClock.advance(30_000);
    expect(await take()).toEqual([false, 2, 0, false]);
  });

  it('delays a message and explains itself', async () => {
    const mailClock = new SimClock();
    await using policy = await TestPolicy.load(
      `
      kumo.on('throttle_insert_ready_queue', function(msg)
        delayed = kumo.make_throttle('t', '1/h'):delay_message_if_throttled(msg)
      end)
      kumo.on('ask', function()
        local ok, err = pcall(kumo.make_throttle, 't', 'fast')
        return delayed, (tostring(err):match '^[^\\n]*'), type(kumo.make_throttle('t', '1/h'):explain())
      end)
    `,
      { mailClock },
    );
    const message = policy.message();
    await policy.host.events.throttleInsertReadyQueue(message, null);
    expect(message.due).toBeNull();
    await policy.host.events.throttleInsertReadyQueue(message, null);
    expect(message.due).toBe(mailClock.now() + 3_600_000);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      true,
      "bad argument #2: expected 'limit/period', got fast",
      'string',
    ]);
  });
});

describe('kumo.mpsc', () => {
  it('hands items from context to context', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('send', function(v) kumo.mpsc.define('q'):send { value = v } end)
      kumo.on('recv', function() return kumo.mpsc.define('q'):recv().value end)
      kumo.on('state', function()
        local q = kumo.mpsc.define 'q'
        q:send(1) q:send(2) q:send(3)
        local many = q:recv_many(2)
        local len = q:len()
        q:close()
        return #many, len, q:is_closed(), q:is_empty(), q:try_recv(), q:recv(), (pcall(q.send, q, 1))
      end)
    `);
    const waiting = policy.host.callEvent('recv', []);
    await policy.host.callEvent('send', [5]);
    expect(await waiting).toEqual([5]);
    expect(await policy.host.callEvent('state', [])).toEqual([
      2,
      1,
      true,
      false,
      3,
      undefined,
      false,
    ]);
  });

  it('makes senders wait when it is bounded', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        local q = kumo.mpsc.define('b', 1)
        q:send(1)
        local ok, err = pcall(q.send_timeout, q, 2, 0.01)
        return q:try_send(2), ok, (tostring(err):match '^[^\\n]*')
      end)
      kumo.on('send', function(v) kumo.mpsc.define('b', 1):send(v) return 'sent' end)
      kumo.on('recv', function() return kumo.mpsc.define('b', 1):recv() end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      false,
      false,
      'timed out waiting on send operation',
    ]);
    const sending = policy.host.callEvent('send', [2]);
    expect(await policy.host.callEvent('recv', [])).toEqual([1]);
    expect(await sending).toEqual(['sent']);
    expect(await policy.host.callEvent('recv', [])).toEqual([2]);
  });
});

describe('kumo.counter_series', () => {
  it('forgets with time', async () => {
    const mailClock = new SimClock();
    await using policy = await TestPolicy.load(
      `
      local function series() return kumo.counter_series.define { name = 's', num_buckets = 3, bucket_size = '10s' } end
      kumo.on('add', function(n) series():increment(n) end)
      kumo.on('sum', function() return series():sum(), series():sum_over '10s', series():sum_over '15s' end)
    `,
      { mailClock },
    );
    for (const n of [1, 10, 100]) {
      await policy.host.callEvent('add', [n]);
      await mailClock.advance(10_000);
    }
    expect(await policy.host.callEvent('sum', [])).toEqual([110, 0, 100]);
  });
});

describe('kumo.spawn_task()', () => {
  it('calls its event with one table, in another context', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('start', function()
        mine = true
        kumo.spawn_task { event_name = 'task', args = { 'a', { b = 1 } } }
        local ok, err = pcall(kumo.spawn_task, { event_name = 'task' })
        return (tostring(err):match '^[^\\n]*')
      end)
      kumo.on('task', function(args) kumo.mpsc.define('done'):send(args[1] .. args[2].b .. tostring(mine)) end)
      kumo.on('wait', function() return kumo.mpsc.define('done'):recv() end)
    `);
    expect(await policy.host.callEvent('start', [])).toEqual([
      'deserialize error: missing field \`args\`',
    ]);
    expect(await policy.host.callEvent('wait', [])).toEqual(['a1nil']);
  });

  it('passes plain tables, and no userdata', async () => {
    await using policy = await TestPolicy.load(`
      local known = kumo.memoize(function() return { 1 } end, { name = 'known', ttl = '1m', capacity = 1 })
      kumo.on('start', function()
        kumo.spawn_task { event_name = 'task', args = { { b = { 1.0, 2 } } } }
        return (pcall(kumo.spawn_task, { event_name = 'task', args = { known() } }))
      end)
      kumo.on('task', function(args)
        local list = args[1].b
        kumo.mpsc.define('done'):send(table.concat({ type(args[1]), type(next(list)), math.type(list[1]), #list }, ' '))
      end)
      kumo.on('wait', function() return kumo.mpsc.define('done'):recv() end)
    `);
    expect(await policy.host.callEvent('start', [])).toEqual([false]);
    expect(await policy.host.callEvent('wait', [])).toEqual(['table number float 2']);
  });
});

describe('introspection', () => {
  it('runs the lookup events', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('get_egress_path_config', function(domain, source, site)
        return kumo.make_egress_path { provider_name = domain .. source .. site }
      end)
      kumo.on('get_queue_config', function(domain, tenant) return kumo.make_queue_config { egress_pool = tenant } end)
      kumo.on('get_egress_pool', function(name) return kumo.make_egress_pool { name = name, entries = { { name = 's' } } } end)
      kumo.on('get_egress_source', function(name) return kumo.make_egress_source { name = name, remote_port = 26 } end)
      kumo.on('ask', function()
        local path = kumo.invoke_get_egress_path_config('d', 's', 'x')
        return path.provider_name, tostring(path.ehlo_domain), path.connection_limit,
          kumo.invoke_get_queue_config('t@d').egress_pool, kumo.invoke_get_egress_pool('p').entries[1].weight,
          kumo.invoke_get_egress_source('s').remote_port, kumo.invoke_get_egress_pool().name,
          #kumo.eval_config_monitor_globs()
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      'dsx',
      'userdata: (nil)',
      32,
      't',
      1,
      26,
      'unspecified',
      1,
    ]);
  });

  it('reads configurations like tables', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        local q = kumo.make_queue_config { max_age = '1h', max_message_rate = '5/s' }
        local keys = 0
        for k, v in pairs(q) do keys = keys + 1 end
        local source = kumo.make_egress_source { name = 's' }
        return q.max_age, q.max_message_rate, tostring(q.egress_pool), q.nothing, #q, keys, getmetatable(q), type(q),
          (pcall(function() q.max_age = 1 end)), tostring(select(2, pcall(function() return source.name end)))
      end)
    `);
    const values = await policy.host.callEvent('ask', []);
    expect(values.slice(0, 9)).toEqual([
      '1h',
      '5/s',
      'userdata: (nil)',
      undefined,
      0,
      13,
      false,
      'userdata',
      false,
    ]);
    expect(values[9]).toMatch("attempt to index a EgressSource value (upvalue 'source')");
  });
});

describe('tuning', () => {
  it('is accepted, and checked where KumoMTA checks', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        kumo.set_qmaint_threads(4) kumo.set_httpinject_recipient_rate_limit '100/s' kumo.set_httpinject_recipient_rate_limit(nil)
        kumo.set_memory_soft_limit(1000)
        local ok, err = pcall(kumo.set_lruttl_cache_capacity, 'nothing', 5)
        local ok2, err2 = pcall(kumo.compute_queue_config_constraints, {})
        return kumo.get_memory_low_thresh(), ok, (pcall(kumo.set_readyq_threads, 'x')), (tostring(err2):match '^[^\\n]*')
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      800,
      false,
      false,
      'kumo.compute_queue_config_constraints exists in KumoMTA but not in Postyard: its output is for people at a KumoMTA console',
    ]);
  });
});

describe('introspection', () => {
  it('prints configurations as TOML, and knows the source of queues without a pool', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        local queue = kumo.make_queue_config { egress_pool = 'p', protocol = { maildir_path = '/m' } }
        local path = kumo.format_egress_path_config_toml(kumo.make_egress_path { max_message_rate = '5/s' })
        local source = kumo.invoke_get_egress_source 'unspecified'
        return kumo.format_queue_config_toml(queue), path:match 'max_message_rate[^\\n]*', path:find 'ehlo_domain', source.name, tostring(source.remote_port)
      end)
    `);
    const [queue, ...others] = await policy.host.callEvent('ask', []);
    expect(queue).toMatch(/^retry_interval = "20m"\nmax_age = "7days"\negress_pool = "p"\n/);
    expect(queue).toMatch(/\n\n\[protocol\]\nmaildir_path = "\/m"\n/);
    expect(others).toEqual([
      'max_message_rate = "5/s"',
      undefined,
      'unspecified',
      'userdata: (nil)',
    ]);
  });

  it('refuses what is no log record', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function()
        local params = { include_original_message = 'No', reporting_mta = { mta_type = 'dns', name = 'mx' } }
        local _, err = pcall(kumo.generate_rfc3464_message, params, nil, nil)
        return (tostring(err):match '^[^\\n]*')
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      'deserialize error: invalid type: nil, expected table, while processing null',
    ]);
  });
});
