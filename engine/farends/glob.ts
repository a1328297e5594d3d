/**
 * Globs over addresses: `*` is anything, `?` one character; case does not matter. A pattern without
 * `@` is about the local part alone, so `over.quota*` matches at every domain.
 */

export function matchesGlob(pattern: string, address: string): boolean {
  const at = address.lastIndexOf('@');
  const subject = pattern.includes('@') || at < 0 ? address : address.slice(0, at);
  return isLike(subject.toLowerCase(), pattern.toLowerCase());
}

/** Only the last star is ever tried again, so the work is bounded by both lengths. */
function isLike(text: string, pattern: string): boolean {
  let t = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
