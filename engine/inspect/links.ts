/**
 * The links of a message: what `href` names in its HTML, and addresses that stand in its text.
 *
 * Source: RFC 3986 appendix C for addresses in running text.
 */
import { Parser } from 'htmlparser2';

const LINKS_MAX = 2_000;
const WORDS_CHARS_MAX = 200;

export interface HtmlLink {
  readonly url: string;
  /** What a reader sees of it. */
  readonly words: string;
  /** It shows a picture. */
  readonly hasImage: boolean;
}

export function linksOfHtml(html: string): HtmlLink[] {
  const links: HtmlLink[] = [];
  let open: { url: string; words: string; hasImage: boolean } | null = null;
  const close = (): void => {
    if (open !== null) links.push({ ...open, words: open.words.replace(/\s+/g, ' ').trim() });
    open = null;
  };
  const parser = new Parser(
    {
      onopentag(name, { href, alt }) {
        if ((name === 'a' || name === 'area') && href !== undefined) {
          close();
          if (links.length < LINKS_MAX) open = { url: href.trim(), words: '', hasImage: false };
          if (name === 'area') close();
        } else if (name === 'img' && open !== null) {
          open.hasImage = true;
          open.words += ` ${alt ?? ''} `;
        }
      },
      ontext(text) {
        if (open !== null && open.words.length < WORDS_CHARS_MAX) open.words += text;
      },
      onclosetag(name) {
        if (name === 'a') close();
      },
    },
    { decodeEntities: true },
  );
  parser.end(html);
  close();
  return links;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u{0}-\u{1f}]+/giu;

export function linksOfText(text: string): string[] {
  return [...text.matchAll(ADDRESS)].slice(0, LINKS_MAX).map(([url]) => withoutSentence(url));
}

/** Punctuation of the sentence, and a parenthesis that was opened before the address. */
function withoutSentence(url: string): string {
  const bare = url.replace(/[.,;:!?]+$/, '');
  return bare.endsWith(')') && !bare.includes('(') ? bare.slice(0, -1) : bare;
}
