/**
 * How many recipients were received and delivered, by month, in a database file that the policy
 * names (`kumo.configure_accounting_db_path`).
 *
 * States: off (no path), on (counts are kept in memory and added to the file every five minutes and
 * at the end), closed. The month's row is written even when nothing was counted.
 *
 * Source: reference `http-logs-reception.md` §3.7.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { toError } from '../base/assert.ts';
import type { Clock, EpochMs, Timer } from '../base/clock.ts';
import type { LogRecord } from './record.ts';

const FLUSH_INTERVAL_MS = 5 * 60_000;

interface AccountingDeps {
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly onError: (text: string) => void;
}

export class Accounting {
  readonly #deps: AccountingDeps;
  #path: string | null = null;
  #received = 0;
  #delivered = 0;
  #timer: Timer | null = null;

  constructor(deps: AccountingDeps) {
    this.#deps = deps;
  }

  configure(path: string): void {
    this.#path = path;
    this.#wait();
  }

  /** @param loggerCount loggers that take the record: each of them counts it, as in KumoMTA */
  count(record: LogRecord, loggerCount: number): void {
    if (this.#path === null || loggerCount === 0) return;
    const amount = [record.recipient].flat().length * loggerCount;
    if (record.type === 'Delivery') this.#delivered += amount;
    if (record.type === 'Reception' && record.reception_protocol !== 'LogRecord') {
      this.#received += amount;
    }
  }

  /** Adds what was counted to the file and stops. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#flush();
    this.#path = null;
  }

  #wait(): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.timer(FLUSH_INTERVAL_MS, () => {
      this.#flush();
      this.#wait();
    });
  }

  #flush(): void {
    if (this.#path === null) return;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      const database = new DatabaseSync(this.#path);
      try {
        database.exec(TABLE);
        const month = monthOf(this.#deps.mailClock.now());
        database.prepare(ADD).run(month, this.#received, this.#delivered);
      } finally {
        database.close();
      }
      this.#received = 0;
      this.#delivered = 0;
    } catch (error) {
      this.#deps.onError(`Cannot write accounting to ${this.#path}: ${toError(error).message}`);
    }
  }
}

const TABLE =
  'CREATE TABLE IF NOT EXISTS accounting (event_time DATETIME PRIMARY KEY, received int NOT NULL, delivered int NOT NULL)';
const ADD =
  'INSERT INTO accounting (event_time, received, delivered) VALUES (?, ?, ?) ' +
  'ON CONFLICT (event_time) DO UPDATE SET received = received + excluded.received, delivered = delivered + excluded.delivered';

/** `2026-08-01 00:00:00`, UTC. */
function monthOf(nowMs: EpochMs): string {
  return `${new Date(nowMs).toISOString().slice(0, 7)}-01 00:00:00`;
}
