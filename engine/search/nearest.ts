/** Names that a mistyped one may have meant, nearest first. */

/** Edits up to which two names are taken for the same one mistyped. */
const DISTANCE_MAX = 2;

export function nearest(typed: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({
      name,
      distance: typed !== '' && name.startsWith(typed) ? 0 : editDistance(typed, name),
    }))
    .filter(({ name, distance }) => distance <= Math.min(DISTANCE_MAX, name.length - 1))
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name);
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
