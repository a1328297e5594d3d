import { expect, it } from 'vitest';
import { normalizeSmtpResponse } from '../../../../engine/mail/normalize-response.ts';
import { stringBindings } from '../../../../engine/policy/bindings/string.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const run = (code: string): Promise<string[]> =>
  traceLua([stringBindings(fakeDeps())], `local s = kumo.string\n${code}`);

it('splits, replaces and trims as Rust does', async () => {
  expect(
    await run(`
      trace(s.split('a,b,,c', ','), s.split('ab', ''))
      trace(s.splitn('a,b,c', 2, ','), s.rsplit('a,b,c', ','), s.rsplitn('a--b--c', 2, '--'))
      trace(s.split_whitespace '  one  two ', s.split_ascii_whitespace ' a\\tb ')
      trace(s.replace('aXbX', 'X', '-'), s.replacen('aXbX', 'X', '-', 1), s.replacen('aXbX', 'X', '-', 0))
      trace(s.replace('abc', '', '-'), s.rsplit('aaa', 'aa'))
      trace('[' .. s.trim '  x ' .. ']', '[' .. s.trim_start '  x ' .. ']', '[' .. s.trim_end '  x ' .. ']')
      trace(s.starts_with('abc', 'ab'), s.ends_with('abc', 'ab'), s.ends_with('abc', 'bc'), s.starts_with('a', 'ab'))
      try(s.split, 'x')
    `),
  ).toEqual([
    '{1=a,2=b,3=,4=c} {1=,2=a,3=b,4=}',
    '{1=a,2=b,c} {1=c,2=b,3=a} {1=c,2=a--b}',
    '{1=one,2=two} {1=a,2=b}',
    'a-b- a-bX aXbX',
    '-a-b-c- {1=,2=a}',
    '[x] [x ] [  x]',
    'true false true false',
    'error bad argument #2: error converting Lua nil to String (expected string or number)',
  ]);
});

it('knows the public suffix list', async () => {
  expect(
    await run(`
      trace(s.psl_domain 'a.b.example.co.uk', s.psl_suffix 'a.b.example.co.uk', s.psl_domain 'localhost', s.psl_suffix 'localhost')
      trace(s.psl_domain 'x.y.github.io', s.psl_domain 'a.b.unheard-of', s.psl_domain 'co.uk', s.psl_domain 'A.Example.COM.')
    `),
  ).toEqual(['example.co.uk co.uk nil localhost', 'y.github.io b.unheard-of nil Example.COM.']);
});

it('renders templates', async () => {
  expect(
    await run(`
      try(s.eval_template, 'x', 'Hi {{ name }} {{ n + 1 }} {{ f }} {{ none }}', { name = 'Bo', n = 2, f = 2.0 })
      try(s.eval_template, 'x.html', '{{ a }}', { a = '<&>' })
      try(s.eval_template, 'x', 'Hi {{name}} {{f}}', { name = 'Bo', f = 2.0 }, 'Handlebars')
      try(s.eval_template, 'x', '{{ a', {})
      try(s.eval_template, 'x', '{{ a', {}, 'Static')
      try(s.eval_template, 'x', '', {}, 'Mustache')
    `),
  ).toEqual([
    'Hi Bo 3 2.0 none',
    '&lt;&amp;&gt;',
    'Hi Bo 2.0',
    'error syntax error: unexpected end of input, expected end of variable block (in x:1)',
    '{{ a',
    'error unknown variant `Mustache`, expected one of `Jinja`, `Static`, `Handlebars`',
  ]);
});

it('folds at the width it is told', async () => {
  expect(await run(`trace(s.wrap('one two three four', 9), s.wrap('abcdef', 3, 4))`)).toEqual([
    'one two\\r\\n\tthree\\r\\n\tfour abcd\\r\\n\tef',
  ]);
});

it.each([
  [
    '550 5.1.1 see https://support.example/?p=NoSuchUser 41be03b00d2f7-b93bf44f0c0si6882731a12.803 - gsmtp',
    '550 5.1.1 see https://support.example/?p=NoSuchUser {hash} - gsmtp',
  ],
  ['550 <bob@dest.test>: user unknown', '550 <{email}>: user unknown'],
  ['421 [192.0.2.1] too busy at 2024-01-02T03:04:05Z', '421 {ipaddr} too busy at {timestamp}'],
  ['250 ok (01234567-89ab-cdef-0123-456789abcdef)', '250 ok ({uuid})'],
  [
    '451 4.7.1 temporary failure at mx1.example.test',
    '451 4.7.1 temporary failure at mx1.example.test',
  ],
])('normalizeSmtpResponse(%j)', (text, normal) => {
  expect(normalizeSmtpResponse(text)).toBe(normal);
});
