/**
 * Words of a text, as they are indexed and as they are searched for. Both sides split here, so the
 * index, the rows it does not know yet and the query always agree.
 *
 * A word is a run of letters and digits, without case and accents. Scripts that write no spaces
 * give a word per character. `@` is a word too: `@gmail.com` finds addresses, not sentences.
 */

/** Stands for `@`; no text contains it by accident. */
const AT = 'qatq';

/** Longer runs are no words: keys, encoded data. Their beginning is kept. */
const WORD_CHARS_MAX = 40;

const WORDS = /[\p{L}\p{N}]+|@/gu;
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const run of normalize(text).match(WORDS) ?? []) {
    if (run === '@') words.push(AT);
    else if (UNSPACED.test(run)) words.push(...splitUnspaced(run));
    else words.push(run.slice(0, WORD_CHARS_MAX));
  }
  return words;
}

function normalize(text: string): string {
  const lower = text.toLowerCase();
  if (/^[\x00-\x7f]*$/.test(lower)) return lower;
  return lower
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC');
}

function splitUnspaced(run: string): string[] {
  const words: string[] = [];
  let spaced = '';
  for (const character of run) {
    if (UNSPACED.test(character)) {
      if (spaced !== '') words.push(spaced.slice(0, WORD_CHARS_MAX));
      spaced = '';
      words.push(character);
    } else {
      spaced += character;
    }
  }
  if (spaced !== '') words.push(spaced.slice(0, WORD_CHARS_MAX));
  return words;
}

/** Words one after the other; of the last one the beginning is enough when `isPrefix`. */
export interface Phrase {
  readonly words: readonly string[];
  readonly isPrefix: boolean;
}

/** Whether the words of a text contain the phrase: what the index answers, without it. */
export function containsPhrase(words: readonly string[], phrase: Phrase): boolean {
  const { words: wanted, isPrefix } = phrase;
  const last = wanted.length - 1;
  for (let start = 0; start + last < words.length; start++) {
    const matches = wanted.every((word, i) => {
      const found = words[start + i];
      return i === last && isPrefix ? found?.startsWith(word) : found === word;
    });
    if (matches) return true;
  }
  return false;
}

/** The phrase in FTS5's language. Words are letters and digits only, so quoting them is enough. */
export function ftsPhrase(phrase: Phrase): string {
  return `"${phrase.words.join(' ')}"${phrase.isPrefix ? ' *' : ''}`;
}
