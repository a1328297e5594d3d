/**
 * What CSS uses, as marks of the feature table. One pass over the text, whatever it looks like.
 *
 * Source: CSS Syntax Module Level 3 §5 (blocks, declarations), as far as it is needed here.
 */

type Found = (mark: string, shown: string) => void;

const SHOWN_CHARS_MAX = 80;
const COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/g;

/** A style sheet: rules with blocks. */
export function sheetMarks(css: string, found: Found): void {
  const blocks: ('frames' | 'rule' | 'condition')[] = [];
  const within = { frames: 0, rule: 0, condition: 0 };
  scan(css.replace(COMMENT, ' '), {
    open(prelude) {
      if (prelude.startsWith('@')) atRule(prelude, found);
      // `from` and `50%` are no selectors.
      else if (within.frames === 0) {
        if (within.rule > 0) found('&nesting', prelude);
        selectorMarks(prelude, found);
      }
      const kind = /^@(-\w+-)?keyframes/i.test(prelude)
        ? 'frames'
        : prelude.startsWith('@')
          ? 'condition'
          : 'rule';
      blocks.push(kind);
      within[kind]++;
    },
    close() {
      const kind = blocks.pop();
      if (kind !== undefined) within[kind]--;
    },
    statement(text) {
      if (text.startsWith('@')) atRule(text, found);
      else declarationMarks(text, found);
    },
  });
}

/** The value of a `style` attribute. */
export function styleMarks(css: string, found: Found): void {
  scan(css.replace(COMMENT, ' '), {
    open: () => {},
    close: () => {},
    statement: (text) => declarationMarks(text, found),
  });
}

interface Reader {
  open(prelude: string): void;
  close(): void;
  statement(text: string): void;
}

function scan(css: string, reader: Reader): void {
  let start = 0;
  let quote = '';
  let parentheses = 0;
  const take = (end: number): string => {
    const text = css.slice(start, end).trim();
    start = end + 1;
    return text;
  };
  for (let at = 0; at < css.length; at++) {
    const character = css[at] ?? '';
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote || character === '\n') quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '(') parentheses++;
    else if (character === ')') parentheses = Math.max(0, parentheses - 1);
    else if (parentheses > 0) continue;
    else if (character === '{') reader.open(take(at));
    else if (character === ';' || character === '}') {
      const text = take(at);
      if (text !== '') reader.statement(text);
      if (character === '}') reader.close();
    }
  }
  const rest = css.slice(start).trim();
  if (rest !== '') reader.statement(rest);
}

const MEDIA_FEATURE = /\(\s*(?:-webkit-)?(?:min-|max-)?([a-z-]+)/gi;

function atRule(text: string, found: Found): void {
  const name = /^@(?:-\w+-)?([\w-]+)/.exec(text.toLowerCase())?.[1];
  if (name === undefined) return;
  found(`@${name}`, text);
  if (name !== 'media') return;
  for (const [, feature] of text.matchAll(MEDIA_FEATURE))
    found(`@media ${feature?.toLowerCase()}`, text);
}

function selectorMarks(selector: string, found: Found): void {
  const bare = selector.replace(/"[^"]*"|'[^']*'/g, '""').replace(/\[[^\]]*\]/g, (inside) => {
    found('[selector]', selector);
    return 'x'.repeat(inside.length);
  });
  for (const [pseudo] of bare.matchAll(/::?[a-z-]+/gi)) found(pseudo.toLowerCase(), selector);
  if (/\.[\w-]/.test(bare)) found('.class', selector);
  if (/#[\w-]/.test(bare)) found('#id', selector);
  const flat = bare.replace(/\([^()]*\)/g, '').replace(/\s*([>+~,])\s*/g, '$1');
  if (/(^|[\s>+~,])\*/.test(flat)) found('*', selector);
  for (const sign of ['>', '+', '~', ',']) if (flat.includes(sign)) found(`a${sign}b`, selector);
  if (/\S\s+\S/.test(flat)) found('a b', selector);
}

const CALL = /([a-z-]+)\(/gi;
const UNIT = /(?:^|[^\w#.-])[+-]?(?:\d+\.?\d*|\.\d+)(%|[a-z]{1,5})(?![\w-])/gi;
const WORD = /(?:^|[\s,(])([a-z][a-z-]*)(?=$|[\s,)])/gi;

function declarationMarks(text: string, found: Found): void {
  const colon = text.indexOf(':');
  if (colon < 0) return;
  const name = text.slice(0, colon).trim().toLowerCase();
  const value = text.slice(colon + 1).trim();
  if (!/^[\w-]+$/.test(name)) return;
  if (name.startsWith('--')) return found('--variable', text);
  // A vendor's own is not the property.
  if (!name.startsWith('-') && !name.startsWith('mso-')) found(name, text);
  const plain = value.toLowerCase().replace(/"[^"]*"|'[^']*'|url\([^)]*\)/g, ' ');
  const [first = ''] = plain.split(/[\s!;]/, 1);
  found(`${name}:${first}`, text);
  if (plain.includes('!important')) found('!important', text);
  for (const [, call] of plain.matchAll(CALL)) found(`${call}()`, text);
  for (const [, unit] of plain.matchAll(UNIT)) found(`1${unit}`, text);
  for (const [, word] of plain.matchAll(WORD))
    if (word !== undefined && VALUE_WORDS.has(word)) found(word, text);
}

/** Words of values that are features of their own; others are names of properties, too. */
const VALUE_WORDS = new Set([
  ...['initial', 'fit-content', 'min-content', 'max-content'],
  ...['system-ui', 'ui-serif', 'ui-sans-serif', 'ui-rounded', 'ui-monospace'],
]);

/** A piece of the message, short enough to show. */
export function shownPiece(text: string): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length > SHOWN_CHARS_MAX ? `${flat.slice(0, SHOWN_CHARS_MAX - 1)}…` : flat;
}
