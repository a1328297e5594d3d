/** Lua's `io`, `os`, `print`, loaders and what mlua leaves out, over real files. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseNumeral } from '../../../engine/policy/bindings/lua-file.ts';
import { calendarUtc, strftime } from '../../../engine/policy/bindings/c-strftime.ts';
import { LuaFloat } from '../../../engine/policy/lua/lua-value.ts';
import { SimClock } from '../../support/sim-clock.ts';
import { TestPolicy, type TestPolicyOptions } from '../../support/policy.ts';

async function run(
  body: string,
  options: TestPolicyOptions = {},
): Promise<{ values: readonly unknown[]; read: (name: string) => string; stdout: string }> {
  await using policy = await TestPolicy.load(
    `
    local function why(fn, ...)
      local ok, err = pcall(fn, ...)
      return ok and 'no error' or type(err) .. ' ' .. tostring(err):match '^[^\\n]*'
    end
    kumo.on('run', function() ${body} end)
  `,
    options,
  );
  const values = await policy.host.callEvent('run', []);
  const files = new Map<string, string>();
  for (const name of ['out', 'moved', 'data']) {
    const path = `${policy.folder}/${name}`;
    if (existsSync(path)) files.set(name, readFileSync(path, 'latin1'));
  }
  return { values, read: (name) => files.get(name) ?? '(no file)', stdout: policy.stdout };
}

describe('io', () => {
  it('appends, as the golden policies do', async () => {
    const { read, values } = await run(`
      for i = 1, 3 do
        local f <close> = assert(io.open(FOLDER .. '/out', 'a'))
        f:write('line ', i, ' ', 1.5, '\\n')
      end
      local f = io.open(FOLDER .. '/out')
      local open = io.type(f)
      f:close()
      return open, io.type(f), io.type 'x', tostring(f), why(f.read, f)
    `);
    expect(read('out')).toBe('line 1 1.5\nline 2 1.5\nline 3 1.5\n');
    expect(values).toEqual([
      'file',
      'closed file',
      undefined,
      'file (closed)',
      'string attempt to use a closed file',
    ]);
  });

  it('reads by every format', async () => {
    const data = '12 0x1F -1.5e2 .5 99999999999999999999\nsecond\r\n\nlast';
    const { values } = await run(
      `
      local f = io.open(FOLDER .. '/data', 'rb')
      local a, b, c, d, e = f:read('n', 'n', 'n', 'n', 'n')
      local rest = f:read 'l'
      local second, empty, last, none = f:read('*L', 'l', 'a', 'l')
      return a, math.type(a), b, c, d, math.type(e), rest, second, empty, last, none, f:read(0), f:read 'a', f:read 'n'
    `,
      { files: { data } },
    );
    expect(values).toEqual([
      12,
      'integer',
      31,
      new LuaFloat(-150),
      0.5,
      'float',
      '',
      'second\r\n',
      '',
      'last',
      undefined,
      undefined,
      '',
      undefined,
    ]);
  });

  it('iterates, seeks and overwrites', async () => {
    const { values, read } = await run(
      `
      local lines = {}
      for line in io.lines(FOLDER .. '/data') do lines[#lines + 1] = line end
      for a, b in io.lines(FOLDER .. '/data', 1, 'l') do lines[#lines + 1] = a .. '-' .. b end
      local f = io.open(FOLDER .. '/data', 'r+')
      local size = f:seek 'end'
      f:seek('set', 2)
      f:write 'X'
      local at = f:seek()
      f:seek('cur', -3)
      local all = f:read 'a'
      f:close()
      return table.concat(lines, '|'), size, at, all, f.seek and why(io.lines, FOLDER .. '/none')
    `,
      { files: { data: 'one\ntwo\n' } },
    );
    expect(values.slice(0, 4)).toEqual(['one|two|o-ne|t-wo', 8, 3, 'onX\ntwo\n']);
    expect(values[4]).toMatch(/^string .*none: No such file or directory$/);
    expect(read('data')).toBe('onX\ntwo\n');
  });

  it('returns errors as Lua does', async () => {
    const { values } = await run(`
      local f, err, code = io.open(FOLDER .. '/none')
      local g, err2 = io.open(FOLDER, 'w')
      return f, err, code, g, (err2:match ': (.*)$'), why(io.open), why(io.open, 'x', 'q'), why(io.lines, '/none')
    `);
    expect(values[0]).toBeUndefined();
    expect(values[1]).toMatch(/\/none: No such file or directory$/);
    expect(values.slice(2)).toEqual([
      2,
      undefined,
      'Is a directory',
      "string bad argument #1 to 'open' (string expected, got no value)",
      "string bad argument #2 to 'open' (invalid mode)",
      'string /none: No such file or directory',
    ]);
  });

  it('has default streams; output goes to stdout in strict mode only', async () => {
    const { values, stdout } = await run(`
      print('a', nil, 1.0)
      io.write('b', 2, '\\n')
      io.stdout:write 'c\\n'
      io.output(FOLDER .. '/out')
      io.write 'to file'
      io.close()
      io.input(FOLDER .. '/out')
      return io.read 'a', io.type(io.stdin)
    `);
    expect(values).toEqual(['to file', 'file']);
    expect(stdout).toBe('a\tnil\t1.0\nb2\nc\n');
    const ordinary = await run("print 'x' io.write 'y'", { isStrict: false });
    expect(ordinary.stdout).toBe('');
  });

  it('runs programs in strict mode only', async () => {
    const { values } = await run(`
      local p = io.popen 'printf "%s" hello; exit 3'
      local text = p:read 'a'
      local ok, how, code = p:close()
      return text, ok, how, code, os.execute 'exit 2', (select(3, os.execute 'exit 2'))
    `);
    expect(values).toEqual(['hello', undefined, 'exit', 3, undefined, 2]);
    const ordinary = await run(
      `return why(io.popen, 'ls'), why(os.execute, 'ls'), os.execute(), why(os.exit)`,
      {
        isStrict: false,
      },
    );
    expect(ordinary.values).toEqual([
      'string io.popen is not available here: a policy may not run programs',
      'string os.execute is not available here: a policy may not run programs',
      false,
      'userdata os.exit is not available here: a policy may not end the engine',
    ]);
  });

  it('asks before it touches a path', async () => {
    const asked: string[] = [];
    const { values } = await run(
      `
      local f, err = io.open('/secret/x', 'w')
      return err, why(os.remove, '/secret/y'), (loadfile '/secret/z')
    `,
      {
        mapPath: (path, mode) => {
          asked.push(`${mode} ${path}`);
          throw new Error('not for you');
        },
      },
    );
    expect(values).toEqual(['/secret/x: not for you', 'no error', undefined]);
    expect(asked).toEqual([
      'write /secret/x',
      'write /secret/y',
      'read /secret/z',
      'read /secret/z',
    ]);
  });
});

describe('os', () => {
  it('tells the time of the mail clock', async () => {
    const mailClock = new SimClock(Date.UTC(2026, 1, 3, 4, 5, 6));
    const { values } = await run(
      `
      local t = os.date('!*t', 0)
      return os.time(), os.date '!%Y-%m-%dT%H:%M:%SZ', t.year, t.yday, t.isdst, os.date('!%c', 86400),
        os.time { year = 2026, month = 14, day = 1, hour = 0 } == os.time { year = 2027, month = 2, day = 1, hour = 0 },
        os.difftime(5, 3), why(os.date, '%Q'), why(os.time, { year = 2020 }), type(os.clock())
    `,
      { mailClock },
    );
    expect(values).toEqual([
      Date.UTC(2026, 1, 3, 4, 5, 6) / 1000,
      '2026-02-03T04:05:06Z',
      1970,
      1,
      false,
      'Fri Jan  2 00:00:00 1970',
      true,
      new LuaFloat(2),
      "string bad argument #1 to 'date' (invalid conversion specifier '%Q')",
      "string field 'month' missing in date table",
      'number',
    ]);
  });

  it('handles files and the environment', async () => {
    process.env['POLICY_TEST'] = 'yes';
    const { values, read } = await run(
      `
      local name = os.tmpname()
      local ok = os.rename(FOLDER .. '/data', FOLDER .. '/moved')
      local gone, err, code = os.remove(FOLDER .. '/none')
      return os.getenv 'POLICY_TEST', os.getenv 'POLICY_NONE', os.remove(name), ok, gone, code, os.setlocale 'C'
    `,
      { files: { data: 'x' } },
    );
    expect(values).toEqual(['yes', undefined, true, true, undefined, 2, 'C']);
    expect(read('moved')).toBe('x');
  });

  it('ends the process in strict mode', async () => {
    await using policy = await TestPolicy.load("kumo.on('run', function() os.exit(3) end)");
    await policy.host.callEvent('run', []);
    expect(policy.exitCode).toBe(3);
  });
});

describe('strftime()', () => {
  it('knows the conversions of C99', () => {
    const t = calendarUtc(Date.UTC(2021, 0, 3, 13, 4, 5) / 1000);
    const all =
      '%a %A %b %B %d %D %e %F %g %G %h %H %I %j %m %M %p %r %R %S %T %u %U %V %w %W %x %X %y %Y %z %Z %%';
    expect(strftime(all, t)).toBe(
      'Sun Sunday Jan January 03 01/03/21  3 2021-01-03 20 2020 Jan 13 01 003 01 04 PM 01:04:05 PM 13:04 05 13:04:05 7 01 53 0 00 01/03/21 13:04:05 21 2021 +0000 GMT %',
    );
  });
});

describe('parseNumeral()', () => {
  it('reads what Lua reads', () => {
    const read = [
      '10',
      '-0x10',
      '0x.8p1',
      '1e2',
      '.5',
      '9223372036854775807',
      '1e',
      '',
      '0x',
      '5.',
    ];
    expect(read.map(parseNumeral)).toEqual([
      10,
      -16,
      new LuaFloat(1),
      new LuaFloat(100),
      0.5,
      9223372036854775807n,
      undefined,
      undefined,
      undefined,
      new LuaFloat(5),
    ]);
  });
});

describe('the standard library', () => {
  it('is the safe one', async () => {
    const { values } = await run(`
      return type(debug), package.loaded.debug, why(package.loadlib, 'x', 'y'), type(_G.kumo), _VERSION,
        #package.searchers, why(require, 'no.such.module'):match 'module [^:]*:', tostring(print):match '^function', type(utf8.char)
    `);
    expect(values).toEqual([
      'nil',
      undefined,
      'userdata package.loadlib is disabled in safe mode',
      'nil',
      'Lua 5.4',
      3,
      "module 'no.such.module' not found:",
      'function',
      'function',
    ]);
  });

  it('loads files with mode and environment', async () => {
    const { values } = await run(
      `
      local chunk = loadfile(FOLDER .. '/m.lua', 't', { x = 5 })
      local none, err = loadfile(FOLDER .. '/none.lua')
      local bad, syntax = loadfile(FOLDER .. '/bad.lua')
      return chunk(), none, (err:match '[^/]*$'), bad, (syntax:match '[^/]*$'), why(dofile, FOLDER .. '/none.lua'):match '[^/]*$', dofile(FOLDER .. '/sleepy.lua')
    `,
      {
        files: {
          'm.lua': '# shebang\nreturn x',
          'bad.lua': '\nreturn )',
          'sleepy.lua': "require 'kumo'.sleep(0.001) return 'awake'",
        },
      },
    );
    expect(values).toEqual([
      5,
      undefined,
      'none.lua: No such file or directory',
      undefined,
      "bad.lua:2: unexpected symbol near ')'",
      'none.lua: No such file or directory',
      'awake',
    ]);
  });

  it('draws other random numbers in each context', async () => {
    await using policy = await TestPolicy.load(
      "kumo.on('run', function() return math.random(1 << 40) end)",
    );
    policy.host.world.tuning.contextUsesMax = 1;
    const drawn = new Set<unknown>();
    for (let i = 0; i < 10; i++) drawn.add((await policy.host.callEvent('run', []))[0]);
    expect(drawn.size).toBe(10);
  });

  it('shows the stack', async () => {
    const { values } = await run(`
      local function inner() return kumo.traceback(1) end
      local t = inner()
      return t[1].name, t[1].what, t[1].curr_line, t[1].source == t[2].source, t[1].is_tail_call
    `);
    expect(values.slice(1)).toEqual(['Lua', expect.any(Number), true, false]);
  });
});

it('leaves no temporary files behind', async () => {
  const { values } = await run(`
    local f = io.tmpfile()
    f:write 'x'
    f:seek 'set'
    return f:read 'a'
  `);
  expect(values).toEqual(['x']);
  expect(statSync('/tmp').isDirectory()).toBe(true);
});
