/**
 * A unified diff of two texts by lines, bounded: enough to see what a script did to a body, not a
 * patch to apply. Pure.
 *
 * Source: the longest common subsequence after trimming what both ends share.
 */
const CONTEXT_LINES = 2;
/** Lines of the differing middle that are compared; beyond that all of it is shown as replaced. */
const MIDDLE_LINES_MAX = 1_000;
const OUTPUT_LINES_MAX = 200;

export function unifiedDiff(before: string, after: string): string {
  const a = before.split(/\r?\n/);
  const b = after.split(/\r?\n/);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end++;
  }
  const lead = a.slice(Math.max(0, start - CONTEXT_LINES), start).map((line) => ` ${line}`);
  const tail = a.slice(a.length - end, a.length - end + CONTEXT_LINES).map((line) => ` ${line}`);
  const middle = diffLines(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const from = Math.max(0, start - CONTEXT_LINES) + 1;
  const lines = [`@@ line ${from} @@`, ...lead, ...middle, ...tail];
  if (lines.length <= OUTPUT_LINES_MAX) return lines.join('\n');
  const more = lines.length - OUTPUT_LINES_MAX;
  return [...lines.slice(0, OUTPUT_LINES_MAX), `… ${more} more lines`].join('\n');
}

function diffLines(a: readonly string[], b: readonly string[]): string[] {
  if (a.length + b.length > MIDDLE_LINES_MAX) {
    return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
  }
  const lengths = commonLengths(a, b);
  const out: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const down = lengths[i + 1]?.[j] ?? -1;
    const right = lengths[i]?.[j + 1] ?? -1;
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(` ${a[i++]}`);
      j++;
    } else if (i < a.length && (j >= b.length || down >= right)) out.push(`-${a[i++]}`);
    else out.push(`+${b[j++]}`);
  }
  return out;
}

/** `[i][j]`: length of the longest common subsequence of what follows i in a and j in b. */
function commonLengths(a: readonly string[], b: readonly string[]): number[][] {
  const lengths = Array.from({ length: a.length + 1 }, () =>
    new Array<number>(b.length + 1).fill(0),
  );
  for (let i = a.length - 1; i >= 0; i--) {
    const row = lengths[i] ?? [];
    const below = lengths[i + 1] ?? [];
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}
