/**
 * Sessions as numbers: each session's facts are stored once, however many transactions it has.
 * When facts change within a session (TLS, AUTH between two transactions) the changed ones are a
 * row of their own with the same uuid.
 */
import type { SessionTuple } from './ops.ts';
import type { SessionFacts } from './store.ts';

/** Sessions remembered; an older one that goes on gets a second row with the same facts. */
const REMEMBERED_MAX = 10_000;

export class SessionNumbers {
  #next: number;
  readonly #known = new Map<string, SessionTuple>();
  readonly #byFacts = new WeakMap<SessionFacts, SessionTuple>();

  constructor(next: number) {
    this.#next = next;
  }

  tuple(facts: SessionFacts): SessionTuple {
    const same = this.#byFacts.get(facts);
    if (same) return same;
    const { id, ehlo, tls, auth } = facts;
    const key = JSON.stringify([id, ehlo, tls?.cipher, auth]);
    const tuple = this.#known.get(key) ?? this.#make(facts, key);
    this.#byFacts.set(facts, tuple);
    return tuple;
  }

  #make(facts: SessionFacts, key: string): SessionTuple {
    const { id, protocol, listener, peer, startedMs, startedRealMs, ehlo, tls, auth } = facts;
    const number = this.#next++;
    const tuple: SessionTuple = [
      ...([number, id, protocol, listener, peer, startedMs, startedRealMs, ehlo] as const),
      ...([tls?.version ?? null, tls?.cipher ?? null, auth] as const),
    ];
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(key, tuple);
    return tuple;
  }
}
