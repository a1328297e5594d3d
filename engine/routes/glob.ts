/**
 * Globs of routes: `*` is any run of characters, `?` one. Compared without regard to case, and only
 * ASCII letters have one, so that the Lua of a route says the same. Pure and linear in practice:
 * only the last star is ever tried again.
 */
export function lowered(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function globMatches(glob: string, text: string): boolean {
  return fits(characters(glob), characters(text));
}

/**
 * Whether everything that `narrow` matches, `wide` matches too: `narrow` read as a text whose own
 * stars only a star can take. Sound; a few exotic pairs of stars are not recognised.
 */
export function globCovers(wide: string, narrow: string): boolean {
  return fits(characters(wide), characters(narrow));
}

/** Whether some text fits both. */
export function globsMeet(a: string, b: string): boolean {
  const [one, other] = [characters(a), characters(b)];
  const width = other.length + 1;
  const known = new Map<number, boolean>();
  const meet = (i: number, j: number): boolean => {
    const key = i * width + j;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    let answer: boolean;
    if (one[i] === '*') answer = meet(i + 1, j) || (j < other.length && meet(i, j + 1));
    else if (other[j] === '*') answer = meet(i, j + 1) || (i < one.length && meet(i + 1, j));
    else if (i === one.length || j === other.length)
      answer = i === one.length && j === other.length;
    else answer = (one[i] === '?' || other[j] === '?' || one[i] === other[j]) && meet(i + 1, j + 1);
    known.set(key, answer);
    return answer;
  };
  return meet(0, 0);
}

export function isLiteral(glob: string): boolean {
  return !/[*?]/.test(glob);
}

/** The same as a Lua pattern for a lower-cased text. */
export function luaPattern(glob: string): string {
  const body = characters(glob).map((char) => {
    if (char === '*') return '.*';
    if (char === '?') return '[\\0-\\127\\194-\\244][\\128-\\191]*';
    return /[\^$()%.[\]+-]/.test(char) ? `%${char}` : luaEscaped(char);
  });
  return `^${body.join('')}$`;
}

/** A character inside a double-quoted Lua string. */
function luaEscaped(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`;
  const code = char.charCodeAt(0);
  return char.length === 1 && code < 32 ? `\\${code}` : char;
}

function characters(text: string): string[] {
  return [...lowered(text)];
}

function fits(pattern: readonly string[], text: readonly string[]): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const want = pattern[p];
    if (want === '*') {
      star = p++;
      resume = t;
    } else if (want !== undefined && (want === text[t] || (want === '?' && text[t] !== '*'))) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
