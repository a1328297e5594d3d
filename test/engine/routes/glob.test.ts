import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globCovers, globMatches, globsMeet, luaPattern } from '../../../engine/routes/glob.ts';

const glob = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '@', '*', '?'), maxLength: 7 });
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '.', '@'), maxLength: 8 });

/** The same in another way: a regular expression. */
function asRegExp(pattern: string): RegExp {
  const body = [...pattern]
    .map((char) => (char === '*' ? '.*' : char === '?' ? '.' : char.replace(/[.@]/, '\\$&')))
    .join('');
  return new RegExp(`^${body}$`, 'is');
}

test('globMatches() says what a regular expression says', () => {
  fc.assert(
    fc.property(glob, text, (pattern, value) => {
      expect(globMatches(pattern, value)).toBe(asRegExp(pattern).test(value));
    }),
    { seed: 11, numRuns: 3_000 },
  );
});

test('globCovers() is sound: whatever the narrow one matches, the wide one does', () => {
  fc.assert(
    fc.property(glob, glob, text, (wide, narrow, value) => {
      if (globCovers(wide, narrow) && globMatches(narrow, value))
        expect(globMatches(wide, value)).toBe(true);
    }),
    { seed: 12, numRuns: 5_000 },
  );
  expect(globCovers('*@*.example', 'a*@mx.example')).toBe(true);
  expect(globCovers('*.example', '*')).toBe(false);
  expect(globCovers('a?', 'a*')).toBe(false);
});

test('globsMeet() finds whatever both match', () => {
  fc.assert(
    fc.property(glob, glob, text, (a, b, value) => {
      if (globMatches(a, value) && globMatches(b, value)) expect(globsMeet(a, b)).toBe(true);
    }),
    { seed: 13, numRuns: 5_000 },
  );
  expect(globsMeet('a*', '*b')).toBe(true);
  expect(globsMeet('a*', 'b*')).toBe(false);
});

test('a hostile glob is answered at once', () => {
  const started = performance.now();
  expect(globMatches(`${'*a'.repeat(200)}b`, 'a'.repeat(5_000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('luaPattern() escapes what Lua would read', () => {
  expect(luaPattern('A%b.c-d"e\\*')).toBe('^a%%b%.c%-d\\"e\\\\.*$');
});
