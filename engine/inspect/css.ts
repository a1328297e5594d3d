/**
 * The CSS of a mail without what would load anything that may not: `url(...)` that is not resolved
 * becomes `none`, `@import` goes. Everything else stays as it is. Every character is looked at a
 * bounded number of times, whatever the CSS looks like.
 *
 * Source: CSS Syntax Module Level 3, §4.3.6 (url tokens).
 */

const COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/g;

/** @param resolve what to load instead of a URL; null for nothing */
export function cleanCss(css: string, resolve: (url: string) => string | null): string {
  const plain = unescapeLetters(css).replace(COMMENT, '');
  // Nothing in a style element can end it, whatever is left.
  return replaceUrls(dropImports(plain, resolve), resolve).replaceAll('<', '\\3c ');
}

/** `u\72l(` is `url(` to a browser; letters are never escaped by honest senders. */
function unescapeLetters(css: string): string {
  return css.replace(/\\([0-9a-f]{1,6})[ \t\r\n\f]?/gi, (escape, hex: string) => {
    const code = parseInt(hex, 16);
    const isLetter = (code >= 0x40 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    return isLetter ? String.fromCharCode(code) : escape;
  });
}

/** From each `@import` to its semicolon; without one, to the end. */
function dropImports(css: string, resolve: (url: string) => string | null): string {
  const lower = css.toLowerCase();
  let kept = '';
  let at = 0;
  for (;;) {
    const start = lower.indexOf('@import', at);
    if (start < 0) return kept + css.slice(at);
    kept += css.slice(at, start);
    const end = css.indexOf(';', start);
    const rule = css.slice(start + '@import'.length, end < 0 ? css.length : end).trim();
    resolve(importedUrl(rule));
    if (end < 0) return kept;
    at = end + 1;
  }
}

function importedUrl(rule: string): string {
  const inner = /^url\(/i.test(rule) ? rule.slice('url('.length).trimStart() : rule;
  const quote = inner[0];
  if (quote === '"' || quote === "'") return inner.slice(1).split(quote, 1)[0] ?? '';
  return inner.split(/[)\s]/, 1)[0] ?? '';
}

/** One whose parenthesis is not closed takes the rest with it, as it does in a browser. */
function replaceUrls(css: string, resolve: (url: string) => string | null): string {
  const lower = css.toLowerCase();
  let kept = '';
  let at = 0;
  for (;;) {
    const start = lower.indexOf('url(', at);
    if (start < 0) return kept + css.slice(at);
    kept += css.slice(at, start);
    const { url, end } = readUrl(css, start + 'url('.length);
    const resolved = resolve(url);
    kept += resolved === null ? 'none' : `url("${quoted(resolved)}")`;
    if (end === null) return kept;
    at = end;
  }
}

/** @param at after the opening parenthesis; `end` is after the closing one */
function readUrl(css: string, at: number): { url: string; end: number | null } {
  let start = at;
  while (/\s/.test(css[start] ?? '')) start++;
  const quote = css[start];
  const isQuoted = quote === '"' || quote === "'";
  const close = isQuoted ? css.indexOf(quote, start + 1) : css.indexOf(')', start);
  if (close < 0) return { url: css.slice(isQuoted ? start + 1 : start).trim(), end: null };
  const url = css.slice(isQuoted ? start + 1 : start, close).trim();
  if (!isQuoted) return { url, end: close + 1 };
  const parenthesis = css.indexOf(')', close);
  return { url, end: parenthesis < 0 ? null : parenthesis + 1 };
}

function quoted(url: string): string {
  return url.replace(/["\\\r\n]/g, encodeURIComponent);
}
