/**
 * The overlay of routes: looks at each message after the policy's reception handlers, and answers
 * for queues and egress paths before the policy is asked. Its list is replaced as a whole.
 *
 * A route answers for a queue of its own also while it is off: what is in it was routed when it was
 * on, or released through it by hand, and is moved when somebody says so.
 */
import { parseDurationMs } from '../base/duration.ts';
import type { Message } from '../mail/message.ts';
import type { EventCall, EventTrace } from '../policy/event-call.ts';
import type { EgressPathConfig, MxListEntry, QueueConfig } from '../policy/settings.ts';
import { applyRoute } from './decided.ts';
import { decideMessage, decideQueue } from './match.ts';
import type { RouteDecision } from './match.ts';
import { factsOf } from './message-facts.ts';
import { egressPathOf, mxListOf, queueConfigOf } from './parameters.ts';
import type { FarEndAddress } from './parameters.ts';
import { RELEASE_ROUTE, releaseOfRoutingDomain, releaseQueueConfig } from './release.ts';
import { hasQueueConfig, levelOf, routeOfRoutingDomain, targetText, techniqueOf } from './route.ts';
import type { Route } from './route.ts';

/** Reasons of routes that did not match are kept for this many, in the Journey. */
const REASONS_MAX = 20;

export interface RouteOverlayDeps {
  readonly farEnd: FarEndAddress;
  readonly siteOf: (mxList: readonly MxListEntry[]) => string;
  readonly env: (name: string) => string | undefined;
  /** Told of each message; null: none of the routes matched. */
  readonly onDecided: (route: Route | null) => void;
}

type Verdict =
  | 'keep'
  | {
      readonly kind: 'reject';
      readonly code: number;
      readonly text: string;
      readonly state: 'rejected';
    }
  | { readonly kind: 'discard'; readonly state: 'null' };

export class RouteOverlay {
  readonly #deps: RouteOverlayDeps;
  #routes: readonly Route[] = [];
  /** Messages under reception whose reply waits, and for how long. */
  readonly #waits = new WeakMap<Message, number>();

  constructor(deps: RouteOverlayDeps) {
    this.#deps = deps;
  }

  get routes(): readonly Route[] {
    return this.#routes;
  }

  /** @throws {Error} a route says something that KumoMTA's configuration refuses; nothing changed */
  replace(routes: readonly Route[]): void {
    for (const route of routes) this.check(route);
    this.#routes = routes;
  }

  /** @throws {Error} as `kumo.make_queue_config` and `kumo.make_egress_path` do, with the name */
  check(route: Route): void {
    try {
      queueConfigOf(route, this.#deps.farEnd);
      egressPathOf(route, this.#deps.env);
    } catch (cause) {
      throw new Error(`Cannot use route ${route.name}: ${(cause as Error).message}`, { cause });
    }
  }

  apply(message: Message, { trace }: { readonly trace: EventTrace }): Verdict {
    const startMs = trace.elapsedMs();
    const decision = decideMessage(this.#routes, factsOf(message));
    const { chosen } = decision;
    this.#deps.onDecided(chosen);
    const waitMs = parseDurationMs(chosen?.passThrough ?? '');
    if (waitMs !== undefined) this.#waits.set(message, waitMs);
    const before = { ...message.meta };
    const isOnMessage = chosen !== null && levelOf(chosen) === 'message';
    if (isOnMessage) applyRoute(message, chosen);
    if (decision.steps.length > 0) trace.add(callOf(decision, { startMs, trace, before, message }));
    if (!isOnMessage) return 'keep';
    const { to } = chosen;
    if (to.kind === 'null') return { kind: 'discard', state: 'null' };
    if (to.kind === 'reject')
      return { kind: 'reject', code: to.code, text: to.text, state: 'rejected' };
    return 'keep';
  }

  /** How long the reply to the client waits for this message; null when it does not. */
  waitMsOf(message: Message): number | null {
    return this.#waits.get(message) ?? null;
  }

  /** The configuration of a queue; null when the policy is to be asked. */
  answer(
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string | null,
  ): { readonly config: QueueConfig; readonly route: string } | null {
    const released = releaseOfRoutingDomain(routingDomain);
    if (released !== null) return { config: releaseQueueConfig(released), route: RELEASE_ROUTE };
    const route = this.routeOfQueue({ domain, tenant, campaign, routingDomain });
    if (route === null) return null;
    return { config: queueConfigOf(route, this.#deps.farEnd), route: route.name };
  }

  /** The route that answers for a queue; null when the policy does. */
  routeOfQueue(queue: {
    readonly domain: string;
    readonly tenant: string | null;
    readonly campaign: string | null;
    readonly routingDomain: string | null;
  }): Route | null {
    const own = routeOfRoutingDomain(queue.routingDomain);
    return own === null
      ? decideQueue(this.#routes, queue)
      : (this.#routes.find((route) => route.name === own && hasQueueConfig(route)) ?? null);
  }

  /** The configuration of the way to a site; null when the policy is to be asked. */
  path(routingDomain: string, site: string): EgressPathConfig | null {
    for (const route of this.#routes) {
      if (!route.enabled) continue;
      const isMeant =
        route.to.kind === 'routingDomain'
          ? route.to.domain === routingDomain
          : this.#isSiteOf(route, site);
      const config = isMeant ? egressPathOf(route, this.#deps.env) : null;
      if (config !== null) return config;
    }
    return null;
  }

  #isSiteOf(route: Route, site: string): boolean {
    const mxList = mxListOf(route, this.#deps.farEnd);
    return mxList.length > 0 && this.#deps.siteOf(mxList) === site;
  }
}

function callOf(
  { chosen, steps }: RouteDecision,
  at: {
    readonly startMs: number;
    readonly trace: EventTrace;
    readonly before: Message['meta'];
    readonly message: Message;
  },
): EventCall {
  const { startMs, trace, before, message } = at;
  const passed = steps.filter((step) => !step.isMatch);
  const prints = passed
    .slice(0, REASONS_MAX)
    .map(({ route, why }) => ({ text: `${route.name} does not match: ${why}` }));
  if (passed.length > REASONS_MAX)
    prints.push({ text: `${passed.length - REASONS_MAX} more routes do not match` });
  const common = { atMs: startMs, durationMs: trace.elapsedMs() - startMs, prints };
  if (chosen === null)
    return { ...common, event: 'routes', args: [], returned: ['none matches'], metaChanges: [] };
  const { to } = chosen;
  return {
    ...common,
    event: `route ${chosen.name}`,
    args: [steps.at(-1)?.why ?? ''],
    ...(to.kind === 'reject'
      ? { raised: { code: to.code, text: to.text } }
      : { returned: [whatItDoes(chosen)] }),
    metaChanges: ['queue', 'routing_domain'].flatMap((key) => {
      const [from, now] = [before[key], message.meta[key]];
      return (from ?? null) === (now ?? null) ? [] : [{ key, from, to: now ?? null }];
    }),
    route: chosen.name,
  };
}

function whatItDoes(route: Route): string {
  if (route.to.kind === 'null') return 'accepted and discarded';
  const where = `${techniqueOf(route)} ${targetText(route)}`;
  return levelOf(route) === 'queue' ? `answers for the queue: ${where}` : where;
}
