/** What is wrong with the links of a message, as far as it can be told without asking anybody. */
import type { HtmlLink } from '../links.ts';

export interface LinkFinding {
  readonly url: string;
  /** What a reader sees of it; `` for one that stands in the text. */
  readonly words: string;
  readonly count: number;
  /** In words; empty when nothing is wrong. */
  readonly problems: readonly string[];
}

export function checkLinks(
  html: readonly HtmlLink[],
  text: readonly string[],
  anchors: ReadonlySet<string>,
): LinkFinding[] {
  const findings = new Map<string, { words: string; count: number; problems: Set<string> }>();
  const add = (url: string, words: string, problems: readonly string[]): void => {
    const finding = findings.get(url) ?? { words, count: 0, problems: new Set<string>() };
    finding.count++;
    for (const problem of problems) finding.problems.add(problem);
    findings.set(url, finding);
  };
  for (const link of html) add(link.url, link.words, htmlProblems(link, anchors));
  for (const url of text) if (!findings.has(url)) add(url, '', urlProblems(url));
  return [...findings].map(([url, { words, count, problems }]) => ({
    ...{ url, words, count },
    problems: [...problems],
  }));
}

function htmlProblems(link: HtmlLink, anchors: ReadonlySet<string>): string[] {
  const { url, words, hasImage } = link;
  if (url === '') return ['leads nowhere: href is empty'];
  if (url === '#') return ['leads nowhere: href is "#"'];
  if (url.startsWith('#'))
    return anchors.has(url.slice(1)) ? [] : [`nothing in the message is named ${url.slice(1)}`];
  const problems = urlProblems(url);
  if (words === '')
    problems.push(hasImage ? 'its image has no alt text' : 'a reader sees nothing of it');
  const shown = /^(?:https?:\/\/)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?$/i.exec(words)?.[1];
  const host = hostOf(url);
  if (shown !== undefined && host !== null && bare(shown) !== bare(host))
    problems.push(`shows ${shown.toLowerCase()}, leads to ${host}: filters take that for phishing`);
  return problems;
}

const PLACEHOLDER = /\{\{|\}\}|\{%|<%|\$\{|%[A-Z_]{3,}%|\[\[|\b(?:undefined|null|NaN)\b/;

function urlProblems(url: string): string[] {
  if (PLACEHOLDER.test(url)) return ['a placeholder was not filled in'];
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) return ['has no scheme: relative addresses lead nowhere in a mail'];
  if (['tel', 'sms', 'cid'].includes(scheme)) return [];
  if (scheme === 'mailto')
    return /^mailto:([^@?\s]+@[^@?\s]+|\?)/i.test(url) ? [] : ['names no address'];
  if (scheme !== 'http' && scheme !== 'https')
    return [`clients drop or block links of the scheme ${scheme}:`];
  const host = hostOf(url);
  if (host === null) return ['is no valid address'];
  const problems: string[] = [];
  if (/\s/.test(url)) problems.push('contains blanks');
  if (isLocal(host)) problems.push(`${host} is not reachable for the recipient`);
  else if (scheme === 'http') problems.push('http: not encrypted');
  return problems;
}

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname || null : null;
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^www\./, '');
}

const LOCAL_NAMES = /(?:^|\.)(?:localhost|local|test|example|invalid|internal|lan)$/;
const LOCAL_V4 = /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.)/;

/** RFC 6761, RFC 1918; names without a dot. */
function isLocal(host: string): boolean {
  if (host.startsWith('[')) return /^\[(?:::1|f[cd]|fe80)/i.test(host);
  return LOCAL_NAMES.test(host) || LOCAL_V4.test(host) || !host.includes('.');
}
