/**
 * Which sessions have their row already. Every transaction carries its session's facts; the row is
 * written with the first one, and again should retention have taken it meanwhile.
 */
import type { StatementSync } from 'node:sqlite';
import type { SessionTuple } from './ops.ts';

const REMEMBERED_MAX = 10_000;

export class KnownSessions {
  readonly #insert: StatementSync;
  readonly #known = new Set<number>();

  /** @param insert does nothing when the row is there */
  constructor(insert: StatementSync) {
    this.#insert = insert;
  }

  ensure(session: SessionTuple): void {
    const [id] = session;
    if (this.#known.has(id)) return;
    this.#insert.run(...session);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.add(id);
  }

  /** After a rollback, and when retention removed rows. */
  forget(): void {
    this.#known.clear();
  }
}
