/**
 * Python's methods on the values of a template: `name.upper()`, `map.items()`, `list.count(x)`.
 *
 * Source: minijinja_contrib's pycompat.
 */
import type { Args } from './call.ts';
import { Fault } from './fault.ts';
import { capitalize, splitText, trim } from './text-filters.ts';
import { titleCase } from './title-case.ts';
import {
  areEqual,
  dictEntries,
  dictGet,
  dictKeys,
  display,
  isDict,
  isList,
  isText,
  iterate,
  kindOf,
  textOf,
} from './value.ts';
import type { Dict, Value } from './value.ts';

/** @throws {Fault} there is no such method */
export function callMethod(value: Value, name: string, args: Args): Value {
  if (value === undefined) throw new Fault('undefined');
  if (isText(value)) {
    const method = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined;
    if (method) return method(textOf(value), args);
  } else if (isList(value)) {
    if (name === 'count') return value.filter((x) => areEqual(x, args.required(0, 'x'))).length;
  } else if (isDict(value)) {
    const method = Object.hasOwn(DICT_METHODS, name) ? DICT_METHODS[name] : undefined;
    if (method) return method(value, args);
  }
  throw new Fault('unknownMethod', `${kindOf(value)} has no method named ${name}`);
}

const DICT_METHODS: Readonly<Record<string, (dict: Dict, args: Args) => Value>> = {
  keys: (dict) => dictKeys(dict),
  values: (dict) => dictEntries(dict).map(([, v]) => v),
  items: (dict) => dictEntries(dict),
  get: (dict, args) => dictGet(dict, args.required(0, 'key')) ?? args.get(1, 'default') ?? null,
};

/** Every character satisfies the pattern. */
function all(pattern: RegExp): (text: string) => boolean {
  return (text) => [...text].every((c) => pattern.test(c));
}

const TEXT_METHODS: Readonly<Record<string, (text: string, args: Args) => Value>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  title: titleCase,
  capitalize,
  islower: all(/\p{Lowercase}/u),
  isupper: all(/\p{Uppercase}/u),
  isspace: all(/\s/),
  isdigit: all(/\p{N}/u),
  isnumeric: all(/\p{N}/u),
  isalnum: all(/[\p{Alphabetic}\p{N}]/u),
  isalpha: all(/\p{Alphabetic}/u),
  isascii: (text) => all(/[\0-\x7f]/)(text),
  strip: (text, args) => trim(text, args.text(0, 'chars'), 'both'),
  lstrip: (text, args) => trim(text, args.text(0, 'chars'), 'start'),
  rstrip: (text, args) => trim(text, args.text(0, 'chars'), 'end'),
  replace: replaceMethod,
  split: (text, args) => splitText(text, args.text(0, 'sep'), args.integer(1, 'maxsplit')),
  splitlines: splitlinesMethod,
  count: (text, args) => text.split(display(args.required(0, 'sub'))).length - 1,
  find: (text, args) => byteIndex(text, text.indexOf(display(args.required(0, 'sub')))),
  rfind: (text, args) => byteIndex(text, text.lastIndexOf(display(args.required(0, 'sub')))),
  startswith: (text, args) => matchesAny(args, 'startswith', (p) => text.startsWith(p)),
  endswith: (text, args) => matchesAny(args, 'endswith', (p) => text.endsWith(p)),
  join: (text, args) => iterate(args.required(0, 'iterable')).map(display).join(text),
  format: (text, args) => formatMethod(text, args),
};

function replaceMethod(text: string, args: Args): string {
  const from = display(args.required(0, 'old'));
  const to = display(args.required(1, 'new'));
  const count = args.integer(2, 'count') ?? -1;
  if (count < 0) return text.replaceAll(from, () => to);
  const parts = text.split(from);
  const head = parts.splice(0, count + 1);
  return [head.join(to), ...parts].join(from);
}

function splitlinesMethod(text: string, args: Args): Value {
  if (args.flag(0, 'keepends')) return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Positions count bytes, as in Rust. */
function byteIndex(text: string, index: number): number {
  return index < 0 ? -1 : Buffer.byteLength(text.slice(0, index));
}

function matchesAny(args: Args, name: string, test: (part: string) => boolean): boolean {
  const wanted = args.required(0, 'prefix');
  if (isText(wanted)) return test(textOf(wanted));
  if (!isList(wanted)) {
    throw new Fault(
      'operation',
      `${name} argument must be string or a tuple of strings, not ${kindOf(wanted)}`,
    );
  }
  return wanted.some((part) => {
    if (isText(part)) return test(textOf(part));
    throw new Fault(
      'operation',
      `tuple for ${name} must contain only strings, not ${kindOf(part)}`,
    );
  });
}

/** `"{} of {total}".format(1, total=2)`. */
function formatMethod(text: string, args: Args): string {
  let next = 0;
  return text.replace(/\{\{|\}\}|\{(\w*)\}/g, (whole, key?: string) => {
    if (key === undefined) return whole.charAt(0);
    const value =
      key === ''
        ? args.positional[next++]
        : /^\d+$/.test(key)
          ? args.positional[Number(key)]
          : args.keyword.get(key);
    if (value === undefined) throw new Fault('missingArgument');
    return display(value);
  });
}
