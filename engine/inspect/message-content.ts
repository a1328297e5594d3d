/** What a message says, as it was sent: for tests that read a mail, and for the checks. */
import { displayParts } from './display-parts.ts';
import { linksOfHtml, linksOfText } from './links.ts';
import { parseMimeTree } from './mime-tree.ts';
import { partText } from './part-content.ts';

/** Encoded bytes of each of them. */
const CONTENT_BYTES_MAX = 4 * 1024 * 1024;

export interface MessageContent {
  readonly text: string | null;
  readonly html: string | null;
  /** Each once, those of the HTML first. */
  readonly links: readonly string[];
}

export function messageContent(data: Uint8Array): MessageContent {
  const parts = displayParts(parseMimeTree(data).root);
  const text = parts.text && partText(data, parts.text, CONTENT_BYTES_MAX).text;
  const html = parts.html && partText(data, parts.html, CONTENT_BYTES_MAX).text;
  const links = [
    ...(html === null ? [] : linksOfHtml(html).map(({ url }) => url)),
    ...(text === null ? [] : linksOfText(text)),
  ];
  return { text, html, links: [...new Set(links.filter((url) => url !== ''))] };
}
