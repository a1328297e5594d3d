/**
 * Which route a message or a queue takes: the first enabled one that matches, and for each one that
 * was asked, in words, why or why not. Pure; the overlay, the tester and moves share it.
 */
import { exactInteger, isJsonFloat } from '../mail/json.ts';
import type { JsonValue } from '../mail/json.ts';
import { formatQueueName } from '../mail/queue-name.ts';
import type { QueueName } from '../mail/queue-name.ts';
import { globMatches, isLiteral } from './glob.ts';
import { releaseOfRoutingDomain } from './release.ts';
import { levelOf } from './route.ts';
import type { Route, RouteMatch } from './route.ts';

interface Address {
  readonly email: string;
  readonly domain: string;
}

/** What a message says about itself when its reception handlers have run. */
export interface MessageFacts {
  readonly recipients: readonly Address[];
  readonly sender: Address;
  readonly tenant: string | null;
  readonly campaign: string | null;
  /** Of the queue as the policy left it. */
  readonly queue: QueueName;
  readonly queueName: string;
  /** The policy wrote the meta `queue` itself. */
  readonly isQueueSet: boolean;
  header(name: string): readonly string[];
  meta(name: string): JsonValue | undefined;
}

export interface RouteStep {
  readonly route: Route;
  readonly isMatch: boolean;
  /** `tenant is acme`, `no header X-Suppress`. */
  readonly why: string;
}

export interface RouteDecision {
  readonly chosen: Route | null;
  /** The enabled routes that were asked, in order; the chosen one is the last. */
  readonly steps: readonly RouteStep[];
}

/** First enabled match wins. */
export function decideMessage(routes: readonly Route[], facts: MessageFacts): RouteDecision {
  const steps: RouteStep[] = [];
  for (const [index, route] of routes.entries()) {
    if (!route.enabled) continue;
    const step =
      levelOf(route) === 'queue'
        ? queueStep(route, facts.queue, routes.slice(0, index))
        : messageStep(route, facts);
    steps.push(step);
    if (step.isMatch) return { chosen: route, steps };
  }
  return { chosen: null, steps };
}

/** The first enabled route that is decided by the name of a queue, and is meant for this one. */
export function decideQueue(routes: readonly Route[], queue: QueueName): Route | null {
  if (releaseOfRoutingDomain(queue.routingDomain) !== null) return null;
  for (const [index, route] of routes.entries()) {
    if (!route.enabled || levelOf(route) !== 'queue') continue;
    if (queueStep(route, queue, routes.slice(0, index)).isMatch) return route;
  }
  return null;
}

function queueStep(route: Route, queue: QueueName, before: readonly Route[]): RouteStep {
  const found = firstMismatch(route.match, {
    domain: [queue.domain],
    tenant: queue.tenant,
    campaign: queue.campaign,
    routingDomain: queue.routingDomain,
    queueName: formatQueueName(queue),
  });
  if (found !== null) return { route, isMatch: false, why: found };
  if (!meansAnyQueue(route) && !isMailDomain(queue.domain))
    return { route, isMatch: false, why: `${queue.domain} is no domain of mail` };
  if (queue.routingDomain !== null) {
    if (!mayOverwrite(route))
      return { route, isMatch: false, why: 'the routing domain is set already' };
    if (routingDomainsSet(before).includes(queue.routingDomain))
      return { route, isMatch: false, why: 'an earlier route set the routing domain' };
  }
  return { route, isMatch: true, why: matchText(route.match) };
}

function messageStep(route: Route, facts: MessageFacts): RouteStep {
  const { recipients, sender, tenant, campaign, queue, queueName } = facts;
  const { match } = route;
  const found =
    firstMismatch(match, {
      domain: recipients.map((one) => one.domain),
      tenant,
      campaign,
      routingDomain: queue.routingDomain,
      queueName,
    }) ??
    mismatch(
      'recipient',
      match.recipient,
      recipients.map((one) => one.email),
    ) ??
    mismatch('sender', match.sender, [sender.email === '' ? '<>' : sender.email]) ??
    mismatch('sender domain', match.senderDomain, [sender.domain]) ??
    headerMismatch(match.header, facts) ??
    metaMismatch(match.meta, facts);
  if (found !== null) return { route, isMatch: false, why: found };
  if ((facts.isQueueSet || queue.routingDomain !== null) && !mayOverwrite(route)) {
    const what = facts.isQueueSet ? 'queue' : 'routing domain';
    return { route, isMatch: false, why: `the policy set the ${what}` };
  }
  return { route, isMatch: true, why: matchText(match) };
}

/** Whether a message that waits in this queue could match: what the name alone says. */
export function couldTake(route: Route, queue: QueueName): boolean {
  const { tenant, campaign, domain } = queue;
  const { match } = route;
  const recipientDomain = listOf(match.recipient ?? '').map((glob) =>
    glob.includes('@') ? glob.slice(glob.lastIndexOf('@') + 1) : '',
  );
  return (
    mismatch('tenant', match.tenant, [tenant]) === null &&
    mismatch('campaign', match.campaign, [campaign]) === null &&
    mismatch('domain', match.domain, [domain]) === null &&
    (domain.includes('.') || domain === 'localhost' || domain.startsWith('[')) &&
    recipientDomain.some((glob) => glob === '' || globMatches(glob, domain))
  );
}

/** A route that names queue or routing domain means those that the policy set. */
export function mayOverwrite(route: Route): boolean {
  const { queue, routingDomain } = route.match;
  return route.overwrite === true || queue !== undefined || routingDomain !== undefined;
}

/** Wildcards do not reach queues that are not about mail: hooks, webhooks, built-in ones. */
export function meansAnyQueue({ match }: Route): boolean {
  return [match.domain, match.queue].some(
    (globs) => globs !== undefined && listOf(globs).every(isLiteral),
  );
}

function isMailDomain(domain: string): boolean {
  if (domain.endsWith('.log_hook')) return false;
  return domain.includes('.') || domain.startsWith('[') || domain === 'localhost';
}

/** Routing domains that these routes set on messages. */
export function routingDomainsSet(routes: readonly Route[]): string[] {
  return routes.flatMap(({ enabled, to }) =>
    enabled && to.kind === 'routingDomain' ? [to.domain] : [],
  );
}

export function listOf(globs: string | readonly string[]): readonly string[] {
  return typeof globs === 'string' ? [globs] : globs;
}

function firstMismatch(
  match: RouteMatch,
  values: {
    readonly domain: readonly string[];
    readonly tenant: string | null;
    readonly campaign: string | null;
    readonly routingDomain: string | null;
    readonly queueName: string;
  },
): string | null {
  return (
    mismatch('domain', match.domain, values.domain) ??
    mismatch('tenant', match.tenant, [values.tenant]) ??
    mismatch('campaign', match.campaign, [values.campaign]) ??
    mismatch('routing domain', match.routingDomain, [values.routingDomain]) ??
    mismatch('queue', match.queue, [values.queueName])
  );
}

/** Null when every value fits one of the globs: the recipients of a batch travel together. */
function mismatch(
  what: string,
  globs: string | readonly string[] | undefined,
  values: readonly (string | null)[],
): string | null {
  if (globs === undefined) return null;
  const wrong = values.find(
    (value) => value === null || !listOf(globs).some((glob) => globMatches(glob, value)),
  );
  if (wrong === undefined && values.length > 0) return null;
  return wrong === undefined || wrong === null ? `no ${what}` : `${what} is ${shortened(wrong)}`;
}

function headerMismatch(headers: RouteMatch['header'], facts: MessageFacts): string | null {
  for (const [name, globs] of Object.entries(headers ?? {})) {
    const values = facts.header(name);
    if (values.length === 0) return `no header ${name}`;
    const fits = values.some((value) => listOf(globs).some((glob) => globMatches(glob, value)));
    if (!fits) return `header ${name} is ${shortened(values[0] ?? '')}`;
  }
  return null;
}

function metaMismatch(metas: RouteMatch['meta'], facts: MessageFacts): string | null {
  for (const [name, globs] of Object.entries(metas ?? {})) {
    const value = facts.meta(name);
    const text = metaText(value);
    if (text === null) return `no meta ${name}`;
    if (!listOf(globs).some((glob) => globMatches(glob, text)))
      return `meta ${name} is ${shortened(text)}`;
  }
  return null;
}

/** As `tostring` writes it; tables are nothing that a glob could mean. */
function metaText(value: JsonValue | undefined): string | null {
  if (isJsonFloat(value)) return Number(value).toFixed(1);
  const exact = exactInteger(value);
  if (exact !== undefined) return String(exact);
  if (value === undefined || value === null || typeof value === 'object') return null;
  return String(value);
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The match in words: `tenant acme, domain *.example`. */
export function matchText(match: RouteMatch): string {
  const words: string[] = [];
  const say = (what: string, globs: string | readonly string[] | undefined): void => {
    if (globs !== undefined) words.push(`${what} ${listOf(globs).join(' or ')}`);
  };
  say('recipient', match.recipient);
  say('domain', match.domain);
  say('sender', match.sender);
  say('sender domain', match.senderDomain);
  say('tenant', match.tenant);
  say('campaign', match.campaign);
  say('routing domain', match.routingDomain);
  say('queue', match.queue);
  for (const [name, globs] of Object.entries(match.header ?? {})) say(`header ${name}`, globs);
  for (const [name, globs] of Object.entries(match.meta ?? {})) say(`meta ${name}`, globs);
  return words.length === 0 ? 'everything' : words.join(', ');
}
