/**
 * The routes of a workspace joined to their neighbours: `routes.json` and its watcher, the overlay
 * of reception and queues, the hosts they open in the guard, their counts, and messages that wait
 * when the list changes.
 *
 * A new list is in force for the next message at once; queues and paths ask again right after, and
 * `settled` says when they have.
 */
import { toError } from '../base/assert.ts';
import { problemText } from '../files/checked-jsonc.ts';
import type { Clock } from '../base/clock.ts';
import { mxListSite } from '../delivery/smtp-target.ts';
import type { LoopbackGuard } from '../guard/loopback-guard.ts';
import { parseOpenRule } from '../guard/open-hosts.ts';
import type { ReceptionOverlay } from '../reception/overlay.ts';
import type { Queues } from '../queue/queues.ts';
import { HitCounts } from '../routes/hit-counts.ts';
import type { FarEndAddress } from '../routes/parameters.ts';
import { QueuedRoutes } from '../routes/queued-routes.ts';
import { RouteList } from '../routes/route-list.ts';
import { RouteOverlay } from '../routes/route-overlay.ts';
import type { Route } from '../routes/route.ts';
import type { Store } from '../store/store.ts';
import { passedReply } from './pass-through.ts';
import { followOutcomes } from './route-outcomes.ts';

/** What the counts call the mail that no route matched. */
export const OTHERWISE = '(otherwise)';
/** More than this many waiting messages are not looked at one by one, only counted by queue. */
const LOOKED_AT_MAX = 2_000;

export interface WorkspaceRoutesParts {
  readonly file: string;
  readonly countsFile: string;
  readonly clock: Clock;
  readonly mailClock: Clock;
  readonly guard: LoopbackGuard;
  readonly store: Store;
  readonly farEnd: FarEndAddress;
  readonly onTrouble: (text: string) => void;
}

export class WorkspaceRoutes {
  readonly overlay: RouteOverlay;
  readonly counts: HitCounts;
  readonly list: RouteList;
  readonly #parts: WorkspaceRoutesParts;
  readonly #queued: QueuedRoutes;
  #queues: Queues | null = null;
  #refreshing: Promise<void> = Promise.resolve();
  #onChange: () => void = () => {};
  #revision = 0;

  constructor(parts: WorkspaceRoutesParts) {
    this.#parts = parts;
    const { file, countsFile, clock, store, onTrouble } = parts;
    this.counts = new HitCounts(countsFile, clock, onTrouble);
    this.overlay = new RouteOverlay({
      farEnd: parts.farEnd,
      siteOf: mxListSite,
      env: (name) => process.env[name],
      onDecided: (route) => this.counts.hit(route?.name ?? OTHERWISE),
    });
    this.#queued = new QueuedRoutes(this.overlay);
    this.list = new RouteList({
      file,
      clock,
      onRoutes: (routes) => this.#take(routes),
      onProblem: () => {
        this.#sayProblem();
        this.#changed();
      },
    });
    followOutcomes(store, parts.mailClock, {
      isRoute: (name) => this.overlay.routes.some((route) => route.name === name),
      counts: this.counts,
      otherwise: OTHERWISE,
    });
  }

  /** The step of reception. */
  get step(): ReceptionOverlay {
    const { store, clock } = this.#parts;
    return {
      apply: (message, context) => this.overlay.apply(message, context),
      passThrough: (messages) =>
        passedReply(messages, {
          ...{ store, clock },
          waitMsOf: (message) => this.overlay.waitMsOf(message),
          drop: (ids, reason) =>
            this.#queues?.admin.bounceMessages(ids, reason) ?? Promise.resolve(0),
        }),
    };
  }

  get farEnd(): FarEndAddress {
    return this.#parts.farEnd;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Queues and paths have asked again since the last change. */
  get settled(): Promise<void> {
    return this.#refreshing;
  }

  /** From here on changes reach the queues; what waits for routes that are gone is moved. */
  async join(queues: Queues): Promise<void> {
    this.#queues = queues;
    this.#sayProblem();
    await this.list.watch();
    this.#refresh();
    await this.settled;
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Something that routes refer to has changed: far ends, open hosts. */
  neighboursChanged(): void {
    this.#changed();
    this.#refresh();
  }

  /** Messages that would go another way now; the number of all that might when there are many. */
  async movable(name: string | null): Promise<{ value: number; isExact: boolean }> {
    const queues = this.#queues;
    if (queues === null) return { value: 0, isExact: true };
    const candidates = this.#candidates(queues);
    const names = candidates.map((queue) => queue.name);
    const exact = await queues.reroute.count(
      names,
      (copy, queue) => this.#queued.wouldMove(copy, queue, name),
      LOOKED_AT_MAX,
    );
    return exact === null
      ? { value: candidates.reduce((sum, { depth }) => sum + depth, 0), isExact: false }
      : { value: exact, isExact: true };
  }

  /** Sends what waits on the way that a new message would take. */
  async move(name: string | null): Promise<number> {
    const queues = this.#queues;
    if (queues === null) return 0;
    const moved = await queues.reroute.move(
      this.#candidates(queues).map((queue) => queue.name),
      {
        isMeant: (copy, queue) => this.#queued.wouldMove(copy, queue, name),
        change: (message) => this.#queued.redirect(message),
        reason: name === null ? 'the routes have changed' : `route ${name}`,
      },
    );
    this.#queued.moved(name);
    return moved;
  }

  /** Messages that wait, by the route that answers for their queue or made it. */
  waitingByRoute(): ReadonlyMap<string, number> {
    return this.#queues === null
      ? new Map<string, number>()
      : this.#queued.waiting(this.#queues.lists.scheduled());
  }

  async close(): Promise<void> {
    await this.list.close();
    await this.settled;
    this.counts.close();
  }

  #candidates(queues: Queues): { readonly name: string; readonly depth: number }[] {
    return queues.lists
      .scheduled()
      .filter(({ name, depth }) => depth > 0 && this.#queued.mightMove(name));
  }

  #take(routes: readonly Route[]): void {
    const { guard, mailClock } = this.#parts;
    for (const { opens = [] } of routes) for (const host of opens) parseOpenRule(host);
    const before = this.overlay.routes;
    this.overlay.replace(routes);
    this.#queued.replaced(
      before,
      (this.#queues?.lists.scheduled() ?? []).map(({ name }) => name),
      mailClock.now(),
    );
    const gone = before.filter(({ name }) => !routes.some((route) => route.name === name));
    for (const { name } of gone) guard.open(`route ${name}`, []);
    for (const { name, enabled, opens = [] } of routes)
      guard.open(`route ${name}`, enabled ? opens : []);
    this.#changed();
    this.#refresh();
  }

  /** Once somebody listens: the engine is not made yet when the file is read first. */
  #sayProblem(): void {
    const { file, onTrouble } = this.#parts;
    const problem = this.#queues === null ? null : this.list.problem;
    if (problem !== null) onTrouble(`${problemText(file, problem)}; the routes stay as they were`);
  }

  #changed(): void {
    this.#revision++;
    this.#onChange();
  }

  #refresh(): void {
    const queues = this.#queues;
    if (queues === null) return;
    this.#refreshing = this.#refreshing.then(async () => {
      try {
        await queues.configChanged();
        await this.#moveOrphans(queues);
      } catch (error) {
        this.#parts.onTrouble(`Cannot refresh the queues: ${toError(error).message}`);
      }
    });
  }

  /** Nobody answers any more for the queues of a route that is gone. */
  async #moveOrphans(queues: Queues): Promise<void> {
    const orphaned = queues.lists
      .scheduled()
      .filter(({ name, depth }) => depth > 0 && this.#queued.isOrphaned(name))
      .map(({ name }) => name);
    if (orphaned.length === 0) return;
    const count = await queues.reroute.move(orphaned, {
      isMeant: () => true,
      change: (message) => this.#queued.redirect(message),
      reason: 'its route is gone',
    });
    this.#parts.onTrouble(`${count} messages of routes that are gone were bound anew`);
  }
}
