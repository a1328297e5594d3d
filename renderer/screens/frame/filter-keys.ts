/**
 * The words a filter may begin with and what each means, for completion. The engine decides what a
 * filter finds; this list only helps to write one.
 */
interface FilterKey {
  readonly key: string;
  readonly means: string;
  readonly values?: readonly string[];
}

const FILTER_KEYS: readonly FilterKey[] = [
  {
    key: 'state',
    means: 'what became of it',
    values: [
      'queued',
      'deferred',
      'delivered',
      'bounced',
      'expired',
      'suppressed',
      'rejected',
      'null',
      'aborted',
    ],
  },
  { key: 'code', means: 'reply code or class', values: ['2xx', '4xx', '5xx', '250', '451', '550'] },
  { key: 'rcpt', means: 'recipient in the envelope' },
  { key: 'from', means: 'sender, envelope or header' },
  { key: 'to', means: 'recipient, envelope or header' },
  { key: 'subject', means: 'words of the subject' },
  { key: 'body', means: 'words of the text' },
  { key: 'route', means: 'what decided where it goes' },
  { key: 'queue', means: 'scheduled queue, * for any' },
  { key: 'has', means: 'what it carries', values: ['attachment'] },
  { key: 'is', means: 'how it came in, or deleted', values: ['tls', 'auth', 'deleted'] },
  { key: 'after', means: 'received after', values: ['today', 'yesterday', '10m', '2h', '7d'] },
  { key: 'before', means: 'received before', values: ['today', 'yesterday', '10m', '2h', '7d'] },
];

export interface Completion {
  /** Replaces the word that is being written. */
  readonly text: string;
  readonly means: string;
  /** A key wants its value next; a value ends the word. */
  readonly kind: 'key' | 'value';
}

/** A filter cut into words, with the place of the one the caret is in. */
export function wordAt(text: string, caret: number): { start: number; end: number; word: string } {
  let start = caret;
  while (start > 0 && text[start - 1] !== ' ') start--;
  let end = caret;
  while (end < text.length && text[end] !== ' ') end++;
  return { start, end, word: text.slice(start, end) };
}

/** @param known values seen in this window, by key */
export function completions(
  word: string,
  known: Readonly<Record<string, readonly string[]>>,
): Completion[] {
  const sign = word.startsWith('-') ? '-' : '';
  const bare = word.slice(sign.length);
  const colon = bare.indexOf(':');
  if (colon < 0) {
    return FILTER_KEYS.filter(({ key }) => key.startsWith(bare.toLowerCase())).map(
      ({ key, means }) => ({ text: `${sign}${key}:`, means, kind: 'key' }),
    );
  }
  const key = bare.slice(0, colon).toLowerCase();
  const begun = bare.slice(colon + 1).toLowerCase();
  const values = [
    ...(FILTER_KEYS.find((filterKey) => filterKey.key === key)?.values ?? []),
    ...(known[key] ?? []),
  ];
  const matching = values.filter((value) => {
    const lower = value.toLowerCase();
    return lower.startsWith(begun) && lower !== begun;
  });
  return [...new Set(matching)].slice(0, 9).map((value) => ({
    text: `${sign}${key}:${value.includes(' ') ? `"${value}"` : value}`,
    means: '',
    kind: 'value',
  }));
}

/** The last word wants more: a key without its value, or a quote that is still open. */
export function isUnfinished(text: string): boolean {
  const quotes = text.split('"').length - 1;
  return quotes % 2 === 1 || /(^|\s)(-|-?[a-z]+:)$/i.test(text);
}

export interface FilterPiece {
  readonly text: string;
  readonly isToken: boolean;
}

/** The filter's text with its `key:value` words marked, for drawing behind the field. */
export function filterPieces(text: string): FilterPiece[] {
  const pieces: FilterPiece[] = [];
  for (const part of text.split(/(\s+)/)) {
    if (part === '') continue;
    const key = /^-?([a-z]+):./i.exec(part)?.[1]?.toLowerCase();
    pieces.push({ text: part, isToken: FILTER_KEYS.some((filterKey) => filterKey.key === key) });
  }
  return pieces;
}
