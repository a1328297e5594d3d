import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../../../engine/base/clock.ts';
import type { Bindings } from '../../../../engine/policy/bindings/bindings.ts';
import type {
  HostFunction,
  HostMethod,
  UserdataType,
} from '../../../../engine/policy/lua/host-function.ts';
import { LuaContext } from '../../../../engine/policy/lua/lua-context.ts';
import { LuaError, withoutTraceback } from '../../../../engine/policy/lua/lua-error.ts';
import {
  HostClosure,
  HostObject,
  LUA_NULL,
  LuaFloat,
  LuaTable,
  MultiValue,
  type LuaValue,
} from '../../../../engine/policy/lua/lua-value.ts';

class Point extends HostObject {
  readonly luaTypeName = 'Point';
  readonly x: number;
  disposed = 0;
  constructor(x: number) {
    super();
    this.x = x;
  }
  override dispose(): void {
    this.disposed++;
  }
}

class Door extends HostObject {
  readonly luaTypeName = 'Door';
}

const about = { effect: 'pure', signature: '', doc: '' } as const;
const fn = (run: HostFunction['run']): HostFunction => ({ ...about, run });

const pointType: UserdataType<Point> = {
  name: 'Point',
  class: Point,
  fields: { x: (p) => p.x },
  toString: (p) => `Point(${p.x})`,
  add: (a, b) => new Point((a as Point).x + (b as Point).x),
  equals: (a, b) => b instanceof Point && a.x === b.x,
};

const doorMethod: HostMethod<Door> = {
  ...about,
  run: (_self, call) => `${call.string(1)}!`,
};
const doorType: UserdataType<Door> = { name: 'Door', class: Door, methods: { open: doorMethod } };

function bindings(seen: LuaValue[] = []): Bindings {
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          echo: fn((call) => call.value(1)),
          see: fn((call) => void seen.push(call.value(1))),
          text: fn((call) => call.string(1)),
          u16: fn((call) => call.integer(1, 'u16')),
          point: fn((call) => new Point(call.number(1))),
          px: fn((call) => call.object(1, Point).x),
          door: fn(() => new Door()),
          fail: fn((call) => {
            throw new Error(call.string(1));
          }),
          later: fn(async (call) => {
            await Promise.resolve();
            return call.value(1);
          }),
          later_fail: fn(() => Promise.reject(new Error('late'))),
          two: fn(() => new MultiValue(1, 'b')),
          maker: fn((call) => {
            const start = call.integer(1);
            let n = start;
            return new HostClosure('counter', () => ++n);
          }),
          apply: fn(
            async (call) => new MultiValue(...(await call.context.call(call.func(1), [2]))),
          ),
          apply_sync: fn((call) => new MultiValue(...call.context.callSync(call.func(1), [2]))),
        },
        constants: { version: '1.0' },
      },
      { path: ['kumo', 'sub'], functions: { one: fn(() => 1) } },
    ],
    types: [pointType, doorType],
  };
}

function context(seen: LuaValue[] = []): LuaContext {
  const made = LuaContext.create({ clock: new SystemClock({ keepAlive: false }) });
  made.register([bindings(seen)]);
  return made;
}

const K = "local kumo = require 'kumo'; ";

async function failure(lua: LuaContext, code: string): Promise<string> {
  try {
    await lua.run(K + code, 'chunk');
  } catch (error) {
    return withoutTraceback((error as Error).message);
  }
  throw new Error('it did not fail');
}

describe('LuaContext values', () => {
  const lua = context();
  const run = async (code: string): Promise<readonly LuaValue[]> => lua.run(K + code, 'chunk');

  it('keeps the integer and float subtypes both ways', async () => {
    const [a, b, c, d] = await run('return 1, 1.0, 1.5, 9007199254740993');
    expect([a, c, d]).toEqual([1, 1.5, 9007199254740993n]);
    expect(b).toEqual(new LuaFloat(1));
    const types = 'return math.type(kumo.echo(1)), math.type(kumo.echo(1.0)), kumo.echo(1 << 62)';
    expect(await run(types)).toEqual(['integer', 'float', 1n << 62n]);
  });

  it('reads strings as text when they are UTF-8 and as bytes otherwise', async () => {
    const long = 'é'.repeat(40_000);
    const [a, b, c, d] = await run(`return "h\u00e9", "\\xff\\0x", "a\\0b", ("é"):rep(40000)`);
    expect([a, c, d]).toEqual(['hé', 'a\0b', long]);
    expect(b).toEqual(new Uint8Array([255, 0, 120]));
    expect(await run('local s = ("\\xc3\\xa9"):rep(70000) return kumo.echo(s) == s')).toEqual([
      true,
    ]);
    expect(await run('local s = ("\\xff"):rep(70000) return kumo.echo(s) == s')).toEqual([true]);
  });

  it('copies tables, with the sequence part apart', async () => {
    const [t] = await run('return {1, 2, x = {y = true}, [10] = "ten"}');
    expect(t).toBeInstanceOf(LuaTable);
    const table = t as LuaTable;
    expect(table.sequence).toEqual([1, 2]);
    expect(table.get('x')).toEqual(new LuaTable([], [['y', true]], false));
    expect(table.entries).toContainEqual([10, 'ten']);
    expect(await failure(lua, 'local t = {} t.t = t kumo.echo(t)')).toMatch(
      'recursive table detected',
    );
  });

  it('marks arrays of the host with a protected metatable', async () => {
    const seen: LuaValue[] = [];
    const other = LuaContext.create({ clock: new SystemClock({ keepAlive: false }) });
    other.register([
      bindings(seen),
      { modules: [{ path: ['kumo'], functions: { list: fn(() => []) } }], types: [] },
    ]);
    const [type, size] = await other.run(
      `${K} local l = kumo.list() kumo.see(l) table.insert(l, 1) return tostring(getmetatable(l)), #l`,
      'chunk',
    );
    expect([type, size]).toEqual(['false', 1]);
    expect(seen).toEqual([new LuaTable([], [], true)]);
  });

  it('has a NULL that is truthy and equal to itself', async () => {
    const seen: LuaValue[] = [];
    const other = context(seen);
    other.setGlobal('NULL', LUA_NULL);
    expect(
      await other.run(
        `${K} kumo.see(NULL) return NULL and true, type(NULL), NULL == kumo.echo(NULL)`,
        'chunk',
      ),
    ).toEqual([true, 'userdata', true]);
    expect(seen).toEqual([LUA_NULL]);
  });

  it('passes several results, constants and nested modules', async () => {
    expect(await run('return kumo.two()')).toEqual([1, 'b']);
    expect(await run('return kumo.version, kumo.sub.one(), kumo.missing')).toEqual([
      '1.0',
      1,
      undefined,
    ]);
  });

  it('makes functions at run time', async () => {
    expect(await run('local c = kumo.maker(5) return c(), c(), type(c)')).toEqual([
      6,
      7,
      'function',
    ]);
  });
});

describe('LuaContext arguments', () => {
  const lua = context();

  it('converts as mlua does, and says what is wrong', async () => {
    const good = await lua.run(
      `${K} return kumo.text(5), kumo.text(5.5), kumo.u16('550'), kumo.u16(550.0), kumo.u16('550.5')`,
      'chunk',
    );
    expect(good).toEqual(['5', '5.5', 550, 550, 550]);
    const bad = (code: string): Promise<string> => failure(lua, code);
    expect(await bad('kumo.text()')).toBe(
      'bad argument #1: error converting Lua nil to String (expected string or number)',
    );
    expect(await bad('kumo.text("a\\xff")')).toBe(
      'bad argument #1: error converting Lua string to &str (invalid utf-8 sequence of 1 bytes from index 1)',
    );
    expect(await bad('kumo.u16(70000)')).toBe(
      'bad argument #1: error converting Lua integer to u16 (out of range)',
    );
    expect(await bad('kumo.u16({})')).toBe(
      'bad argument #1: error converting Lua table to u16 (expected number or string coercible to number)',
    );
    expect(await bad('kumo.px({})')).toBe('bad argument #1: error converting Lua table to Point');
    expect(await bad('kumo.px(kumo.door())')).toBe(
      'bad argument #1: userdata is not expected type',
    );
    expect(await bad('kumo.door():open()')).toBe(
      'bad argument #2 to `Door.open`: error converting Lua nil to String (expected string or number)',
    );
    expect(await bad('kumo.door().open("x")')).toBe(
      'bad argument `self` to `Door.open`: error converting Lua string to userdata',
    );
  });
});

describe('LuaContext userdata', () => {
  const lua = context();
  const run = async (code: string): Promise<readonly LuaValue[]> => lua.run(K + code, 'chunk');

  it('has fields, methods, operators and a protected metatable', async () => {
    expect(
      await run(
        'local p = kumo.point(2) return p.x, tostring(p + p), p == kumo.point(2), getmetatable(p), type(p)',
      ),
    ).toEqual([2, 'Point(4)', true, false, 'userdata']);
    expect(await run('return kumo.door():open("hi")')).toEqual(['hi!']);
  });

  it('treats unknown members by the kind of the type', async () => {
    expect(await run('return kumo.door().nothing')).toEqual([undefined]);
    expect(await failure(lua, 'return kumo.point(1).y')).toBe(
      "runtime error: attempt to get an unknown field 'y'",
    );
    expect(await failure(lua, 'kumo.door():nothing()')).toBe(
      `runtime error: [string "chunk"]:1: attempt to call a nil value (method 'nothing')`,
    );
  });

  it('disposes of an object when its last userdata is collected or the context ends', async () => {
    const seen: LuaValue[] = [];
    const other = context(seen);
    await other.run(`${K} kept = kumo.point(1) kumo.see(kept)`, 'chunk');
    const point = seen[0] as Point;
    await other.run(`${K} collectgarbage() collectgarbage()`, 'chunk');
    expect(point.disposed).toBe(0);
    await other.run(`${K} kept = nil collectgarbage() collectgarbage()`, 'chunk');
    expect(point.disposed).toBe(1);
    await other.run(`${K} kept = kumo.point(2) kumo.see(kept)`, 'chunk');
    other.dispose();
    expect((seen[1] as Point).disposed).toBe(1);
  });
});

describe('LuaContext errors', () => {
  const lua = context();

  it('are userdata with a traceback in Lua, and survive rethrowing', async () => {
    const [kind, text] = await lua.run(
      `${K} local ok, e = pcall(kumo.fail, 'boom') return type(e), tostring(e)`,
      'chunk',
    );
    expect(kind).toBe('userdata');
    expect(text).toMatch(/^boom\nstack traceback:\n/);
    const error = await lua
      .run(`${K} local ok, e = pcall(kumo.fail, 'boom') error(e)`, 'init.lua')
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LuaError);
    expect((error as LuaError).root?.message).toBe('boom');
    expect((error as LuaError).place).toEqual({ file: 'init.lua', line: 1 });
  });

  it('of Lua code carry kind, position and place', async () => {
    const error = await lua
      .run('local x = nil\nreturn x.y', '/etc/policy/init.lua')
      .catch((e: unknown) => e);
    expect((error as LuaError).message).toMatch(
      /^runtime error: \[string "\/etc\/policy\/init.lua"\]:2: attempt to index a nil value \(local 'x'\)\nstack traceback:\n/,
    );
    expect((error as LuaError).place).toEqual({ file: '/etc/policy/init.lua', line: 2 });
    expect(await failure(lua, 'error({})')).toMatch(/^runtime error: table: 0x/);
    expect(await failure(lua, 'error()')).toBe('runtime error: nil');
    await expect(lua.run('this is not lua', 'x.lua')).rejects.toThrow(
      'syntax error: [string "x.lua"]:1: syntax error near \'is\'',
    );
  });

  it('pass through callSync with their root', async () => {
    expect(await failure(lua, 'kumo.apply_sync(function() error("inner") end)')).toBe(
      'runtime error: [string "chunk"]:1: inner',
    );
    const error = await lua
      .run(`${K} kumo.apply_sync(function() kumo.fail('deep') end)`, 'chunk')
      .catch((e: unknown) => e);
    expect((error as LuaError).root?.message).toBe('deep');
  });
});

describe('LuaContext suspension', () => {
  const lua = context();
  const run = async (code: string): Promise<readonly LuaValue[]> => lua.run(K + code, 'chunk');

  it('waits through pcall and generic for', async () => {
    expect(await run('return kumo.later(3), select(2, pcall(kumo.later, "x"))')).toEqual([3, 'x']);
    expect(
      await run('local n = 0 for v in kumo.later, nil, nil do n = n + 1 break end return n'),
    ).toEqual([0]);
    const [ok, text] = await run('local ok, e = pcall(kumo.later_fail) return ok, tostring(e)');
    expect([ok, String(text).split('\n')[0]]).toEqual([false, 'late']);
  });

  it('refuses to cross a C boundary', async () => {
    const across = 'attempt to yield across a C-call boundary';
    expect(
      await failure(lua, 'table.sort({1, 2}, function() return kumo.later(true) end)'),
    ).toMatch(across);
    expect(await failure(lua, '("x"):gsub(".", kumo.later)')).toMatch(across);
    expect(await failure(lua, 'kumo.apply_sync(kumo.later)')).toMatch(across);
  });

  it('gives a coroutine of the script a userdata', async () => {
    const [kind] = await run('return type(coroutine.wrap(function() kumo.later(1) end)())');
    expect(kind).toBe('userdata');
  });

  it('goes on after a yield that nobody answers', async () => {
    expect(await run('coroutine.yield(1) return 2')).toEqual([2]);
  });

  it('lets host functions call back, also while suspended', async () => {
    expect(await run('return kumo.apply(function(n) return n + 1, "b" end)')).toEqual([3, 'b']);
    expect(await run('return kumo.apply(function(n) return kumo.later(n * 5) end)')).toEqual([10]);
    expect(await run('return kumo.apply_sync(function(n) return n * 2 end)')).toEqual([4]);
    expect(await failure(lua, 'local function f() return kumo.apply(f) end return f()')).toMatch(
      'C stack overflow',
    );
  });
});
