/** Whatever a script does to its context, the error says where and the host goes on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyError } from '../../../engine/policy/events.ts';
import { readHeartbeat } from '../../../engine/policy/heartbeat.ts';
import { withoutTraceback } from '../../../engine/policy/lua/lua-error.ts';
import { TestPolicy } from '../../support/policy.ts';

const POLICY = `
kumo.on('ok', function() return 'fine' end)
kumo.on('loop', function()
  while true do end
end)
kumo.on('pcall loop', function()
  while true do pcall(function() while true do end end) end
end)
kumo.on('coroutine loop', function()
  coroutine.wrap(function() while true do end end)()
end)
kumo.on('comparator loop', function()
  table.sort({ 1, 2 }, function() while true do end end)
end)
kumo.on('yield loop', function()
  while true do coroutine.yield() end
end)
kumo.on('sleep loop', function()
  while true do kumo.sleep(0) end
end)
kumo.on('big string', function()
  local s = ('x'):rep(1 << 30)
end)
kumo.on('big table', function()
  local t = {}
  while true do t[#t + 1] = ('x'):rep(100000) .. #t end
end)
kumo.on('big strings in pcall', function()
  while true do pcall(string.rep, 'x', 1 << 30) end
end)
kumo.on('full memory in pcall', function()
  local t = {}
  local function more() t[#t + 1] = ('y'):rep(1000):rep(1000) end
  while true do pcall(more) end
end)
kumo.on('slow strings', function()
  local t = {}
  while true do t[#t + 1] = ('x'):rep(1000000) end
end)
kumo.on('deep recursion', function()
  local function f(n) return 1 + f(n + 1) end
  f(1)
end)
kumo.on('deep gsub', function()
  local function f(s) return (s:gsub('.', f)) end
  f 'a'
end)
kumo.on('deep table', function()
  local t = {}
  for i = 1, 1000 do t = { t } end
  kumo.json_encode(t)
end)
kumo.on('long strings in a coroutine', function()
  coroutine.wrap(function()
    local t = {}
    while true do t[#t + 1] = ('x'):rep(100000) .. #t; if #t > 300 then t = {} end end
  end)()
end)
kumo.on('error in tostring', function()
  error(setmetatable({}, { __tostring = function() error 'again' end }))
end)
kumo.on('error in close', function()
  local x <close> = setmetatable({}, { __close = function() error 'in close' end })
end)
kumo.on('error nil', function() error() end)
kumo.on('error in gc', function()
  setmetatable({}, { __gc = function() error 'in gc' end })
  collectgarbage()
end)
kumo.on('waits', function()
  for i = 1, 5 do kumo.sleep(0.1) end
  return 'waited'
end)
`;

let policy: TestPolicy;
/** The same, with all the time it needs to fill its memory. */
let patient: TestPolicy;

const LIMITS = { isStrict: false, memoryBytesMax: 64 * 1024 * 1024 };

beforeAll(async () => {
  policy = await TestPolicy.load(POLICY, { ...LIMITS, budgetMs: 250 });
  patient = await TestPolicy.load(POLICY, { ...LIMITS, budgetMs: 60_000 });
});
afterAll(async () => {
  await policy[Symbol.asyncDispose]();
  await patient[Symbol.asyncDispose]();
});

async function failure(event: string, { host } = policy): Promise<PolicyError> {
  let error: unknown;
  try {
    await host.callEvent(event, []);
  } catch (thrown) {
    error = thrown;
  }
  expect(await host.callEvent('ok', [])).toEqual(['fine']);
  return error as PolicyError;
}

describe('a script that runs too long', () => {
  it.each(['loop', 'pcall loop', 'coroutine loop', 'comparator loop', 'yield loop', 'sleep loop'])(
    'is stopped: %s',
    async (event) => {
      const error = await failure(event);
      expect(error.message).toMatch(/^Lua ran for longer than 0.25 s at .*init.lua:\d+$/);
      expect([error.event, error.file]).toEqual([event, policy.file]);
      expect(error.line).toBeGreaterThan(1);
    },
  );

  it('may wait as long as it likes', async () => {
    expect(await policy.host.callEvent('waits', [])).toEqual(['waited']);
  });
});

describe('a script that wants too much memory', () => {
  it.each(['big string', 'big table'])('gets an error: %s', async (event) => {
    const error = await failure(event, patient);
    expect(error.message).toBe('memory error: not enough memory');
    expect([error.event, error.file]).toEqual([event, patient.file]);
    expect(error.line).toBeGreaterThan(1);
  });

  it('cannot go on forever by catching it', async () => {
    const why = /^Lua went on asking for more than its 64 MB of memory/;
    expect((await failure('big strings in pcall', patient)).message).toMatch(why);
    expect((await failure('full memory in pcall', patient)).message).toMatch(why);
  });

  it('is stopped in a coroutine of its own', async () => {
    const error = await failure('long strings in a coroutine');
    expect(error.message).toMatch(/^Lua ran for longer than 0.25 s/);
  });

  it('is stopped while its time goes into long strings, not instructions', async () => {
    const error = await failure('slow strings');
    expect(error.message).toMatch(/^Lua ran for longer than 0.25 s at .*init.lua:\d+$/);
  });
});

describe('a script that breaks things', () => {
  it.each([
    ['deep gsub', /C stack overflow/],
    ['deep table', /recursive table detected/],
    ['error in tostring', /error object cannot be printed/],
    ['error in close', /in close/],
    ['error nil', /^runtime error: nil$/],
    ['deep recursion', /stack overflow|Lua ran for longer/],
  ])('fails with its place: %s', async (event, text) => {
    const error = await failure(event);
    expect(withoutTraceback(error.message)).toMatch(text);
    expect(error.file).toBe(policy.file);
    expect(error.line).toBeGreaterThan(1);
  });

  it('says where also when its time ends while its stack grows', async () => {
    for (let budgetMs = 2; budgetMs <= 40; budgetMs += 2) {
      await using hasty = await TestPolicy.load(POLICY, { ...LIMITS, budgetMs });
      const error = await failure('deep recursion', hasty);
      expect(withoutTraceback(error.message)).toMatch(/stack overflow|Lua ran for longer .* at /);
      expect([error.file, error.line]).toEqual([hasty.file, expect.any(Number)]);
    }
  });

  it('may fail in a finalizer', async () => {
    expect(await failure('error in gc')).toBeUndefined();
  });
});

describe('Heartbeat', () => {
  it('names the event in progress to other threads', async () => {
    const seen: ReturnType<typeof readHeartbeat>[] = [];
    await using watched = await TestPolicy.load(
      `kumo.on('some event', function() kumo.log_info 'now' end)`,
      { services: { diagnostic: () => seen.push(readHeartbeat(watched.host.heartbeat.buffer)) } },
    );
    await watched.host.callEvent('some event', []);
    expect(seen).toMatchObject([{ event: 'some event' }]);
    expect(readHeartbeat(watched.host.heartbeat.buffer)).toBeNull();
  });
});
