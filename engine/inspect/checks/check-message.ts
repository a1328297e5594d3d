/**
 * What a recipient's side would find wrong with a message: markup that clients do not support,
 * links, header fields, sizes. Everything is looked up here; nobody is asked.
 *
 * Source: RFC 5322 §3.6, RFC 5321 §4.5.3.1.6, RFC 8058; Gmail's sender guidelines for sizes.
 */
import { Parser } from 'htmlparser2';
import { displayParts } from '../display-parts.ts';
import { headerValue } from '../header-list.ts';
import type { HeaderLine } from '../header-list.ts';
import { linksOfHtml, linksOfText } from '../links.ts';
import { parseMimeTree } from '../mime-tree.ts';
import { encodedBytes, partText } from '../part-content.ts';
import { checkLinks } from './check-links.ts';
import type { LinkFinding } from './check-links.ts';
import { htmlSupport } from './html-support.ts';
import type { HtmlSupport } from './html-support.ts';

const CONTENT_BYTES_MAX = 1024 * 1024;
/** Gmail shows "[Message clipped]" above this. */
const CLIPPED_BYTES = 102 * 1024;
const LINE_BYTES_MAX = 998;

interface CheckedFact {
  readonly level: 'good' | 'note' | 'bad';
  readonly text: string;
}

export interface MessageChecks {
  readonly facts: readonly CheckedFact[];
  readonly links: readonly LinkFinding[];
  /** Null: the message has no HTML. */
  readonly html: HtmlSupport | null;
}

export function checkMessage(data: Uint8Array): MessageChecks {
  const { root, problems } = parseMimeTree(data);
  const parts = displayParts(root);
  const html = parts.html && partText(data, parts.html, CONTENT_BYTES_MAX).text;
  const text = parts.text && partText(data, parts.text, CONTENT_BYTES_MAX).text;
  const markup = html === null ? null : readMarkup(html);
  const facts: CheckedFact[] = [
    ...problems.map((problem) => bad(`MIME: ${problem}`)),
    ...headerFacts(root.headers),
    ...lineFacts(data),
    ...(parts.html && markup
      ? htmlFacts(markup, encodedBytes(data, parts.html).byteLength, text)
      : []),
    ...unsubscribeFacts(root.headers),
  ];
  return {
    facts,
    links: checkLinks(
      html === null ? [] : linksOfHtml(html),
      text === null ? [] : linksOfText(text),
      markup?.anchors ?? new Set(),
    ),
    html: html === null ? null : htmlSupport(html),
  };
}

const bad = (text: string): CheckedFact => ({ level: 'bad', text });
const note = (text: string): CheckedFact => ({ level: 'note', text });
const good = (text: string): CheckedFact => ({ level: 'good', text });

const ONCE = ['from', 'sender', 'reply-to', 'to', 'cc', 'message-id', 'date', 'subject'];

function headerFacts(headers: readonly HeaderLine[]): CheckedFact[] {
  const facts: CheckedFact[] = [];
  for (const name of ['From', 'Date', 'Message-ID', 'Subject', 'To']) {
    const value = headerValue(headers, name.toLowerCase());
    if (value !== null && value.trim() !== '') continue;
    const isNeeded = name === 'From' || name === 'Date';
    facts.push((isNeeded ? bad : note)(`${name} ${value === null ? 'is missing' : 'is empty'}`));
  }
  for (const name of ONCE) {
    const count = headers.filter((header) => header.name.toLowerCase() === name).length;
    if (count > 1) facts.push(bad(`${capital(name)} stands ${count} times, allowed is once`));
  }
  const date = headerValue(headers, 'date');
  if (date !== null && date.trim() !== '' && Number.isNaN(Date.parse(date)))
    facts.push(bad(`Date is no date: ${date}`));
  const subject = headerValue(headers, 'subject') ?? '';
  if (subject.length > 100)
    facts.push(note(`Subject has ${subject.length} characters; lists show about 60`));
  if (/\{\{|\$\{|<%|%[A-Z_]{3,}%/.test(subject))
    facts.push(bad('Subject: a placeholder was not filled in'));
  const raw = headers.filter(({ raw: value }) => /[^\x00-\x7f]/.test(value));
  if (raw.length > 0)
    facts.push(
      bad(
        `${raw.map(({ name }) => name).join(', ')}: not encoded (RFC 2047), shown as garbage by some`,
      ),
    );
  return facts;
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

function lineFacts(data: Uint8Array): CheckedFact[] {
  let longest = 0;
  for (let start = 0; start < data.length;) {
    const end = data.indexOf(0x0a, start);
    const stop = end < 0 ? data.length : end;
    longest = Math.max(longest, stop - start - (data[stop - 1] === 0x0d ? 1 : 0));
    start = stop + 1;
  }
  return longest > LINE_BYTES_MAX
    ? [bad(`A line has ${longest} bytes, allowed are ${LINE_BYTES_MAX}; relays cut it`)]
    : [];
}

interface Markup {
  readonly anchors: ReadonlySet<string>;
  readonly images: number;
  readonly imagesWithoutAlt: number;
  /** Elements that every client takes out. */
  readonly dropped: readonly string[];
  readonly hasTitle: boolean;
  readonly hasLang: boolean;
}

const DROPPED = new Set(['script', 'iframe', 'object', 'embed', 'applet', 'frameset']);

function readMarkup(html: string): Markup {
  const anchors = new Set<string>();
  const dropped = new Set<string>();
  const seen = { images: 0, imagesWithoutAlt: 0, hasTitle: false, hasLang: false };
  const parser = new Parser({
    onopentag(name, { id, alt, lang, name: anchor }) {
      if (id !== undefined) anchors.add(id);
      if (anchor !== undefined) anchors.add(anchor);
      if (DROPPED.has(name)) dropped.add(name);
      if (name === 'title') seen.hasTitle = true;
      if (name === 'html' && lang !== undefined) seen.hasLang = true;
      if (name !== 'img') return;
      seen.images++;
      if (alt === undefined) seen.imagesWithoutAlt++;
    },
  });
  parser.end(html);
  return { anchors, dropped: [...dropped], ...seen };
}

function htmlFacts(markup: Markup, sizeBytes: number, text: string | null): CheckedFact[] {
  const kb = Math.ceil(sizeBytes / 1024);
  const facts = [
    sizeBytes > CLIPPED_BYTES
      ? bad(`HTML has ${kb} KB: Gmail shows the first 102 and a link to the rest`)
      : good(`HTML has ${kb} KB, below the 102 KB at which Gmail clips`),
    text === null || text.trim() === ''
      ? bad('No text beside the HTML: for filters, watches and readers without HTML')
      : good('Has text beside the HTML'),
  ];
  if (markup.dropped.length > 0)
    facts.push(bad(`Clients take out ${markup.dropped.map((name) => `<${name}>`).join(', ')}`));
  const { images, imagesWithoutAlt } = markup;
  if (imagesWithoutAlt > 0)
    facts.push(
      note(
        `${imagesWithoutAlt} of ${images} images without alt: nothing is shown while images are off`,
      ),
    );
  if (!markup.hasLang) facts.push(note('<html> without lang: screen readers guess the language'));
  return facts;
}

function unsubscribeFacts(headers: readonly HeaderLine[]): CheckedFact[] {
  const list = headerValue(headers, 'list-unsubscribe');
  const post = headerValue(headers, 'list-unsubscribe-post');
  if (list === null)
    return post === null ? [] : [bad('List-Unsubscribe-Post without List-Unsubscribe')];
  if (!/<https?:[^>]+>|<mailto:[^>]+>/i.test(list))
    return [bad('List-Unsubscribe names no address in angle brackets')];
  if (post?.trim().toLowerCase() !== 'list-unsubscribe=one-click')
    return [
      note(
        'List-Unsubscribe without one click (RFC 8058): Gmail and Yahoo ask for it in bulk mail',
      ),
    ];
  return /<https:[^>]+>/i.test(list)
    ? [good('List-Unsubscribe with one click')]
    : [bad('One click to unsubscribe needs an https address in List-Unsubscribe')];
}
