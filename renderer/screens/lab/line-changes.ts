/** Which lines of a text are not as they were: a diff by lines, for the bar beside the editor. Pure. */

/** Above this many pairs of lines the middle counts as changed altogether. */
const PAIRS_MAX = 4_000_000;

/** Numbers of the lines of `text`, from 1, that `saved` does not have in this place. */
export function changedLines(saved: string, text: string): ReadonlySet<number> {
  const before = saved.split('\n');
  const after = text.split('\n');
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++;
  const kept = keptLines(
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
  );
  const changed = new Set<number>();
  for (let index = 0; index < after.length - end - start; index++)
    if (!kept.has(index)) changed.add(start + index + 1);
  // Lines that only went leave a mark where they were.
  if (changed.size === 0 && before.length > after.length) changed.add(Math.max(1, start));
  return changed;
}

/** Places in `after` of a longest common subsequence. */
function keptLines(before: readonly string[], after: readonly string[]): ReadonlySet<number> {
  const kept = new Set<number>();
  const width = after.length + 1;
  if (before.length * after.length > PAIRS_MAX) return kept;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      lengths[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  for (let row = 0, column = 0; row < before.length && column < after.length;) {
    if (before[row] === after[column]) {
      kept.add(column++);
      row++;
    } else if (at(row + 1, column) >= at(row, column + 1)) row++;
    else column++;
  }
  return kept;
}
