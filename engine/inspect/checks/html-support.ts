/** Which clients will not show a mail's HTML as it was meant: each feature it uses, looked up. */
import { Parser } from 'htmlparser2';
import { sheetMarks, shownPiece, styleMarks } from './css-marks.ts';
import { featureTable } from './feature-table.ts';

interface FeatureFinding {
  /** Of caniemail.com: `css-display-flex`. */
  readonly slug: string;
  readonly title: string;
  readonly count: number;
  /** The first place that uses it. */
  readonly shown: string;
  /** Clients by what they make of it; those that support it are in none of the lists. */
  readonly unsupported: readonly string[];
  readonly partly: readonly string[];
}

export interface HtmlSupport {
  /** Worst first; features that every client supports are left out. */
  readonly findings: readonly FeatureFinding[];
  /** Features looked up, with the good ones. */
  readonly featureCount: number;
  readonly clients: readonly string[];
  /** Day of the data. */
  readonly updated: string;
}

const SHEET_CHARS_MAX = 512 * 1024;

export function htmlSupport(html: string): HtmlSupport {
  const table = featureTable();
  const uses = new Map<string, { count: number; shown: string }>();
  const found = (mark: string, shown: string): void => {
    const slug = table.byMark.get(mark);
    if (slug === undefined) return;
    const use = uses.get(slug);
    if (use) use.count++;
    else uses.set(slug, { count: 1, shown: shownPiece(shown) });
  };
  read(html, found);
  const findings = [...uses].flatMap(([slug, use]): FeatureFinding[] => {
    const [title, letters] = table.features[slug] ?? ['', ''];
    const those = (letter: string): string[] =>
      table.clients.filter((_, at) => letters[at] === letter);
    const [unsupported, partly] = [those('n'), those('a')];
    if (unsupported.length + partly.length === 0) return [];
    return [{ slug, title, ...use, unsupported, partly }];
  });
  return {
    findings: findings.toSorted((a, b) => weight(b) - weight(a) || a.slug.localeCompare(b.slug)),
    featureCount: uses.size,
    clients: table.clients,
    updated: table.updated,
  };
}

function weight({ unsupported, partly }: FeatureFinding): number {
  return unsupported.length * 2 + partly.length;
}

type Found = (mark: string, shown: string) => void;

function read(html: string, found: Found): void {
  let sheet: string | null = null;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        found(`<${name}>`, tagText(name, attributes));
        attributeMarks(name, attributes, found);
        if (name === 'style') sheet = '';
      },
      ontext(text) {
        if (sheet !== null && sheet.length < SHEET_CHARS_MAX) sheet += text;
      },
      onclosetag(name) {
        if (name !== 'style' || sheet === null) return;
        sheetMarks(sheet, found);
        sheet = null;
      },
    },
    { decodeEntities: true },
  );
  parser.end(html);
}

function attributeMarks(name: string, attributes: Record<string, string>, found: Found): void {
  const tag = tagText(name, attributes);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute === 'style') styleMarks(value, found);
    else found(`[${attribute}]`, tag);
  }
  const { type, href, src, content } = attributes;
  if (type !== undefined) found(`<${name} type=${type.toLowerCase()}>`, tag);
  if (name === 'meta') found(`<meta name=${attributes['name']?.toLowerCase()}>`, content ?? tag);
  if (name === 'a' && href?.startsWith('#')) found('#anchor', tag);
  if (name === 'a' && /^mailto:/i.test(href ?? '')) found('mailto:', tag);
  if (name !== 'img' || src === undefined) return;
  if (/^data:image/i.test(src)) found('data:image', src);
  const extension = /(\.\w{2,5})(?:[?#].*)?$/.exec(src)?.[1]?.toLowerCase();
  if (extension !== undefined) found(extension, src);
}

function tagText(name: string, attributes: Record<string, string>): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${value.slice(0, 40)}"`);
  return `<${name}${pairs.join('')}>`;
}
