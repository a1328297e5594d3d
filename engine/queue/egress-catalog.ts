/**
 * Egress pools and sources as the policy defines them, kept for their `ttl`. `unspecified` is
 * built in and the policy is never asked for it. Errors are not kept.
 *
 * Source: reference `queues-delivery.md` §4.5, §2.3; `lua-api.md` §14.1.
 */
import { toError } from '../base/assert.ts';
import type { Clock, EpochMs } from '../base/clock.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { PolicyError } from '../policy/events.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { EgressPool, EgressSource } from '../policy/settings.ts';

const UNSPECIFIED = 'unspecified';

const CACHE_SIZE_MAX = 128;

const UNSPECIFIED_POOL: EgressPool = {
  name: UNSPECIFIED,
  entries: [{ name: UNSPECIFIED, weight: 1 }],
  ttlMs: Infinity,
};

const UNSPECIFIED_SOURCE: EgressSource = {
  name: UNSPECIFIED,
  ehloDomain: null,
  sourceAddress: null,
  remotePort: null,
  haProxyServer: null,
  haProxySourceAddress: null,
  socks5ProxyServer: null,
  socks5ProxySourceAddress: null,
  ttlMs: Infinity,
};

export class EgressCatalog {
  readonly #events: Pick<PolicyEvents, 'getEgressPool' | 'getEgressSource'>;
  readonly #pools: KeptAnswers<EgressPool>;
  readonly #sources: KeptAnswers<EgressSource>;

  constructor(
    events: Pick<PolicyEvents, 'getEgressPool' | 'getEgressSource'>,
    clock: Pick<Clock, 'now'>,
  ) {
    this.#events = events;
    this.#pools = new KeptAnswers(clock);
    this.#sources = new KeptAnswers(clock);
  }

  /**
   * A pool whose sources all exist; null means `unspecified`.
   * @throws {PolicyError} with KumoMTA's contexts in front
   */
  async pool(name: string | null, trace: EventTrace | null): Promise<EgressPool> {
    if (name === null || name === UNSPECIFIED) return UNSPECIFIED_POOL;
    try {
      const pool = await this.#pools.get(name, () => this.#events.getEgressPool(name, trace));
      for (const entry of pool.entries) await this.source(entry.name, trace);
      return pool;
    } catch (error) {
      throw inContext(`resolving egress pool '${name}'`, error);
    }
  }

  /** @throws {PolicyError} */
  async source(name: string, trace: EventTrace | null): Promise<EgressSource> {
    if (name === UNSPECIFIED) return UNSPECIFIED_SOURCE;
    try {
      return await this.#sources.get(name, () => this.#events.getEgressSource(name, trace));
    } catch (error) {
      throw inContext(`get_egress_source '${name}'`, error);
    }
  }

  /** The policy changed: everything is asked again. */
  forget(): void {
    this.#pools.clear();
    this.#sources.clear();
  }
}

/** Answers with a lifetime, the least recently used of too many dropped. */
class KeptAnswers<T extends { readonly ttlMs: number }> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kept = new Map<string, { readonly answer: T; readonly untilMs: EpochMs }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  async get(name: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(name);
    if (known !== undefined && this.#clock.now() < known.untilMs) {
      this.#kept.delete(name);
      this.#kept.set(name, known);
      return known.answer;
    }
    const answer = await ask();
    this.#kept.delete(name);
    this.#kept.set(name, { answer, untilMs: this.#clock.now() + answer.ttlMs });
    if (this.#kept.size > CACHE_SIZE_MAX) this.#kept.delete(this.#kept.keys().next().value ?? '');
    return answer;
  }

  clear(): void {
    this.#kept.clear();
  }
}

function inContext(context: string, thrown: unknown): PolicyError {
  const error = toError(thrown);
  const place =
    error instanceof PolicyError
      ? {
          ...(error.event === null ? {} : { event: error.event }),
          ...(error.file === null ? {} : { file: error.file }),
          ...(error.line === null ? {} : { line: error.line }),
        }
      : {};
  return new PolicyError(`${context}: ${error.message}`, { ...place, cause: error });
}
