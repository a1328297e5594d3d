import { describe, expect, it } from 'vitest';
import { numberText } from '../../../../engine/policy/bindings/serde-encode.ts';
import { parseToml, writeToml } from '../../../../engine/policy/bindings/serde-toml.ts';
import { serdeBindings } from '../../../../engine/policy/bindings/serde.ts';
import { HostObject, LuaFloat } from '../../../../engine/policy/lua/lua-value.ts';
import type { LuaValue } from '../../../../engine/policy/lua/lua-value.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

/** A userdata with `__pairs`, as a memoized table is one. */
class Pairs extends HostObject {
  readonly luaTypeName = 'Pairs';
  readonly pairs: readonly (readonly [LuaValue, LuaValue])[];
  constructor(pairs: readonly (readonly [LuaValue, LuaValue])[]) {
    super();
    this.pairs = pairs;
  }
}
const pairsType = { name: 'Pairs', class: Pairs, pairs: (self: Pairs) => self.pairs };

const run = (code: string, globals: Record<string, LuaValue> = {}): Promise<string[]> =>
  traceLua([serdeBindings(fakeDeps()), { modules: [], types: [pairsType] }], code, globals);

describe('json', () => {
  it('keeps integers, floats and nil apart and skips comments', async () => {
    expect(
      await run(`
        local j = kumo.serde.json_parse [==[{"i": 1, "f": 1.0, "n": null, # c
          "l": [1, 2.5, []], /* x */ "u": "a//b \\u00e9\\ud83d\\ude00"} // end]==]
        trace(j, math.type(j.i), math.type(j.f), j.n, getmetatable(j.l[3]))
        trace(kumo.json_parse '[9223372036854775807, 18446744073709551615, -0]')
        trace(kumo.json_encode(kumo.json_parse '{"a":[]}'), kumo.json_encode(kumo.json_parse '[{}]'))
      `),
    ).toEqual([
      '{f=1.0,i=1,l={1=1,2=2.5,3={}},u=a//b é😀} integer float nil false',
      '{1=9223372036854775807,2=1.844674407371e+19,3=-0.0}',
      '{"a":[]} [{}]',
    ]);
  });

  it.each([
    ['{"a": }', 'expected value at line 1 column 7'],
    ['', 'EOF while parsing a value at line 1 column 0'],
    ['{"a": 1', 'EOF while parsing an object at line 1 column 7'],
    ['{"a" 1}', 'expected `:` at line 1 column 6'],
    ['{"a": 1,}', 'trailing comma at line 1 column 9'],
    ['{1: 2}', 'key must be a string at line 1 column 2'],
    ['[1 2]', 'expected `,` or `]` at line 1 column 4'],
    ['[1', 'EOF while parsing a list at line 1 column 2'],
    ['"abc', 'EOF while parsing a string at line 1 column 4'],
    ['tru', 'EOF while parsing a value at line 1 column 3'],
    ['trux', 'expected ident at line 1 column 4'],
    ['1 x', 'trailing characters at line 1 column 3'],
    ['"\\q"', 'invalid escape at line 1 column 3'],
  ])('explains %j', async (text, why) => {
    expect(await run('try(kumo.json_parse, text)', { text })).toEqual([
      `error parsing ${text} as json: ${why}`,
    ]);
  });

  it('names a file that cannot be read', async () => {
    expect(await run("try(kumo.json_load, '/nonexistent/file.json')")).toEqual([
      'error reading file /nonexistent/file.json: No such file or directory (os error 2)',
    ]);
  });

  it('writes every kind of value', async () => {
    expect(
      await run(
        `
        local e = kumo.serde.json_encode
        trace(e { 1, 'two', 3.5, true, 2.0, 1 << 62 }, e(nil), e {}, e(2.0), e(1e16))
        trace(kumo.json_encode_pretty { b = 1, a = { 1, 2 }, c = 'q"', d = {} })
        trace(e(pairs_ud), e(list_ud))
        try(e, { f = print })
      `,
        {
          pairs_ud: new Pairs([['k', 1]]),
          list_ud: new Pairs([
            [1, 'x'],
            [2, 'y'],
          ]),
        },
      ),
    ).toEqual([
      '[1,"two",3.5,true,2.0,4611686018427387904] null {} 2.0 1e16',
      '{\\n  "a": [\\n    1,\\n    2\\n  ],\\n  "b": 1,\\n  "c": "q\\"",\\n  "d": {}\\n}',
      '{"k":1} ["x","y"]',
      'error cannot serialize <function>',
    ]);
  });

  it.each([
    [0.1, '0.1'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e16'],
    [1.5e-5, '0.000015'],
    [1.5e-6, '1.5e-6'],
    [-2.5e300, '-2.5e300'],
  ])('prints the float %s as ryu does', (value, text) => {
    expect(numberText(Number.isInteger(value) ? new LuaFloat(value) : value)).toBe(text);
  });
});

describe('toml', () => {
  it('keeps subtypes and shows dates as their internal table', async () => {
    expect(
      await run(`
        local t = kumo.toml_parse 'a = 1\\nb = 1.0\\nd = 1979-05-27T07:32:00Z\\n[s]\\nl = [1, 2]\\n'
        trace(t, math.type(t.a), math.type(t.b))
        try(kumo.toml_parse, 'a = ')
      `),
    ).toEqual([
      '{a=1,b=1.0,d={$__toml_private_datetime=1979-05-27T07:32:00Z},s={l={1=1,2=2}}} integer float',
      'error parsing a =  as toml: TOML parse error at line 1, column 5',
    ]);
  });

  it('writes sections after plain values', async () => {
    expect(
      await run(`
        trace(kumo.toml_encode_pretty { z = 1, a = { k = 'v', deep = { x = 1.0 } }, list = { { n = 1 }, { n = 2 } } })
        trace(kumo.toml_encode_pretty { l = { 'a', 'b' } }, kumo.toml_encode { l = { 'a', 'b' } })
        trace(kumo.serde.toml_encode_pretty_compact { e = {}, q = 'say "x"', t = { ['a b'] = true } })
        try(kumo.toml_encode, 5)
      `),
    ).toEqual([
      'z = 1\\n\\n[a]\\nk = "v"\\n\\n[a.deep]\\nx = 1.0\\n\\n[[list]]\\nn = 1\\n\\n[[list]]\\nn = 2\\n',
      'l = [\\n    "a",\\n    "b",\\n]\\n l = ["a", "b"]\\n',
      'e = {}\\nq = \'say "x"\'\\n\\n[t]\\n"a b" = true\\n',
      'error unsupported i64 type',
    ]);
  });

  const layout = { sorted: false, multiline: true, inlineEmptyTables: true };
  it.each([
    ['plain', '"plain"'],
    ['say "x"', `'say "x"'`],
    ["it's", `"it's"`],
    [`q'"`, `"""q'""""`],
    [`'\\`, `''''\\'''`],
    ['a\nb', `"""\na\nb"""`],
    ['a"""b\n', `'''\na"""b\n'''`],
    [`a\nb'''"""`, `"""\na\nb'''""\\""""`],
    ['\u001f\u007f\t', '"\\u001F\\u007F\\t"'],
  ])('quotes %j as %s', (text, quoted) => {
    expect(writeToml(new Map([['s', text]]), layout)).toBe(`s = ${quoted}\n`);
  });

  it.each([
    ['a = 1 2', 'line 1, column 5'],
    ['a = [1, 2 3]', 'line 1, column 9'],
    ['a = "x" 1', 'line 1, column 9'],
    ['name: x', 'line 1, column 7'],
    ['list = [1, 2\n', 'line 1, column 13'],
    ['x = "a\ny = 1', 'line 1, column 7'],
    ['b = 1\na = 9223372036854775808', 'line 2, column 5'],
  ])('says where %j is wrong', (text, place) => {
    expect(() => parseToml(text)).toThrow(`TOML parse error at ${place}\n`);
  });
});

describe('yaml', () => {
  it('reads and writes', async () => {
    expect(
      await run(`
        local y = kumo.serde.yaml_parse 'a: 1\\nb:\\n  - x\\n  - 2.5\\n  - 2.0\\n3: yes\\n'
        trace(y, math.type(y.b[3]), type(y[3]))
        trace(kumo.serde.yaml_encode { 'x', 2.0, 7, 'yes: no' })
      `),
    ).toEqual([
      '{3=yes,a=1,b={1=x,2=2.5,3=2.0}} float string',
      "- x\\n- 2.0\\n- 7\\n- 'yes: no'\\n",
    ]);
  });
});
