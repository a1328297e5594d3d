/** The filter of the Mail list over rows in memory: what the store answers with its indexes. */
import type { RecipientRow } from '../api/protocol.ts';
import type { IndexText } from '../inspect/inspect-message.ts';
import type { FilterQuery, FilterTerm, TextField } from '../search/filter-query.ts';
import { containsPhrase, wordsOf } from '../search/tokens.ts';

/** Characters of a body that are searched. */
const BODY_CHARS_MAX = 64 * 1024;
/** A shorter beginning is not looked for in bodies. */
const BODY_PREFIX_CHARS_MIN = 4;

/** Texts of a row by where they are looked for. */
export interface RowWords {
  readonly maildir: string | null;
  readonly texts: Readonly<Record<Exclude<TextField, 'any'>, readonly string[]>>;
}

/** @param text of its message; null when none came */
export function rowWords(
  { from, to, subject }: RecipientRow,
  text: IndexText | null,
  maildir: string | null,
): RowWords {
  return {
    maildir,
    texts: {
      from: [from ?? '', text?.from ?? ''],
      to: [to ?? '', text?.to ?? ''],
      rcpt: [to ?? ''],
      subject: [text?.subject || subject],
      body: [text?.body.slice(0, BODY_CHARS_MAX) ?? ''],
    },
  };
}

export function satisfies(row: RecipientRow, words: RowWords, { terms }: FilterQuery): boolean {
  return terms.every((term) => matches(row, words, term) !== term.isNegated);
}

function matches(row: RecipientRow, { texts }: RowWords, term: FilterTerm): boolean {
  switch (term.kind) {
    case 'text':
      return fieldsOf(term.field).some((field) =>
        texts[field].some((text) => containsPhrase(wordsOf(text), phraseIn(field, term))),
      );
    case 'nullSender':
      return row.from === '';
    case 'code':
      return term.ranges.some(
        ([min, max]) => row.code !== null && row.code >= min && row.code <= max,
      );
    case 'state':
      return term.states.includes(row.state);
    case 'route':
      return named(row.route, term.pattern);
    case 'queue':
      return named(row.queue, term.pattern);
    case 'flag':
      return {
        attachment: row.hasAttachment,
        tls: row.isTls,
        auth: row.isAuth,
        deleted: row.isDeleted,
      }[term.flag];
    case 'time':
      return row.timeMs >= (term.sinceMs ?? -Infinity) && row.timeMs < (term.beforeMs ?? Infinity);
  }
}

function fieldsOf(field: TextField): readonly Exclude<TextField, 'any'>[] {
  return field === 'any' ? ['from', 'to', 'subject', 'body'] : [field];
}

function phraseIn(
  field: TextField,
  { phrase }: Extract<FilterTerm, { kind: 'text' }>,
): Extract<FilterTerm, { kind: 'text' }>['phrase'] {
  const isShort = (phrase.words.at(-1) ?? '').length < BODY_PREFIX_CHARS_MIN;
  return field === 'body' && isShort ? { ...phrase, isPrefix: false } : phrase;
}

/** A part of the name, or with `*` a pattern for all of it. */
function named(name: string, pattern: string): boolean {
  const lower = pattern.toLowerCase();
  if (name === '' || !lower.includes('*')) return name !== '' && name.toLowerCase().includes(lower);
  const parts = lower.split('*');
  return startsAndEnds(name.toLowerCase(), parts);
}

/** Without an expression: the pattern is anybody's, and `*` may stand in it many times. */
function startsAndEnds(name: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!name.startsWith(first) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.endsWith(last) && at <= name.length - last.length;
}
