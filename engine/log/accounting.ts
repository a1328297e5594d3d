/**
 * The accounting database of a policy: messages received and delivered, by month. Counts are kept
 * in memory and added to the file every five minutes and at the end.
 *
 * Source: reference `http-logs-reception.md` §3.7.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock, Timer } from '../base/clock.ts';
import type { LogRecord } from './record.ts';

const FLUSH_INTERVAL_MS = 300_000;

export class AccountingDb {
  readonly #db: DatabaseSync;
  readonly #mailClock: Clock;
  readonly #clock: Clock;
  #received = 0;
  #delivered = 0;
  #timer: Timer;

  /** @param mailClock decides the month; @param clock when to write */
  constructor(file: string, mailClock: Clock, clock: Clock) {
    mkdirSync(dirname(file), { recursive: true });
    this.#db = new DatabaseSync(file);
    this.#db.exec(
      'CREATE TABLE IF NOT EXISTS accounting (event_time DATETIME PRIMARY KEY, received int, delivered int)',
    );
    this.#mailClock = mailClock;
    this.#clock = clock;
    this.#timer = this.#arm();
  }

  /** Counts recipients of receptions and deliveries; records about log messages do not count as received. */
  count(record: LogRecord): void {
    const recipients = typeof record.recipient === 'string' ? 1 : record.recipient.length;
    if (record.type === 'Delivery') this.#delivered += recipients;
    else if (record.type === 'Reception' && record.reception_protocol !== 'LogRecord') {
      this.#received += recipients;
    }
  }

  /** Adds the counts to this month's row, which appears even when there is nothing to add. */
  flush(): void {
    const month = new Date(this.#mailClock.now()).toISOString().slice(0, 7);
    this.#db
      .prepare(
        `INSERT INTO accounting VALUES (?, ?, ?) ON CONFLICT (event_time)
         DO UPDATE SET received = received + excluded.received, delivered = delivered + excluded.delivered`,
      )
      .run(`${month}-01 00:00:00`, this.#received, this.#delivered);
    this.#received = 0;
    this.#delivered = 0;
  }

  close(): void {
    this.#timer.cancel();
    this.flush();
    this.#db.close();
  }

  #arm(): Timer {
    return this.#clock.timer(FLUSH_INTERVAL_MS, () => {
      this.flush();
      this.#timer = this.#arm();
    });
  }
}
