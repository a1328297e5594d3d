/**
 * Splits a filter into terms: `[-][field:]value`, separated by blanks; a value in double quotes may
 * contain blanks, and `\"` stands for a quote in it.
 */
import { FilterError } from './filter-query.ts';

export interface FilterToken {
  /** Of the term in the text, its `-` included. */
  readonly position: number;
  readonly length: number;
  readonly isNegated: boolean;
  /** As typed, without the colon; null for bare words and phrases. */
  readonly field: string | null;
  readonly value: string;
  readonly valuePosition: number;
  readonly isQuoted: boolean;
}

const FIELD = /^([A-Za-z][A-Za-z_-]*):(?!\/\/)/;

/** @throws {FilterError} a quote is not closed, or a `-` stands alone */
export function filterTokens(text: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? '')) at++;
    if (at >= text.length) return tokens;
    const token = readToken(text, at);
    tokens.push(token);
    at = token.position + token.length;
  }
}

function readToken(text: string, position: number): FilterToken {
  const isNegated = text[position] === '-';
  let at = isNegated ? position + 1 : position;
  const [match, field] = FIELD.exec(text.slice(at)) ?? [];
  if (match !== undefined) at += match.length;
  const isQuoted = text[at] === '"';
  const end = isQuoted ? quoteEnd(text, at) : wordEnd(text, at);
  if (isNegated && field === undefined && end === at) {
    throw new FilterError('found "-" alone, expected what should not be there, as in -state:null', {
      position,
      length: 1,
    });
  }
  const value = isQuoted
    ? text.slice(at + 1, end - 1).replace(/\\(["\\])/g, '$1')
    : text.slice(at, end);
  return {
    ...{ position, length: end - position, isNegated, field: field ?? null },
    ...{ value, valuePosition: at, isQuoted },
  };
}

function wordEnd(text: string, start: number): number {
  const length = text.slice(start).search(/\s/);
  return length < 0 ? text.length : start + length;
}

/** After the closing quote. */
function quoteEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  throw new FilterError('found a quote that is not closed, expected another " after the phrase', {
    position: start,
    length: text.length - start,
  });
}
