/** Filters on lists, maps and everything else that can be iterated. */
import { Args } from './call.ts';
import type { CallContext, Filter } from './call.ts';
import { Fault } from './fault.ts';
import { attribute, binary, item } from './operators.ts';
import {
  areEqual,
  bigintOf,
  compareValues,
  dictEntries,
  dictSize,
  display,
  GroupTuple,
  isDict,
  isList,
  isText,
  isTrue,
  iterate,
  kindOf,
  numberOf,
  textOf,
} from './value.ts';
import type { Value } from './value.ts';

export const LIST_FILTERS: Readonly<Record<string, Filter>> = {
  length: (value) => lengthOf(value),
  count: (value) => lengthOf(value),
  first: (value) => ends(value, 0, 'first'),
  last: (value) => ends(value, -1, 'last'),
  min: (value) => [...listOf(value)].sort(compareValues)[0],
  max: (value) => [...listOf(value)].sort(compareValues).at(-1),
  reverse: reverseFilter,
  list: (value) => listOf(value),
  items: (value) => entriesOf(value, 'pairs'),
  dictsort: dictsortFilter,
  sort: sortFilter,
  unique: uniqueFilter,
  attr: (value, args) => attribute(value, display(args.required(0, 'name'))),
  batch: batchFilter,
  slice: sliceFilter,
  sum: sumFilter,
  map: mapFilter,
  select: (value, args, context) => select(value, args, context, { keeps: true, attribute: false }),
  reject: (value, args, context) =>
    select(value, args, context, { keeps: false, attribute: false }),
  selectattr: (value, args, context) =>
    select(value, args, context, { keeps: true, attribute: true }),
  rejectattr: (value, args, context) =>
    select(value, args, context, { keeps: false, attribute: true }),
  groupby: groupbyFilter,
  chain: (value, args) => chain([value, ...args.positional]),
  zip: (value, args) => zip([value, ...args.positional]),
  random: randomFilter,
};

function sumFilter(...[value]: Parameters<Filter>): Value {
  return sequence(value).reduce((total, x) => {
    if (x === undefined) return total;
    if (numberOf(x) === undefined || typeof x === 'boolean') {
      throw new Fault('operation', `can only sum numbers, got ${kindOf(x)}`);
    }
    return binary('+', total, x);
  }, 0);
}

/** What `list`, `sort`, `min` and `max` work on. @throws {Fault} it cannot be iterated */
function listOf(value: Value): readonly Value[] {
  const isIterable = value === undefined || value === null || isText(value) || isList(value);
  if (isIterable || isDict(value)) return iterate(value);
  throw new Fault('operation', 'cannot convert value to list');
}

function reverseFilter(...[value]: Parameters<Filter>): Value {
  if (value === undefined || value === null) return value;
  if (isText(value)) return [...textOf(value)].reverse().join('');
  if (isList(value) || isDict(value)) return [...iterate(value)].reverse();
  throw new Fault('operation', `cannot reverse values of type ${kindOf(value)}`);
}

function sequence(value: Value): readonly Value[] {
  return value === undefined ? [] : iterate(value);
}

function lengthOf(value: Value): number {
  if (isText(value)) return [...textOf(value)].length;
  if (isList(value)) return value.length;
  if (isDict(value)) return dictSize(value);
  throw new Fault('operation', `cannot calculate length of value of type ${kindOf(value)}`);
}

function ends(value: Value, index: number, name: string): Value {
  if (isText(value) || isList(value) || isDict(value)) return iterate(value).at(index);
  throw new Fault('operation', `cannot get ${name} item from value`);
}

function entriesOf(value: Value, wanted: string): Value[] {
  if (isDict(value)) return dictEntries(value);
  throw new Fault('operation', `cannot convert value into ${wanted}`);
}

function dictsortFilter(...[value, args]: Parameters<Filter>): Value {
  const byValue = args.text(0, 'by') === 'value';
  const isCaseSensitive = args.flag(1, 'case_sensitive') ?? false;
  const key = sortKey(isCaseSensitive);
  const sorted = entriesOf(value, 'pair list').sort((a, b) => {
    const index = byValue ? 1 : 0;
    return compareValues(key(item(a, index)), key(item(b, index)));
  });
  return args.flag(2, 'reverse') ? sorted.reverse() : sorted;
}

function sortKey(isCaseSensitive: boolean): (value: Value) => Value {
  return (value) => (!isCaseSensitive && isText(value) ? textOf(value).toLowerCase() : value);
}

function sortFilter(...[value, args]: Parameters<Filter>): Value {
  const key = sortKey(args.flag(1, 'case_sensitive') ?? false);
  const path = args.keyword.get('attribute');
  const of = (x: Value): Value => key(path === undefined ? x : pathOf(x, path));
  const sorted = [...listOf(value)].sort((a, b) => compareValues(of(a), of(b)));
  return args.flag(0, 'reverse') ? sorted.reverse() : sorted;
}

/** `a.b.0`: attributes and indexes, one after the other. */
function pathOf(value: Value, path: Value): Value {
  if (!isText(path)) return item(value, path);
  let found = value;
  for (const step of textOf(path).split('.')) {
    if (found === undefined) return undefined;
    found = /^\d+$/.test(step) ? item(found, Number(step)) : attribute(found, step);
  }
  return found;
}

function uniqueFilter(...[value, args]: Parameters<Filter>): Value {
  const key = sortKey(args.flag(0, 'case_sensitive') ?? false);
  const path = args.keyword.get('attribute');
  const seen: Value[] = [];
  return sequence(value).filter((x) => {
    const mark = key(path === undefined ? x : pathOf(x, path));
    if (seen.some((s) => areEqual(s, mark))) return false;
    seen.push(mark);
    return true;
  });
}

function batchFilter(...[value, args]: Parameters<Filter>): Value {
  const count = args.integer(0, 'count') ?? 0;
  if (count <= 0) throw new Fault('operation', 'count cannot be 0');
  const filler = args.get(1, 'fill_with');
  const rows: Value[][] = [];
  for (const x of sequence(value)) {
    const last = rows.at(-1);
    if (!last || last.length === count) rows.push([x]);
    else last.push(x);
  }
  const last = rows.at(-1);
  while (filler !== undefined && last && last.length < count) last.push(filler);
  return rows;
}

function sliceFilter(...[value, args]: Parameters<Filter>): Value {
  const count = args.integer(0, 'count') ?? 0;
  if (count <= 0) throw new Fault('operation', 'count cannot be 0');
  const filler = args.get(1, 'fill_with');
  const items = sequence(value);
  const size = Math.floor(items.length / count);
  const longer = items.length % count;
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const length = size + (i < longer ? 1 : 0);
    const column = items.slice(at, at + length);
    at += length;
    return filler !== undefined && i >= longer && longer > 0 ? [...column, filler] : column;
  });
}

function mapFilter(...[value, args, context]: Parameters<Filter>): Value {
  const path = args.keyword.get('attribute');
  if (path !== undefined) {
    const fallback = args.keyword.get('default');
    return sequence(value).map((x) => pathOf(x, path) ?? fallback);
  }
  const name = display(args.required(0, 'filter'));
  const rest = new Args(args.positional.slice(1), args.keyword);
  return sequence(value).map((x) => context.applyFilter(name, x, rest));
}

function select(
  value: Value,
  args: Args,
  context: CallContext,
  how: { keeps: boolean; attribute: boolean },
): Value {
  const path = how.attribute ? args.required(0, 'attribute') : undefined;
  const [name, ...rest] = args.positional.slice(how.attribute ? 1 : 0);
  const inner = new Args(rest);
  return sequence(value).filter((x) => {
    const subject = path === undefined ? x : pathOf(x, path);
    const passes =
      name === undefined ? isTrue(subject) : context.applyTest(display(name), subject, inner);
    return passes === how.keeps;
  });
}

function groupbyFilter(...[value, args]: Parameters<Filter>): Value {
  const path = args.required(0, 'attribute');
  const fallback = args.keyword.get('default');
  const key = sortKey(args.flag(1, 'case_sensitive') ?? false);
  const groups: { grouper: Value; list: Value[] }[] = [];
  const sorted = sequence(value)
    .map((x) => ({ x, by: pathOf(x, path) ?? fallback }))
    .sort((a, b) => compareValues(key(a.by), key(b.by)));
  for (const { x, by } of sorted) {
    const last = groups.at(-1);
    if (last && areEqual(key(last.grouper), key(by))) last.list.push(x);
    else groups.push({ grouper: by, list: [x] });
  }
  return groups.map(({ grouper, list }) => new GroupTuple(grouper, list));
}

function chain(values: readonly Value[]): Value {
  if (values.every(isDict)) return new Map(values.flatMap(dictEntries));
  return values.flatMap((v) => sequence(v));
}

function zip(values: readonly Value[]): Value {
  const lists = values.map(sequence);
  const length = Math.min(...lists.map((l) => l.length));
  return Array.from({ length }, (_, i) => lists.map((l) => l[i]));
}

function randomFilter(...[value, , context]: Parameters<Filter>): Value {
  if (!isText(value) && !isList(value)) {
    throw new Fault('operation', 'can only select random elements from sequences');
  }
  const items = iterate(value);
  const chance = context.sources?.random.next() ?? 0;
  return items[Math.floor(chance * items.length)];
}

/** Whether a value is an integer that is divisible by another. */
export function isDivisible(value: Value, by: Value): boolean {
  const a = bigintOf(value);
  const b = bigintOf(by);
  return a !== undefined && b !== undefined && b !== 0n && a % b === 0n;
}
