/**
 * Hosts whose TLS handshake failed, remembered for `remember_broken_tls`: the opportunistic modes
 * leave STARTTLS out there meanwhile. Shared by all sessions; on the mail clock, as every lifetime
 * that a policy sets.
 *
 * Source: reference `queues-delivery.md` §4.6.
 */
import type { Clock } from '../base/clock.ts';
import { TtlCache } from '../dns/ttl-cache.ts';
import { addressText } from './smtp-debug-text.ts';
import type { Candidate } from './smtp-plan.ts';

const HOSTS_MAX = 10_000;

export class BrokenTlsMemory {
  readonly #cache: TtlCache<object>;

  constructor(mailClock: Clock) {
    this.#cache = new TtlCache(mailClock, HOSTS_MAX);
  }

  has(candidate: Candidate): boolean {
    return this.#cache.get(keyOf(candidate)) !== undefined;
  }

  /** @param ttlMs null when the path does not want it remembered */
  remember(candidate: Candidate, ttlMs: number | null): void {
    if (ttlMs !== null) this.#cache.set(keyOf(candidate), {}, ttlMs);
  }
}

function keyOf(candidate: Candidate): string {
  return addressText(candidate.address.ip, candidate.port);
}
