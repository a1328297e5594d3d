/**
 * The filters of templates: minijinja's own, those of minijinja_contrib, and KumoMTA's
 * `normalize_smtp_response`.
 *
 * Source: reference `queues-delivery.md` §8.
 */
import { normalizeSmtpResponse } from '../normalize-response.ts';
import type { Filter } from './call.ts';
import { DATE_FILTERS } from './date-filters.ts';
import { LIST_FILTERS } from './list-filters.ts';
import { NUMBER_FILTERS } from './number-filters.ts';
import { TEXT_FILTERS } from './text-filters.ts';
import { display, isText, isTrue, Safe, textOf, jsonText } from './value.ts';
import { escapeHtml } from './escape-html.ts';

const GENERAL_FILTERS: Readonly<Record<string, Filter>> = {
  default: defaultFilter,
  d: defaultFilter,
  safe: (value) => new Safe(display(value)),
  escape: escapeFilter,
  e: escapeFilter,
  string: (value) => (isText(value) ? value : display(value)),
  bool: (value) => isTrue(value),
  tojson: tojson,
  pprint: (value) => jsonText(value, 2),
  normalize_smtp_response: (value) => normalizeSmtpResponse(display(value)),
};

export const FILTERS: ReadonlyMap<string, Filter> = new Map(
  Object.entries({
    ...GENERAL_FILTERS,
    ...TEXT_FILTERS,
    ...LIST_FILTERS,
    ...NUMBER_FILTERS,
    ...DATE_FILTERS,
  }),
);

/** Positional arguments that a filter takes; those not listed look at what they are given. */
const ARGUMENTS_MAX: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    [
      ...['lower', 'upper', 'title', 'capitalize', 'length', 'count', 'first', 'last', 'min'],
      ...['max', 'reverse', 'list', 'items', 'safe', 'escape', 'e', 'string', 'bool', 'abs'],
      ...['striptags', 'wordcount', 'sum', 'lines', 'pprint', 'normalize_smtp_response'],
    ].map((name) => [name, 0]),
  ),
  ...{ default: 2, d: 2, replace: 2, split: 2, trim: 1, join: 1, round: 1, int: 1, float: 1 },
};

export function findFilter(name: string): Filter | undefined {
  const filter = FILTERS.get(name);
  const most = ARGUMENTS_MAX[name];
  if (!filter || most === undefined) return filter;
  return (value, args, context) => filter(value, args.atMost(most), context);
}

function defaultFilter(...[value, args]: Parameters<Filter>): ReturnType<Filter> {
  const fallback = args.get(0, 'value') ?? '';
  const replacesFalse = args.flag(1, 'boolean') ?? false;
  if (value === undefined) return fallback;
  return replacesFalse && !isTrue(value) ? fallback : value;
}

function escapeFilter(...[value, , context]: Parameters<Filter>): ReturnType<Filter> {
  if (value instanceof Safe) return value;
  if (context.escaping === 'json') return new Safe(jsonText(value));
  return new Safe(escapeHtml(isText(value) ? textOf(value) : display(value)));
}

/** JSON that is safe inside HTML, too. */
function tojson(...[value, args]: Parameters<Filter>): ReturnType<Filter> {
  const wanted = args.get(0, 'indent');
  const indent = wanted === true ? 2 : typeof wanted === 'number' ? wanted : 0;
  return new Safe(
    jsonText(value, indent).replace(
      /[<>&']/g,
      (c) => `\\u00${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    ),
  );
}
