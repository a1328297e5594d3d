/**
 * Rules an operator makes for a while: bounce or suspend scheduled queues that match criteria,
 * suspend a ready queue by its name. They live in memory only.
 *
 * A rule with queue names matches those queues and nothing else. Any other rule compares what it
 * names with the parts of the queue's name; a part the queue lacks matches no value. A rule that
 * names all four parts bounces what is there when it is made, and nothing afterwards: KumoMTA
 * looks such a rule up by a key that never occurs.
 *
 * Source: reference `queues-delivery.md` §10, §11 (41, 42); `http-logs-reception.md` §2.2-2.4.
 */
import type { Clock, EpochMs } from '../base/clock.ts';
import { uuidV4 } from '../base/ids.ts';
import type { Random } from '../base/random.ts';
import type { QueueName } from '../mail/queue-name.ts';

export interface Criteria {
  readonly campaign: string | null;
  readonly tenant: string | null;
  readonly domain: string | null;
  readonly routingDomain: string | null;
  readonly queueNames: readonly string[];
}

export const EVERYTHING: Criteria = {
  campaign: null,
  tenant: null,
  domain: null,
  routingDomain: null,
  queueNames: [],
};

export interface SuspendRule {
  readonly id: string;
  readonly criteria: Criteria;
  readonly reason: string;
  readonly expiresMs: EpochMs;
}

export interface BounceRule extends SuspendRule {
  readonly suppressLogging: boolean;
  /** Messages bounced so far, by queue; counted whether they are logged or not. */
  readonly bounced: Map<string, number>;
}

export interface ReadySuspendRule {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
  readonly expiresMs: EpochMs;
}

/** In strict mode an expired rule that matches everything acts until this many lookups were made. */
const LOOKUPS_PER_PRUNE = 10_000;

export class AdminRules {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;
  readonly #bounces: CriteriaIndex<BounceRule>;
  readonly #suspensions: CriteriaIndex<SuspendRule>;
  readonly #ready = new Map<string, ReadySuspendRule>();

  constructor(clock: Pick<Clock, 'now'>, random: Random, mode: 'strict' | 'ordinary') {
    this.#clock = clock;
    this.#random = random;
    this.#bounces = new CriteriaIndex(clock, mode);
    this.#suspensions = new CriteriaIndex(clock, mode);
  }

  addBounce(rule: {
    readonly criteria: Criteria;
    readonly reason: string;
    readonly durationMs: number;
    readonly suppressLogging: boolean;
  }): BounceRule {
    const { criteria, reason, suppressLogging } = rule;
    return this.#bounces.add({
      ...this.#made(rule.durationMs),
      criteria,
      reason,
      suppressLogging,
      bounced: new Map(),
    });
  }

  addSuspension(rule: {
    readonly criteria: Criteria;
    readonly reason: string;
    readonly durationMs: number;
  }): SuspendRule {
    const { criteria, reason } = rule;
    return this.#suspensions.add({ ...this.#made(rule.durationMs), criteria, reason });
  }

  addReadySuspension(rule: {
    readonly name: string;
    readonly reason: string;
    readonly durationMs: number;
  }): ReadySuspendRule {
    const { name, reason } = rule;
    const made = { ...this.#made(rule.durationMs), name, reason };
    this.#ready.set(name, made);
    return made;
  }

  bounceFor(queue: string, name: QueueName): BounceRule | null {
    return this.#bounces.find(queue, name);
  }

  suspensionFor(queue: string, name: QueueName): SuspendRule | null {
    return this.#suspensions.find(queue, name);
  }

  readySuspension(readyQueue: string): ReadySuspendRule | null {
    if (this.#ready.size === 0) return null;
    const rule = this.#ready.get(readyQueue);
    if (rule === undefined) return null;
    if (rule.expiresMs > this.#clock.now()) return rule;
    this.#ready.delete(readyQueue);
    return null;
  }

  bounces(): readonly BounceRule[] {
    return this.#bounces.list();
  }

  suspensions(): readonly SuspendRule[] {
    return this.#suspensions.list();
  }

  readySuspensions(): readonly ReadySuspendRule[] {
    for (const { name } of [...this.#ready.values()]) this.readySuspension(name);
    return [...this.#ready.values()];
  }

  removeBounce(id: string): boolean {
    return this.#bounces.remove(id);
  }

  removeSuspension(id: string): boolean {
    return this.#suspensions.remove(id);
  }

  /** @returns the rule that is gone, or null when there was none of that id */
  removeReadySuspension(id: string): ReadySuspendRule | null {
    const rule = this.readySuspensions().find((known) => known.id === id);
    if (rule !== undefined) this.#ready.delete(rule.name);
    return rule ?? null;
  }

  /** The mail clock was set back: rules last as long as they still would have. */
  shift(byMs: number): void {
    this.#bounces.shift(byMs);
    this.#suspensions.shift(byMs);
    for (const [name, rule] of this.#ready) {
      this.#ready.set(name, { ...rule, expiresMs: rule.expiresMs + byMs });
    }
  }

  #made(durationMs: number): { readonly id: string; readonly expiresMs: EpochMs } {
    const expiresMs = this.#clock.now() + Math.max(0, durationMs);
    return { id: uuidV4(this.#random), expiresMs };
  }
}

/** Whether a queue is meant: what a sweep over existing queues asks. */
export function matches(criteria: Criteria, queue: string, name: QueueName): boolean {
  if (criteria.queueNames.length > 0) return criteria.queueNames.includes(queue);
  const { campaign, tenant, domain, routingDomain } = criteria;
  return (
    (campaign === null || campaign === name.campaign) &&
    (tenant === null || tenant === name.tenant) &&
    (domain === null || domain === name.domain) &&
    (routingDomain === null || routingDomain === name.routingDomain)
  );
}

/** The criteria that mean one queue and no other. */
export function onlyQueue(queue: string): Criteria {
  return { ...EVERYTHING, queueNames: [queue] };
}

class CriteriaIndex<T extends SuspendRule> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #mode: 'strict' | 'ordinary';
  readonly #rules = new Map<string, T>();
  #lookups = 0;

  constructor(clock: Pick<Clock, 'now'>, mode: 'strict' | 'ordinary') {
    this.#clock = clock;
    this.#mode = mode;
  }

  /** Identical criteria replace the older rule. */
  add(rule: T): T {
    const key = JSON.stringify(rule.criteria);
    this.#rules.delete(key);
    this.#rules.set(key, rule);
    return rule;
  }

  find(queue: string, name: QueueName): T | null {
    if (this.#rules.size === 0) return null;
    if (++this.#lookups % LOOKUPS_PER_PRUNE === 0) this.#prune();
    const found = [...this.#rules.values()].filter(
      (rule) =>
        this.#isAlive(rule) && canMatchLater(rule.criteria) && matches(rule.criteria, queue, name),
    );
    return found.find((rule) => rule.criteria.queueNames.length > 0) ?? found[0] ?? null;
  }

  list(): readonly T[] {
    this.#prune();
    return [...this.#rules.values()];
  }

  remove(id: string): boolean {
    for (const [key, rule] of this.#rules) {
      if (rule.id === id) return this.#rules.delete(key);
    }
    return false;
  }

  shift(byMs: number): void {
    for (const [key, rule] of this.#rules) {
      this.#rules.set(key, { ...rule, expiresMs: rule.expiresMs + byMs });
    }
  }

  #isAlive(rule: T): boolean {
    if (rule.expiresMs > this.#clock.now()) return true;
    return this.#mode === 'strict' && isEverything(rule.criteria);
  }

  #prune(): void {
    const now = this.#clock.now();
    for (const [key, rule] of this.#rules) {
      if (rule.expiresMs <= now) this.#rules.delete(key);
    }
  }
}

function isEverything(criteria: Criteria): boolean {
  return JSON.stringify(criteria) === JSON.stringify(EVERYTHING);
}

function canMatchLater(criteria: Criteria): boolean {
  if (criteria.queueNames.length > 0) return true;
  const { campaign, tenant, domain, routingDomain } = criteria;
  return [campaign, tenant, domain, routingDomain].some((part) => part === null);
}
