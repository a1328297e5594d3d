/**
 * Character classes of Rust's syntax written as sets of JavaScript's `v` flag: ranges, nesting,
 * `&&`, `--` and `~~`, POSIX names, Unicode properties under all their names, and Perl's classes,
 * which know all of Unicode.
 *
 * Source: docs.rs/regex "Character classes"; UTS #18; ECMA-262 UnicodeSets.
 */
import type { SetText } from './regex-syntax.ts';

/** UTS #18 Annex C. */
export const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';

/** `\d`, `\w`, `\s` and fancy-regex's `\h`, by letter; upper case is the complement. */
const PERL: Readonly<Record<string, SetText>> = {
  d: '\\p{Nd}',
  w: WORD,
  s: '\\p{White_Space}',
  h: '[0-9A-Fa-f]',
};

const POSIX: Readonly<Record<string, SetText>> = {
  alnum: '[0-9A-Za-z]',
  alpha: '[A-Za-z]',
  ascii: '[\\u{0}-\\u{7f}]',
  blank: '[\\u{9}\\u{20}]',
  cntrl: '[\\u{0}-\\u{1f}\\u{7f}]',
  digit: '[0-9]',
  graph: '[\\u{21}-\\u{7e}]',
  lower: '[a-z]',
  print: '[\\u{20}-\\u{7e}]',
  punct: '[\\u{21}-\\u{2f}\\u{3a}-\\u{40}\\u{5b}-\\u{60}\\u{7b}-\\u{7e}]',
  space: '[\\u{9}-\\u{d}\\u{20}]',
  upper: '[A-Z]',
  word: '[0-9A-Za-z_]',
  xdigit: '[0-9A-Fa-f]',
};

export function perlClass(letter: string): SetText | undefined {
  const set = PERL[letter.toLowerCase()];
  return set !== undefined && letter !== letter.toLowerCase() ? `[^${set}]` : set;
}

export function posixClass(name: string): SetText | undefined {
  const isNegated = name.startsWith('^');
  const set = POSIX[isNegated ? name.slice(1) : name];
  return set !== undefined && isNegated ? `[^${set}]` : set;
}

const properties = new Map<string, SetText | null>();

/** The set behind `\p{…}` by any name Rust takes; `undefined` when there is no such property. */
export function propertyClass(name: string, negated: boolean): SetText | undefined {
  const isInverse = name.startsWith('^');
  const bare = isInverse ? name.slice(1) : name;
  let set = properties.get(bare);
  if (set === undefined) properties.set(bare, (set = findProperty(bare)));
  if (set === null) return undefined;
  return negated === isInverse ? set : `[^${set}]`;
}

function findProperty(name: string): SetText | null {
  const [, key, value] = /^([^=:!]+)(?:=|:)(.+)$/.exec(name) ?? [];
  const wanted = value ?? name;
  const title = wanted
    .toLowerCase()
    .split(/[\s_-]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('_');
  const spellings = [
    wanted,
    title,
    wanted.toUpperCase(),
    wanted.charAt(0).toUpperCase() + wanted.slice(1),
  ];
  const prefixes = key === undefined ? ['', 'Script=', 'gc='] : [`${propertyKey(key)}=`];
  for (const prefix of prefixes) {
    for (const spelling of spellings) {
      const set = `\\p{${prefix}${spelling}}`;
      if (isValidSet(set)) return set;
    }
  }
  return null;
}

function propertyKey(key: string): string {
  const bare = key.toLowerCase().replace(/[\s_-]/g, '');
  if (bare === 'sc' || bare === 'script') return 'Script';
  if (bare === 'scx' || bare === 'scriptextensions') return 'Script_Extensions';
  return 'General_Category';
}

function isValidSet(set: SetText): boolean {
  if (!/^\\p\{[\w=]+\}$/.test(set)) return false;
  try {
    new RegExp(set, 'v');
    return true;
  } catch {
    return false;
  }
}

/** One character as a member of a set, or standing alone. */
export function charText(code: number): string {
  const char = String.fromCodePoint(code);
  return /^[A-Za-z0-9]$/.test(char) ? char : `\\u{${code.toString(16)}}`;
}

export type SetOperator = '&&' | '--' | '~~';

/** Joins operands from the left, as Rust does. */
export function combineSets(left: SetText, operator: SetOperator, right: SetText): SetText {
  if (operator === '~~') return `[[${left}--${right}][${right}--${left}]]`;
  return `[${left}${operator}${right}]`;
}
