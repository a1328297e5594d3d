import { describe, expect, it } from 'vitest';
import { LuaFloat } from '../../../engine/policy/lua/lua-value.ts';
import { withoutTraceback } from '../../../engine/policy/lua/lua-error.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { TestPolicy } from '../../support/policy.ts';

const calls = (policy: TestPolicy): number => policy.asked.length;

/** \`note()\` counts outside of Lua, so that contexts can be told apart from the cache. */
const HEAD = `local note = kumo.bump_config_epoch `;

describe('kumo.memoize()', () => {
  it('keeps results for all contexts until they are too old or too many', async () => {
    const mailClock = new SimClock();
    await using policy = await TestPolicy.load(
      `${HEAD}
      local f = kumo.memoize(function(k) note() return k .. '!' end, { name = 'f', ttl = '3 seconds', capacity = 2 })
      kumo.on('ask', function(k) return f(k) end)
    `,
      { mailClock },
    );
    policy.host.world.tuning.contextUsesMax = 1;
    const ask = async (k: string): Promise<unknown> => (await policy.host.callEvent('ask', [k]))[0];
    expect([await ask('a'), await ask('a'), calls(policy)]).toEqual(['a!', 'a!', 1]);
    await ask('b');
    await ask('a');
    await ask('c');
    expect(calls(policy)).toBe(3);
    await ask('a');
    expect(calls(policy)).toBe(3);
    await ask('b');
    expect(calls(policy)).toBe(4);
    await mailClock.advance(3_000);
    await ask('b');
    expect(calls(policy)).toBe(5);
  });

  it('keys by the JSON of the arguments', async () => {
    await using policy = await TestPolicy.load(`${HEAD}
      local f = kumo.memoize(function(...) note() return select('#', ...) end, { name = 'f', ttl = 60, capacity = 100 })
      kumo.on('ask', function()
        f() f(nil) f(1) f(1.0) f('1') f { 1, 2 } f(1, 2) f { x = { y = 1 } } f { x = { y = 1 } }
        local ok, err = pcall(f, print)
        return ok, (tostring(err):match '^[^\\n]*')
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([false, 'cannot serialize <function>']);
    expect(calls(policy)).toBe(6);
  });

  it('gives tables back as userdata that change for themselves', async () => {
    await using policy = await TestPolicy.load(`
      local f = kumo.memoize(function() return { 'a', 'b', 'c', name = 'n', sub = { deep = true } } end, { name = 'f', ttl = 60, capacity = 10 })
      kumo.on('ask', function()
        local t = f()
        t.name = 'changed'
        t.extra = 1
        t.sub = nil
        local names = {}
        for k in pairs(f()) do names[#names + 1] = tostring(k) end
        table.sort(names)
        local list = {}
        for _, v in ipairs(t) do list[#list + 1] = v end
        return type(t), getmetatable(t), #f(), t.name, f().name, f().sub.deep, table.concat(names, ','),
          table.concat(list), table.concat({ table.unpack(f(), 1, 3) }), f()[{}], t.extra, #t, t.sub, (pcall(next, t)),
          kumo.make_queue_config(kumo.memoize(function() return { max_age = 5 } end, { name = 'q', ttl = 60, capacity = 1 })()).max_age
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([
      'userdata',
      false,
      5,
      'changed',
      'n',
      true,
      '1,2,3,name,sub',
      'abc',
      'abc',
      undefined,
      1,
      6,
      undefined,
      false,
      '5s',
    ]);
  });

  it('makes one array of several results, nil of none, and keeps scalars as they are', async () => {
    await using policy = await TestPolicy.load(`
      local n = 0
      local function memo(fn) n = n + 1 return kumo.memoize(fn, { name = 'f' .. n, ttl = 60, capacity = 10 }) end
      local several, none, float, no = memo(function() return 1, 'b' end), memo(function() end), memo(function() return 2.0 end), memo(function() return false end)
      kumo.on('ask', function()
        for _ = 1, 2 do
          local t = several()
          assert(type(t) == 'table' and #t == 2 and t[2] == 'b')
        end
        return select('#', none()), none(), float(), no()
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([1, undefined, new LuaFloat(2), false]);
  });

  it('keeps tables with names and numbers as keys, and no others', async () => {
    await using policy = await TestPolicy.load(`
      local f = kumo.memoize(function(key) return { [key] = 1 } end, { name = 'keys', ttl = 60, capacity = 10 })
      kumo.on('ask', function()
        return f('a').a, f(7)[7], (pcall(f, true)), (pcall(f, 1.5)), f(7)[7.0],
          (pcall(function() f(7)[7.0] = 2 end))
      end)
    `);
    expect(await policy.host.callEvent('ask', [])).toEqual([1, 1, false, false, undefined, false]);
  });

  it('does not keep errors, and a reject inside is none', async () => {
    await using policy = await TestPolicy.load(`${HEAD}
      local f = kumo.memoize(function() note() kumo.reject(550, 'no') end, { name = 'f', ttl = 60, capacity = 10 })
      kumo.on('ask', function() f() end)
    `);
    for (let i = 1; i <= 2; i++) {
      const error = (await policy.host.callEvent('ask', []).catch((e: unknown) => e)) as Error;
      expect(error.name).toBe('PolicyError');
      expect(withoutTraceback(error.message)).toBe('550 no');
      expect(calls(policy)).toBe(i);
    }
  });

  it('computes a key once at a time', async () => {
    await using policy = await TestPolicy.load(`${HEAD}
      local f = kumo.memoize(function(k) note() kumo.sleep(0.02) return k end, { name = 'f', ttl = 60, capacity = 10 })
      kumo.on('ask', function(k) return f(k) end)
    `);
    const all = [1, 1, 2, 1].map((k) => policy.host.callEvent('ask', [k]));
    expect((await Promise.all(all)).flat()).toEqual([1, 1, 2, 1]);
    expect(calls(policy)).toBe(2);
  });

  it('gives up waiting after the populate timeout', async () => {
    await using policy = await TestPolicy.load(`
      local f = kumo.memoize(function(k) kumo.sleep(0.5) return k end, { name = 'f', ttl = 60, capacity = 10, populate_timeout = 0.02 })
      kumo.on('ask', function(k) return f(k) end)
    `);
    const first = policy.host.callEvent('ask', [1]);
    await expect(policy.host.callEvent('ask', [1])).rejects.toThrow(
      'timed out after 20ms on semaphore acquire while waiting for cache to populate',
    );
    expect(await first).toEqual([1]);
  });

  it('forgets with the epoch when asked to', async () => {
    await using policy = await TestPolicy.load(`
      calls = 0
      local f = kumo.memoize(function() return os.clock() end, { name = 'f', ttl = 60, capacity = 10, invalidate_with_epoch = true })
      local g = kumo.memoize(function() return os.clock() end, { name = 'g', ttl = 60, capacity = 10 })
      kumo.on('ask', function() return f(), g() end)
    `);
    const [f1, g1] = await policy.host.callEvent('ask', []);
    await policy.host.bumpEpoch();
    const [f2, g2] = await policy.host.callEvent('ask', []);
    expect([f1 === f2, g1 === g2]).toEqual([false, true]);
  });

  it('checks its parameters', async () => {
    await using policy = await TestPolicy.load(`
      kumo.on('ask', function(params)
        local ok, err = pcall(kumo.memoize, function() end, params)
        return (tostring(err):match '^[^\\n]*')
      end)
    `);
    const ask = async (params: Record<string, string | number>): Promise<unknown> =>
      (await policy.host.callEvent('ask', [params]))[0];
    expect(await ask({ name: 'x', ttl: 1 })).toMatch(
      /^deserialize error: missing field `capacity`/,
    );
    expect(await ask({ name: 'x', ttl: 1, capacity: 1, color: 'red' })).toMatch(
      /^deserialize error: unknown field `color`, expected one of /,
    );
    expect(await ask({ name: 'egress_pool', ttl: 1, capacity: 1 })).toMatch(
      'cannot use name `egress_pool` for a memoize cache',
    );
  });
});
