/**
 * Numbers that are kept with each commit because counting them would mean reading everything: how
 * many rows there are, how many bytes, what retention has taken, the number of the commit itself.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Totals } from './ops.ts';

export type Counters = { -readonly [K in keyof Totals]: Totals[K] } & { commitSeq: number };

export function emptyCounters(): Counters {
  return {
    commitSeq: 0,
    rows: 0,
    deletedRows: 0,
    transactions: 0,
    records: 0,
    bodyBytes: 0,
    fileBytes: 0,
    expiredTransactions: 0,
    expiredBytes: 0,
    settledIntake: 0,
  };
}

export function readCounters(db: DatabaseSync): Counters {
  const counters = emptyCounters();
  const names = Object.keys(counters) as (keyof Counters)[];
  for (const row of db.prepare('SELECT name, value FROM counters').all()) {
    const name = names.find((known) => known === row['name']);
    if (name) counters[name] = Number(row['value']);
  }
  return counters;
}
