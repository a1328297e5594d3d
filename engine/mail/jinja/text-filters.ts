/** Filters on strings. */
import type { Args, Filter } from './call.ts';
import { Fault } from './fault.ts';
import { titleCase } from './title-case.ts';
import { display, isList, isText, iterate, kindOf, textOf } from './value.ts';
import type { Value } from './value.ts';

export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  lower: (value) => display(value).toLowerCase(),
  upper: (value) => display(value).toUpperCase(),
  title: (value) => titleCase(display(value)),
  capitalize: (value) => capitalize(display(value)),
  replace: replaceFilter,
  trim: (value, args) => trim(display(value), args.text(0, 'chars'), 'both'),
  split: (value, args) =>
    splitText(display(value), args.text(0, 'split'), args.integer(1, 'maxsplits')),
  lines: (value) =>
    display(value)
      .split(/\r?\n/)
      .filter((l, i, all) => l !== '' || i < all.length - 1),
  join: joinFilter,
  indent: indentFilter,
  striptags: (value) => stripTags(display(value)),
  truncate: truncateFilter,
  wordcount: (value) =>
    isText(value) ? (textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0) : 0,
  wordwrap: wordwrapFilter,
  format: (value, args) => formatFilter(display(value), args),
};

function replaceFilter(...[value, args]: Parameters<Filter>): Value {
  const from = display(args.required(0, 'from'));
  const to = display(args.required(1, 'to'));
  return display(value).replaceAll(from, () => to);
}

export function capitalize(text: string): string {
  const [first = '', ...rest] = [...text];
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** Takes white space, or any of the given characters, off the ends. */
export function trim(
  text: string,
  chars: string | undefined,
  side: 'start' | 'end' | 'both',
): string {
  const isTrimmed = (c: string): boolean =>
    chars === undefined ? /\s/.test(c) : chars.includes(c);
  const characters = [...text];
  let from = 0;
  let to = characters.length;
  if (side !== 'end') while (from < to && isTrimmed(characters[from] ?? '')) from++;
  if (side !== 'start') while (to > from && isTrimmed(characters[to - 1] ?? '')) to--;
  return characters.slice(from, to).join('');
}

/** Python's `split`: at white space without a separator, at most `maxSplits` times. */
export function splitText(
  text: string,
  separator: string | undefined,
  maxSplits: number | undefined,
): string[] {
  const limit = maxSplits === undefined || maxSplits < 0 ? Infinity : maxSplits;
  const parts: string[] = [];
  if (separator === '') return splitCharacters(text, limit);
  let rest = separator === undefined ? text.trimStart() : text;
  while (parts.length < limit) {
    const match = separator === undefined ? /\s+/.exec(rest) : undefined;
    const at = separator === undefined ? (match?.index ?? -1) : rest.indexOf(separator);
    if (at < 0) break;
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + (separator ?? match?.[0] ?? '').length);
  }
  if (separator !== undefined || rest !== '') parts.push(rest);
  return parts;
}

/** An empty separator stands before, between and after all characters. */
function splitCharacters(text: string, limit: number): string[] {
  const parts = ['', ...text, ''];
  return parts.length - 1 <= limit
    ? parts
    : [...parts.slice(0, limit), parts.slice(limit).join('')];
}

function joinFilter(...[value, args]: Parameters<Filter>): Value {
  const joiner = args.text(0, 'joiner') ?? '';
  if (value === undefined || value === null) return '';
  if (!isText(value) && !isList(value) && typeof value !== 'object') {
    throw new Fault('operation', `cannot join value of type ${kindOf(value)}`);
  }
  return iterate(value).map(display).join(joiner);
}

function indentFilter(...[value, args]: Parameters<Filter>): Value {
  const width = args.integer(0, 'width') ?? 4;
  const indentsFirst = args.flag(1, 'first') ?? false;
  const indentsBlank = args.flag(2, 'blank') ?? false;
  const pad = ' '.repeat(Math.min(Math.max(width, 0), 1000));
  return display(value)
    .replace(/\r?\n$/, '')
    .split('\n')
    .map((line, i) => {
      if (i === 0 && !indentsFirst) return line;
      return line === '' && !indentsBlank ? line : pad + line;
    })
    .join('\n');
}

function stripTags(text: string): Value {
  const plain = text
    .replace(/<!--[\s\S]*?-->|<[^>]*>/g, '')
    .replace(/&(lt|gt|amp|quot|#39|#x27|nbsp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
  return plain.trim().replace(/\s+/g, ' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  '#39': "'",
  '#x27': "'",
  nbsp: '\u00a0',
};

function truncateFilter(...[value, args, context]: Parameters<Filter>): Value {
  if (value === undefined || value === null) return '';
  if (!isText(value)) throw new Fault('operation', `expected string, got ${kindOf(value)}`);
  const named = args.atMost(0);
  const length = named.integer(0, 'length') ?? 255;
  const cutsWords = named.flag(0, 'killwords') ?? false;
  const end = [...(named.text(0, 'end') ?? '...')];
  const configured = context.lookup('TRUNCATE_LEEWAY');
  const leeway = named.integer(0, 'leeway') ?? (typeof configured === 'number' ? configured : 5);
  if (length < end.length) {
    throw new Fault('operation', `expected length >= ${end.length}, got ${length}`);
  }
  const characters = [...textOf(value)];
  if (characters.length <= length + leeway) return textOf(value);
  const kept = characters.slice(0, length - end.length);
  const space = cutsWords ? -1 : kept.lastIndexOf(' ');
  return (space < 0 ? kept : kept.slice(0, space)).join('') + end.join('');
}

function wordwrapFilter(...[value, args]: Parameters<Filter>): Value {
  const text = isText(value) ? textOf(value) : '';
  const width = Math.max(args.integer(0, 'width') ?? 79, 1);
  const breaksWords = args.flag(1, 'break_long_words') ?? true;
  const breaksHyphens = args.flag(3, 'break_on_hyphens') ?? true;
  const joiner = args.text(2, 'wrapstring') ?? '\n';
  if (text.trim() === '') return '';
  return text
    .replace(/\n$/, '')
    .split(/\r?\n/)
    .map((line) => wrapLine(line, width, { breaksWords, breaksHyphens }).join(joiner))
    .join(joiner);
}

function wrapLine(
  line: string,
  width: number,
  options: { breaksWords: boolean; breaksHyphens: boolean },
): string[] {
  if (line.trim() === '') return [''];
  const pieces =
    line.match(
      options.breaksHyphens ? /[^\s-]+-+(?=\w)|\S+?(?=-*\s|-*$)-*\s*|\S+\s*|\s+/g : /\S+\s*|^\s+/g,
    ) ?? [];
  const lines: string[] = [];
  let current = '';
  for (const piece of pieces) {
    if (current !== '' && current.length + piece.trimEnd().length > width) {
      lines.push(current.trimEnd());
      current = '';
    }
    current += piece;
    while (options.breaksWords && current.trimEnd().length > width) {
      lines.push(current.slice(0, width));
      current = current.slice(width);
    }
  }
  if (current.trim() !== '') lines.push(current.trimEnd());
  return lines;
}

/** `"%s-%d"|format(a, b)`: the printf forms s, d, i, f, x and %. */
function formatFilter(text: string, args: Args): Value {
  let next = 0;
  return text.replace(/%(?:(\.\d+)?([sdifx])|%)/g, (whole, precision?: string, form?: string) => {
    if (form === undefined) return '%';
    const value = args.positional[next++];
    if (value === undefined) throw new Fault('operation', 'not enough arguments for format string');
    const digits = precision === undefined ? 6 : Number(precision.slice(1));
    if (form === 's') return display(value);
    const number = Number(display(value));
    if (Number.isNaN(number)) throw new Fault('operation', `invalid value for ${whole}`);
    if (form === 'f') return number.toFixed(digits);
    return Math.trunc(number).toString(form === 'x' ? 16 : 10);
  });
}
