/**
 * Messages that wait, in the light of a changed list: which of them would go another way if they
 * came now. A move never refuses or discards what was accepted, and leaves alone what the policy
 * put into queues of its own.
 */
import type { EpochMs } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';
import { parseQueueName } from '../mail/queue-name.ts';
import { applyRoute, undoRoute } from './decided.ts';
import { couldTake, decideMessage, decideQueue } from './match.ts';
import { factsOf } from './message-facts.ts';
import { RELEASE_META } from './release.ts';
import type { RouteOverlay } from './route-overlay.ts';
import { levelOf, routeOfRoutingDomain } from './route.ts';
import type { Route } from './route.ts';

interface Answered {
  readonly atMs: EpochMs;
  readonly from: string | null;
  readonly to: string | null;
}

export class QueuedRoutes {
  readonly #overlay: RouteOverlay;
  /** Queues for which another one answers since then. */
  readonly #answered = new Map<string, Answered>();

  constructor(overlay: RouteOverlay) {
    this.#overlay = overlay;
  }

  /** The list was replaced; notes the queues for which that makes a difference. */
  replaced(before: readonly Route[], queues: readonly string[], nowMs: EpochMs): void {
    for (const name of queues) {
      const queue = parseQueueName(name);
      const from = decideQueue(before, queue);
      const to = decideQueue(this.#overlay.routes, queue);
      if (JSON.stringify(from?.to) === JSON.stringify(to?.to)) continue;
      this.#answered.set(name, {
        atMs: nowMs,
        from: from?.name ?? null,
        to: to?.name ?? null,
      });
    }
  }

  /** Whether a message of this queue could be one that moves: asked before any is read. */
  mightMove(name: string): boolean {
    if (this.#answered.has(name)) return true;
    const queue = parseQueueName(name);
    const { routes } = this.#overlay;
    if (routeOfRoutingDomain(queue.routingDomain) !== null) return true;
    return routes.some((route) => {
      if (levelOf(route) === 'queue') return false;
      const { to } = route;
      const isItsQueue =
        (to.kind === 'routingDomain' && to.domain === queue.routingDomain) ||
        (to.kind === 'queue' && to.name === name);
      return isItsQueue || (route.enabled && couldTake(route, queue));
    });
  }

  /** @param only the route it is about, as the old way or the new one; null for all */
  wouldMove(copy: Message, queueName: string, only: string | null): boolean {
    // Somebody chose its way by hand.
    if (copy.getMeta(RELEASE_META) !== undefined) return false;
    const answered = this.#answered.get(queueName);
    const isAnswered = answered !== undefined && copy.createdMs <= answered.atMs;
    if (isAnswered && (only === null || only === answered.from || only === answered.to))
      return true;
    const from = copy.routeName;
    if (isOwnOfPolicy(copy)) return false;
    this.redirect(copy);
    if (copy.queueName() === queueName) return false;
    return only === null || only === from || only === copy.routeName;
  }

  /** Sends a message on the way that it would take if it came now. */
  redirect(message: Message): void {
    undoRoute(message);
    const { chosen } = decideMessage(this.#overlay.routes, factsOf(message));
    if (chosen === null || levelOf(chosen) === 'queue') return;
    if (chosen.to.kind === 'reject' || chosen.to.kind === 'null') return;
    applyRoute(message, chosen);
  }

  /** What waited was moved, or the offer is over. */
  moved(only: string | null): void {
    for (const [name, { from, to }] of this.#answered)
      if (only === null || only === from || only === to) this.#answered.delete(name);
  }

  /** It is the own queue of a route that is not there any more. */
  isOrphaned(name: string): boolean {
    const queue = parseQueueName(name);
    return (
      routeOfRoutingDomain(queue.routingDomain) !== null &&
      this.#overlay.routeOfQueue(queue) === null
    );
  }

  /** Depths by the route that answers for a queue, or that set its routing domain. */
  waiting(
    queues: readonly { readonly name: string; readonly depth: number }[],
  ): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    const { routes } = this.#overlay;
    for (const { name, depth } of queues) {
      if (depth === 0) continue;
      const queue = parseQueueName(name);
      const route =
        this.#overlay.routeOfQueue(queue) ??
        routes.find(
          ({ to }) =>
            (to.kind === 'routingDomain' && to.domain === queue.routingDomain) ||
            (to.kind === 'queue' && to.name === name),
        );
      if (route !== undefined) counts.set(route.name, (counts.get(route.name) ?? 0) + depth);
    }
    return counts;
  }
}

/** Hooks and other messages that were never received. */
function isOwnOfPolicy(message: Message): boolean {
  return message.getMeta('log_record') !== undefined || message.recipients.length === 0;
}
