import { describe, expect, it } from 'vitest';
import { compileRegex } from '../../../../engine/policy/bindings/regex-compile.ts';
import { lookupBindings } from '../../../../engine/policy/bindings/lookup.ts';
import { regexBindings } from '../../../../engine/policy/bindings/regex.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const run = (code: string): Promise<string[]> =>
  traceLua([regexBindings(fakeDeps()), lookupBindings(fakeDeps())], code);

const found = (pattern: string, text: string): string | undefined => {
  const { expression } = compileRegex(pattern, 'fancy');
  expression.lastIndex = 0;
  return expression.exec(text)?.[0];
};

it('captures, finds, replaces and splits', async () => {
  expect(
    await run(`
      local r = kumo.regex.compile '(?<user>[a-z]+)@([a-z.]+)'
      local c = r:captures 'mail bob@dest.test now'
      trace(c[0], c[1], c[2], c.user)
      trace(r:captures 'nothing', r:is_match 'a@b', r:is_match 'A@B')
      trace(r:find 'x bob@d.test y', r:find_all 'a@b c@d', r:find 'none')
      trace(r:replace('a@b c@d', '<$2 at \${user}>'), r:replace_all('a@b c@d', '$1'), r:replacen('a@b c@d e@f', 2, '$$$1$nope'))
      trace(kumo.regex.compile([[\\s*;\\s*]]):split 'a ; b;c', kumo.regex.compile('x*'):find_all 'axxb')
      trace(kumo.regex.compile('foo(?=bar)'):find 'foobar', kumo.regex.compile('(a)\\\\1'):is_match 'aa')
      trace(kumo.regex.escape 'a.b*c', kumo.regex.compile('(a)|(b)'):captures('b')[1])
      try(kumo.regex.compile, '(unclosed')
    `),
  ).toEqual([
    'bob@dest.test bob dest.test bob',
    'nil true false',
    'bob@d.test {1=a@b,2=c@d} nil',
    '<b at a> c@d a c $a $c e@f',
    '{1=a,2=b,3=c} {1=,2=xx,3=}',
    'foo true',
    'a\\.b\\*c nil',
    'error Parsing error at position 9: Opening parenthesis without closing parenthesis',
  ]);
});

describe('compileRegex()', () => {
  it.each([
    ['(?i)héllo', 'HÉLLO', 'HÉLLO'],
    ['a(?i)b|c', 'C', 'C'],
    ['a(?i:b)c', 'aBc', 'aBc'],
    ['a(?i:b)c', 'aBC', undefined],
    ['(?x) a b # comment\n c', 'abc', 'abc'],
    ['(?s)a.b', 'a\nb', 'a\nb'],
    ['a.b', 'a\u2028b', 'a\u2028b'],
    ['a.b', 'a\nb', undefined],
    ['(?m)^b$', 'a\nb\nc', 'b'],
    ['^b', 'a\nb', undefined],
    ['b$', 'b\n', undefined],
    ['b\\Z', 'b\n', 'b'],
    ['\\Ab\\z', 'b', 'b'],
    ['\\bé\\w+', 'x été', 'été'],
    ['\\d+', '٣٤', '٣٤'],
    ['[[:digit:]]+', '٣4', '4'],
    ['[\\w&&[^a]]+', 'abc', 'bc'],
    ['[a-z--[aeiou]]+', 'aebcd', 'bcd'],
    ['[a-c~~b-d]+', 'bcad', 'ad'],
    ['[]a-]+', '-]a', '-]a'],
    ['[^]a]', ']ab', 'b'],
    ['\\p{Greek}+', 'abγδ', 'γδ'],
    ['\\p{lowercase_letter}+\\P{L}', 'Aab1', 'ab1'],
    ['\\pN', 'a7', '7'],
    ['(?>a+)ab', 'aaab', undefined],
    ['a++b', 'aab', 'aab'],
    ['a*?b', 'aab', 'aab'],
    ['(?U)a+', 'aaa', 'a'],
    ['a{2}', 'aaa', 'aa'],
    ['a{,2}', 'aaa', 'aa'],
    ['a{x', 'a{x', 'a{x'],
    ['(?P<q>[\'"]).*?(?P=q)', 'say "it\'s"', '"it\'s"'],
    ['(?<=\\$)\\d+', 'cost $42', '42'],
    ['foo\\Kbar', 'foobar', 'bar'],
    ['\\x41\\u{42}\\x{43}', 'ABC', 'ABC'],
    ['[😀-😂]', 'x😁', '😁'],
    ['/[/]-~', '//-~', '//-~'],
  ])('%s in %j finds %j', (pattern, text, match) => {
    expect(found(pattern, text)).toBe(match);
  });

  it('keeps group numbers although helper groups are added', () => {
    const { expression, groups } = compileRegex('(?>(a))(b)', 'fancy');
    const match = expression.exec('ab') as RegExpExecArray;
    expect(groups.map((group) => match[group])).toEqual(['ab', 'a', 'b']);
  });

  it.each([
    ['*a', 'Parsing error at position 0: Target of repeat operator is invalid'],
    ['a)', 'Parsing error at position 1: General parsing error: end of string not reached'],
    ['a\\', 'Parsing error at position 1: Backslash without following character'],
    ['[aé', 'Parsing error at position 4: Invalid character class'],
    ['[z-a]', 'Error compiling regex: Regex error: error parsing pattern 0'],
    ['\\p{Nope}', 'Error compiling regex: Regex error: error parsing pattern 0'],
    ['(?<=a+)b', 'Error compiling regex: Look-behind assertion without constant size'],
    ['(?<!(?:a|bc)d)e', 'Error compiling regex: Look-behind assertion without constant size'],
    ['é(?iQ)', 'Parsing error at position 4: Unknown group flag: (?iQ'],
    ['(?i-', 'Parsing error at position 4: Opening parenthesis without closing parenthesis'],
    ['(?-:a)', 'Parsing error at position 2: Unknown group flag: (?-:'],
    ['(?-u)a', 'Parsing error at position 3: Disabling Unicode not supported'],
    ['(?<a b>x)', 'Parsing error at position 1: Could not parse group name'],
    ['\\k{x}', 'Parsing error at position 2: Could not parse group name'],
    ['(?P=x)', 'Parsing error at position 4: Invalid group name in back reference: x'],
    ['a**', 'Parsing error at position 2: Target of repeat operator is invalid'],
    ['a???', 'Parsing error at position 3: Target of repeat operator is invalid'],
    ['a{2,1}', 'Error compiling regex: Regex error: error parsing pattern 0'],
    ['[\\w-a]', 'Error compiling regex: Regex error: error parsing pattern 0'],
    ['(a)\\2', 'Parsing error at position 4: Invalid back reference'],
    ['(a)(b)\\3', 'Error compiling regex: Invalid back reference to group 3'],
    [
      '(?<a>x)\\1',
      'Error compiling regex: Numbered backref/call not allowed because named group was used, use a named backref instead',
    ],
    ['\\x{g}', 'Parsing error at position 2: Invalid hex escape'],
    ['\\p{L', 'Parsing error at position 0: Unicode escape not closed'],
    ['\\b{start}', 'Parsing error at position 0: Invalid escape: \\b'],
    ['\\y', 'Parsing error at position 0: Invalid escape: \\y'],
  ])('refuses %s', (pattern, message) => {
    expect(() => compileRegex(pattern, 'fancy')).toThrow(message);
  });

  it.each([
    ['a{2}{3}', 'aa{3}', 'aa{3}'],
    ['a{2}+', 'aaa', 'aa'],
    ['(?<1a>x)', 'x', 'x'],
    ['[[:foo:]]+', 'xof:', 'of:'],
    ['(?ii-s)A', 'a', 'a'],
    ['(?<=a|bc)d', 'bcd', 'd'],
  ])('reads %s as Rust does', (pattern, text, match) => {
    expect(found(pattern, text)).toBe(match);
  });

  it('has no look-around in sets of patterns', () => {
    expect(() => compileRegex('a(?=b)', 'linear')).toThrow(/regex parse error:[\s\S]*look-around/);
  });
});

it('looks domains, networks and patterns up', async () => {
  expect(
    await run(`
      local d = kumo.domain_map.new { ['example.test'] = 'exact', ['*.example.test'] = 'wild', ['a.b.other.test'] = 'deep', ['*'] = 'any' }
      trace(d['example.test'], d['x.example.test'], d['x.y.example.test'], d['b.other.test'], d['EXAMPLE.test'], d['nowhere.zone'])
      d['new.test'] = 5
      d['omg.wtf.woot.example.test'] = { 1, name = 'x' }
      trace(d['new.test'], d['woot.example.test'], d['omg.wtf.woot.example.test'].name, #d['omg.wtf.woot.example.test'])
      local c = kumo.cidr.make_map { ['10.0.0.0/8'] = 'ten', ['192.0.2.1'] = 'one', ['2001:db8::/32'] = 'six' }
      trace(c['10.1.2.3'], c['192.0.2.1:25'], c['192.0.2.2'], c['2001:db8::5'], c['[2001:db8::5]:25'])
      try(function() return c['nonsense'] end)
      try(kumo.cidr.make_map, { ['10.0.0.1/8'] = 1 })
      local r = kumo.regex_set_map.new { ['^abc'] = 'start' }
      trace(r['abcdef'], r['xabc'])
      try(kumo.domain_map.new, 'x')
      try(kumo.domain_map.new, { a = print })
    `),
  ).toEqual([
    'exact wild wild nil nil any',
    '5 nil x 2',
    'ten one nil six six',
    "error nonsense is not a valid CIDR: couldn't parse address in network: invalid IP address syntax",
    'error 10.0.0.1/8 is not a valid CIDR: host part of address was not zero. Did you mean 10.0.0.0/8?',
    'start nil',
    'error bad argument #1: error converting Lua string to table',
    'error Cannot memoize a function: it belongs to its Lua context, expected plain data',
  ]);
});
