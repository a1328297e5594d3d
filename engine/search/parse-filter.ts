/**
 * The filter language of the Mail list:
 *
 *     from:alice@x.test to:@gmail.com rcpt:bob subject:"your order" body:invoice
 *     code:4xx code:550,552 state:deferred,expired route:sendgrid queue:acme@*
 *     has:attachment is:tls is:auth is:deleted before:2026-03-14 after:2h
 *     "all these words" single words -state:null -from:noreply
 *
 * Terms are joined by and; a comma inside `code:` and `state:` is an or; `-` turns a term round.
 * Bare words look everywhere, the text of the message included; of the last word of a term the
 * beginning is enough, unless it is quoted.
 */
import type { EpochMs } from '../base/clock.ts';
import { ROW_STATES } from '../store/ops.ts';
import type { RowState } from '../store/store.ts';
import { FilterError } from './filter-query.ts';
import type { FilterQuery, FilterTerm, TextField } from './filter-query.ts';
import { parseFilterTime, TIME_EXAMPLES } from './filter-time.ts';
import { filterTokens } from './filter-tokens.ts';
import type { FilterToken } from './filter-tokens.ts';
import { nearest } from './nearest.ts';
import { wordsOf } from './tokens.ts';

/** Terms in one filter; more are a paste by mistake. */
const TERMS_MAX = 50;

/** A prefix shorter than this would match nearly everything. */
const PREFIX_CHARS_MIN = 2;

type Term = { [K in FilterTerm['kind']]: Omit<Extract<FilterTerm, { kind: K }>, 'isNegated'> };
type Reader = (token: FilterToken, nowMs: EpochMs) => Term[FilterTerm['kind']];

const READERS: Readonly<Record<string, Reader>> = {
  from: (token) => (isNull(token) ? { kind: 'nullSender' } : text('from', token)),
  to: (token) => text('to', token),
  rcpt: (token) => text('rcpt', token),
  subject: (token) => text('subject', token),
  body: (token) => text('body', token),
  code: (token) => ({ kind: 'code', ranges: listOf(token).map((item) => codeRange(token, item)) }),
  state: (token) => ({
    kind: 'state',
    states: listOf(token).map((item) => oneOf(token, item, ROW_STATES, 'a state')),
  }),
  route: (token) => ({ kind: 'route', pattern: required(token, 'the name of a route') }),
  queue: (token) => ({ kind: 'queue', pattern: required(token, 'the name of a queue') }),
  has: (token) => ({ kind: 'flag', flag: oneOf(token, token.value, HAS, 'what a message has') }),
  is: (token) => ({ kind: 'flag', flag: isFlag(token) }),
  before: (token, nowMs) => ({
    ...{ kind: 'time', sinceMs: null },
    beforeMs: time(token, nowMs).startMs,
  }),
  after: (token, nowMs) => ({
    ...{ kind: 'time', beforeMs: null },
    sinceMs: time(token, nowMs).endMs,
  }),
};

/** Names before the colon, for completion. */
export const FILTER_FIELDS: readonly string[] = Object.keys(READERS);

const HAS = ['attachment'] as const;
const IS = ['tls', 'auth', 'deleted'] as const;

/**
 * @param nowMs on the mail clock, for times ago
 * @throws {FilterError} with what was found, what was wanted, and where
 */
export function parseFilter(filter: string, nowMs: EpochMs): FilterQuery {
  const tokens = filterTokens(filter);
  const tooMany = tokens[TERMS_MAX];
  if (tooMany) {
    throw fail(tooMany, `found ${tokens.length} terms, expected at most ${TERMS_MAX}`);
  }
  return { terms: tokens.flatMap((token) => termsOf(token, nowMs)) };
}

function termsOf(token: FilterToken, nowMs: EpochMs): FilterTerm[] {
  const { field, isNegated } = token;
  if (field === null) {
    // Punctuation alone has no words: nothing to look for.
    if (wordsOf(token.value).length === 0) return [];
    return [{ ...text('any', token), isNegated }];
  }
  const reader = READERS[field.toLowerCase()];
  if (!reader) throw unknownField(token, field);
  return [{ ...reader(token, nowMs), isNegated } as FilterTerm];
}

function unknownField(token: FilterToken, field: string): FilterError {
  const suggestions = nearest(field.toLowerCase(), FILTER_FIELDS).map((name) => `${name}:`);
  const quoted = JSON.stringify(`${field}:${token.value}`);
  return new FilterError(
    `found the unknown field "${field}:", expected ${wordList(FILTER_FIELDS)}; ` +
      `to search for the text itself, quote it: ${quoted}`,
    {
      position: token.position + (token.isNegated ? 1 : 0),
      length: field.length + 1,
      suggestions: [...suggestions, quoted],
    },
  );
}

function text(field: TextField, token: FilterToken): Term['text'] {
  const words = wordsOf(token.value);
  if (words.length === 0) {
    throw fail(token, `found ${shown(token)}, expected words or an address`);
  }
  const last = words.at(-1) ?? '';
  const isPrefix = !token.isQuoted && last.length >= PREFIX_CHARS_MIN && /\p{L}|\p{N}/u.test(last);
  return { kind: 'text', field, phrase: { words, isPrefix: isPrefix && endsInWord(token.value) } };
}

/** `alice@` means the whole local part: the blank after a word ends it, and so does `@`. */
function endsInWord(value: string): boolean {
  return /[\p{L}\p{N}]$/u.test(value);
}

function isNull(token: FilterToken): boolean {
  return token.value === '<>' || (token.isQuoted && token.value === '');
}

function required(token: FilterToken, wanted: string): string {
  if (token.value === '')
    throw fail(token, `found nothing after "${token.field}:", expected ${wanted}`);
  return token.value;
}

function listOf(token: FilterToken): string[] {
  return token.value.split(',');
}

function codeRange(token: FilterToken, item: string): readonly [number, number] {
  const exact = /^[2-5]\d\d$/.exec(item);
  if (exact) return [Number(item), Number(item)];
  const [, digits] = /^([2-5]\d?)x{1,2}$/i.exec(item) ?? [];
  if (digits !== undefined && item.length === 3) {
    const size = 10 ** (3 - digits.length);
    return [Number(digits) * size, Number(digits) * size + size - 1];
  }
  throw fail(token, `found "${item}", expected a reply code such as 550, 4xx or 45x`, [
    'code:2xx',
    'code:4xx',
    'code:5xx',
  ]);
}

function isFlag(token: FilterToken): (typeof IS)[number] {
  const state = ROW_STATES.find((name) => name === token.value.toLowerCase());
  if (state) {
    throw fail(token, `found the state "${state}" after "is:", expected ${wordList(IS)}`, [
      `state:${state}`,
    ]);
  }
  return oneOf(token, token.value, IS, 'what a message is');
}

function time(token: FilterToken, nowMs: EpochMs): { startMs: EpochMs; endMs: EpochMs } {
  const parsed = parseFilterTime(token.value, nowMs);
  if (parsed) return parsed;
  throw fail(
    token,
    `found ${shown(token)}, expected a time such as ${wordList(TIME_EXAMPLES)}`,
    TIME_EXAMPLES.map((example) => `${token.field}:${example}`),
  );
}

function oneOf<T extends string>(
  token: FilterToken,
  item: string,
  known: readonly T[],
  wanted: string,
): T {
  const found = known.find((name) => name === item.toLowerCase());
  if (found !== undefined) return found;
  const shownItem = item === '' ? 'nothing' : `"${item}"`;
  throw fail(
    token,
    `found ${shownItem} after "${token.field}:", expected ${wanted}: ${wordList(known)}`,
    nearest(item.toLowerCase(), known).map((name) => `${token.field}:${name}`),
  );
}

function shown(token: FilterToken): string {
  return token.value === '' ? `nothing after "${token.field}:"` : `"${token.value}"`;
}

/** Points at the value, or at the field when there is none. */
function fail(
  token: FilterToken,
  message: string,
  suggestions: readonly string[] = [],
): FilterError {
  const end = token.position + token.length;
  const position = end > token.valuePosition ? token.valuePosition : token.position;
  return new FilterError(message, { position, length: end - position, suggestions });
}

function wordList(words: readonly string[]): string {
  return words.length < 2
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

/** For the completion menu: the values that a field may have, when they are few. */
export function filterValues(field: string): readonly (string | RowState)[] {
  if (field === 'state') return ROW_STATES;
  if (field === 'has') return HAS;
  if (field === 'is') return IS;
  if (field === 'code') return ['2xx', '4xx', '5xx'];
  return [];
}
