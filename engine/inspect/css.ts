/**
 * The CSS of a mail without what would load anything that may not: `url(...)` that is not resolved
 * becomes `none`, `@import` goes. Everything else stays as it is.
 *
 * Source: CSS Syntax Module Level 3, §4.3.6 (url tokens).
 */

const COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/g;
const IMPORT = /@import\s+(?:url\(\s*)?["']?([^"')\s;]*)[^;{}]*;?/gi;
const URL_TOKEN = /url\(\s*(?:"([^"]*)"|'([^']*)'|([^)]*))\s*\)/gi;

/** @param resolve what to load instead of a URL; null for nothing */
export function cleanCss(css: string, resolve: (url: string) => string | null): string {
  return (
    unescapeNames(css)
      .replace(COMMENT, '')
      .replace(IMPORT, (_, url: string) => {
        resolve(url);
        return '';
      })
      .replace(URL_TOKEN, (_, double?: string, single?: string, plain?: string) => {
        const resolved = resolve((double ?? single ?? plain ?? '').trim());
        return resolved === null
          ? 'none'
          : `url("${resolved.replace(/["\\\n]/g, encodeURIComponent)}")`;
      })
      // Nothing in a style element can end it, whatever is left after the steps above.
      .replaceAll('<', '\\3c ')
  );
}

/** `u\72l(` is `url(` to a browser; letters are never escaped by honest senders. */
function unescapeNames(css: string): string {
  return css.replace(/\\([0-9a-f]{1,6})[ \t\r\n\f]?/gi, (escape, hex: string) => {
    const code = parseInt(hex, 16);
    const isLetter = (code >= 0x40 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    return isLetter ? String.fromCharCode(code) : escape;
  });
}
