/**
 * The first look at a database: where numbers go on, and what a crash left open. An attempt that
 * had begun and was never heard of again becomes `interrupted`; its message says so when it is
 * handed to the queue, because it may have been delivered.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { BodyFiles } from './bodies.ts';
import { readIntake } from './intake.ts';
import { ATTEMPT_OUTCOMES, packOps } from './ops.ts';
import type { Opened } from './worker-messages.ts';
import type { Writer } from './writer.ts';

/** A setting of the store itself: `1` while no process has it open. */
const CLOSED = 'store.closed';

export function recover(db: DatabaseSync, writer: Writer, folder: string): Opened {
  settleIntake(writer, folder);
  const settings = db.prepare('SELECT key, value FROM settings').all();
  const wasClosed = settings.some((row) => row['key'] === CLOSED && row['value'] === '1');
  const interrupted = writer.transact(() => {
    markClosed(db, false);
    return interruptAttempts(db);
  });
  const next = (table: string, column: string): number => {
    const row = db.prepare(`SELECT max(${column}) AS n FROM ${table}`).get();
    return Number(row?.['n'] ?? 0) + 1;
  };
  return {
    nextRow: next('recipients', 'seq'),
    nextTransaction: next('transactions', 'id'),
    nextSession: next('sessions', 'id'),
    nextBody: next('bodies', 'id'),
    nextAttempt: next('attempts', 'id'),
    nextRecord: next('records', 'seq'),
    commitSeq: writer.commitSeq,
    settings: settings
      .map((row) => [String(row['key']), String(row['value'])] as const)
      .filter(([key]) => key !== CLOSED),
    totals: writer.counters,
    usedBytes: writer.usedBytes(),
    interrupted,
    wasClosed,
    hasWaiting:
      db.prepare('SELECT 1 FROM messages WHERE is_waiting = 1 LIMIT 1').get() !== undefined,
  };
}

/** What an earlier process acknowledged; nothing else may look at the tables before. */
function settleIntake(writer: Writer, folder: string): void {
  const frames = readIntake(folder, writer.counters.settledIntake);
  writer.retryUnapplied();
  writer.apply({ number: 0, ops: packOps([]), bytes: new Uint8Array(0) }, frames);
}

export function markClosed(db: DatabaseSync, isClosed: boolean): void {
  db.prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)').run(
    CLOSED,
    isClosed ? '1' : '0',
  );
}

/** Files of bodies that no row mentions. */
export function sweepBodies(db: DatabaseSync, bodies: BodyFiles): number {
  const find = db.prepare('SELECT 1 FROM bodies WHERE id = ? AND data IS NULL');
  return bodies.sweep((id) => find.get(id) !== undefined);
}

function interruptAttempts(db: DatabaseSync): number {
  db.exec(`UPDATE messages SET was_in_flight = 1 WHERE is_waiting = 1
    AND id IN (SELECT message FROM attempts WHERE outcome IS NULL)`);
  const { changes } = db
    .prepare('UPDATE attempts SET outcome = ? WHERE outcome IS NULL')
    .run(ATTEMPT_OUTCOMES.indexOf('interrupted'));
  return Number(changes);
}
