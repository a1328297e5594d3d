/**
 * A filter as a value: the terms that a row must all satisfy. `parse-filter.ts` makes it from what
 * the user typed, `row-search.ts` answers it.
 */
import type { EpochMs } from '../base/clock.ts';
import type { RowState } from '../store/store.ts';
import type { Phrase } from './tokens.ts';

/** Where words are looked for; `any` is all of them and the text of the message. */
export type TextField = 'any' | 'from' | 'to' | 'rcpt' | 'subject' | 'body';

export type FilterTerm = { readonly isNegated: boolean } & (
  | { readonly kind: 'text'; readonly field: TextField; readonly phrase: Phrase }
  /** The null sender. */
  | { readonly kind: 'nullSender' }
  | { readonly kind: 'code'; readonly ranges: readonly (readonly [min: number, max: number])[] }
  | { readonly kind: 'state'; readonly states: readonly RowState[] }
  /** A part of the name, or with `*` a pattern for all of it. */
  | { readonly kind: 'route'; readonly pattern: string }
  | { readonly kind: 'queue'; readonly pattern: string }
  | { readonly kind: 'flag'; readonly flag: 'attachment' | 'tls' | 'auth' | 'deleted' }
  /** From `sinceMs` on, before `beforeMs`. */
  | { readonly kind: 'time'; readonly sinceMs: EpochMs | null; readonly beforeMs: EpochMs | null }
);

export interface FilterQuery {
  readonly terms: readonly FilterTerm[];
}

/** What is wrong with a filter, and where. */
export class FilterError extends Error {
  /** Of the first character that is wrong, in the text as typed. */
  readonly position: number;
  readonly length: number;
  /** What could stand there instead. */
  readonly suggestions: readonly string[];

  constructor(
    message: string,
    place: { position: number; length: number; suggestions?: readonly string[] },
  ) {
    super(message);
    this.name = 'FilterError';
    this.position = place.position;
    this.length = place.length;
    this.suggestions = place.suggestions ?? [];
  }
}
