/**
 * Words of a zone file: one entry per logical line, with comments gone, parentheses joined, quotes
 * and escapes resolved. `zone-file.ts` gives them a meaning.
 *
 * Source: RFC 1035 §5.1.
 */
export class ZoneSyntaxError extends Error {
  readonly file: string | null;
  /** Counted from 1. */
  readonly line: number;

  constructor(file: string | undefined, line: number, found: string, wanted: string) {
    super(`Cannot read zone ${file ?? 'text'}:${line}: found ${found}, expected ${wanted}`);
    this.name = 'ZoneSyntaxError';
    this.file = file ?? null;
    this.line = line;
  }
}

export interface ZoneEntry {
  readonly words: readonly string[];
  /** The line began with a blank: the owner is the one of the entry before. */
  readonly sameOwner: boolean;
  readonly line: number;
}

// A blank run, a comment, a parenthesis, a quoted text, or a word.
const TOKEN = /[ \t\r\f]+|;[^\n]*|\n|[()]|"(?:[^"\\\n]|\\[^\n])*"|(?:[^\s;()"\\]|\\[^\n])+|[\s\S]/g;

/** @throws {ZoneSyntaxError} an open quote or parenthesis */
export function* zoneEntries(text: string, file?: string): Generator<ZoneEntry> {
  let line = 1;
  let depth = 0;
  let openedAt = 0;
  let entry: { words: string[]; sameOwner: boolean; line: number } | null = null;
  let isLineStart = true;
  let startsBlank = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0] ?? '';
    if (token === '\n') {
      line++;
      if (depth === 0) {
        if (entry && entry.words.length > 0) yield entry;
        entry = null;
        isLineStart = true;
        startsBlank = false;
      }
      continue;
    }
    if (first === ';') continue;
    if (' \t\r\f'.includes(first)) {
      if (isLineStart) startsBlank = true;
    } else if (token === '(') {
      if (depth++ === 0) openedAt = line;
      entry ??= { words: [], sameOwner: startsBlank, line };
    } else if (token === ')') {
      if (depth-- === 0) throw new ZoneSyntaxError(file, line, 'a lone )', 'a ( before it');
    } else if (token === '"' || token === '\\') {
      throw new ZoneSyntaxError(file, line, 'an open quote', 'its end');
    } else {
      entry ??= { words: [], sameOwner: startsBlank, line };
      entry.words.push(unescape(first === '"' ? token.slice(1, -1) : token));
    }
    isLineStart = false;
  }
  if (depth > 0) throw new ZoneSyntaxError(file, openedAt, 'an open (', 'its )');
  if (entry && entry.words.length > 0) yield entry;
}

function unescape(word: string): string {
  return word.replace(/\\(\d{3}|.)/g, (_, what: string) =>
    /^\d{3}$/.test(what) ? String.fromCharCode(Number(what)) : what,
  );
}
