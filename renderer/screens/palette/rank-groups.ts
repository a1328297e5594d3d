/** In which order the palette shows its groups, and a group its entries. Pure. */
interface Ranked {
  readonly group: string;
  readonly refusal: string | null;
  /** How well it matches what was typed; more is better. */
  readonly score: number;
}

/** What can run comes before what cannot, then the better match; else they stay as given. */
export function rankGroups<Entry extends Ranked>(entries: readonly Entry[]): Entry[] {
  const before = (left: Ranked, right: Ranked): number =>
    Number(left.refusal !== null) - Number(right.refusal !== null) || right.score - left.score;
  const groups = Map.groupBy(entries, ({ group }) => group);
  return [...groups.values()]
    .map((members) => members.toSorted(before))
    .sort(([left], [right]) => (left && right ? before(left, right) : 0))
    .flat();
}
