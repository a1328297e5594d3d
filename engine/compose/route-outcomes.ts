/**
 * What became of the mail of each route, followed in the commits of the store: the last outcome of
 * a route is the last reply that one of its rows had.
 */
import type { Clock } from '../base/clock.ts';
import type { HitCounts } from '../routes/hit-counts.ts';
import type { RowPatch, RowSummary, Store } from '../store/store.ts';

/** Rows with an attempt under way whose route is remembered. */
const ROWS_MAX = 20_000;
/** The built-in last route. */
export const CAPTURED = 'captured';

export interface OutcomeTargets {
  readonly isRoute: (name: string) => boolean;
  readonly counts: HitCounts;
  readonly otherwise: string;
}

export function followOutcomes(
  store: Pick<Store, 'onRows'>,
  mailClock: Pick<Clock, 'now'>,
  { isRoute, counts, otherwise }: OutcomeTargets,
): void {
  const routeOf = new Map<number, string>();
  const note = (row: RowPatch | RowSummary): void => {
    const route = row.route ?? routeOf.get(row.seq);
    if (row.route !== undefined && row.route !== '') {
      routeOf.delete(row.seq);
      routeOf.set(row.seq, row.route);
    }
    const { state } = row;
    if (state === undefined || state === 'queued') return;
    if (state !== 'deferred') routeOf.delete(row.seq);
    const known = route !== undefined && (route === CAPTURED || isRoute(route));
    const name = known ? route : otherwise;
    if (name === CAPTURED && state === 'delivered') counts.hit(CAPTURED);
    counts.outcome(name, {
      code: row.code ?? null,
      text: row.lastText ?? '',
      state,
      atMs: mailClock.now(),
    });
  };
  store.onRows(({ added, changed }) => {
    for (const row of added) note(row);
    for (const patch of changed) note(patch);
    for (const seq of routeOf.keys()) {
      if (routeOf.size <= ROWS_MAX) break;
      routeOf.delete(seq);
    }
  });
}
