/**
 * The list's statements, on one connection. Runs in the list's own thread; tests use it directly.
 * An entry for the very sending domain wins over one for every sender.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { EpochMs } from '../base/clock.ts';
import { decodeCursor, encodeCursor } from '../store/cursor.ts';
import { ORIGINS } from './entry.ts';
import type { NewEntry, Origin, SuppressionEntry, SuppressionKey } from './entry.ts';

export interface ListPage {
  readonly entries: readonly SuppressionEntry[];
  /** For the next (older) page; null at the end. */
  readonly next: string | null;
  /** Entries that match, whatever the page. */
  readonly matching: number;
}

export interface PageRequest {
  readonly cursor: string | null;
  readonly limit: number;
  /** Part of an address, a domain, a reason or an origin; empty for all. */
  readonly text: string;
}

/** Entries to remove: without a sending domain, all of the recipient. */
export interface RemovedKey {
  readonly recipient: string;
  readonly sendingDomain: string | null;
}

export interface AddReport {
  readonly added: number;
  /** They were listed already and stayed, or were replaced, as asked. */
  readonly existing: number;
}

type Row = Record<string, string | number | null>;

const COLUMNS = `id, recipient, sending_domain, reason, origin, since_ms, source, record_seq,
  row_seq, hits, last_hit_ms`;

const VALUES = `INSERT INTO suppression
  (recipient, sending_domain, reason, origin, since_ms, source, record_seq, row_seq, hits, last_hit_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const MATCHES = `(?1 = '' OR recipient LIKE ?2 ESCAPE '\\' OR sending_domain LIKE ?2 ESCAPE '\\'
  OR reason LIKE ?2 ESCAPE '\\' OR origin LIKE ?2 ESCAPE '\\' OR source LIKE ?2 ESCAPE '\\')`;

export class SuppressionTable {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The entry that stops each pair; null where there is none. */
  lookUp(keys: readonly SuppressionKey[]): (SuppressionEntry | null)[] {
    const find = this.#db.prepare(
      `SELECT ${COLUMNS} FROM suppression WHERE recipient = ? AND sending_domain IN (?, '')
        ORDER BY sending_domain = '' LIMIT 1`,
    );
    return keys.map(({ recipient, sendingDomain }) => {
      const row = find.get(recipient, sendingDomain) as Row | undefined;
      return row === undefined ? null : entryOf(row);
    });
  }

  get count(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM suppression').get()?.['n'] ?? 0);
  }

  /** Changes whenever another connection has written. */
  get dataVersion(): number {
    return Number(this.#db.prepare('PRAGMA data_version').get()?.['data_version'] ?? 0);
  }

  /** Newest first. */
  page({ cursor, limit, text }: PageRequest): ListPage {
    const [beforeMs = Number.MAX_SAFE_INTEGER, beforeId = Number.MAX_SAFE_INTEGER] =
      cursor === null ? [] : decodeCursor(cursor, 2);
    const wanted = pattern(text);
    const rows = this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM suppression
          WHERE (since_ms, id) < (?3, ?4) AND ${MATCHES}
          ORDER BY since_ms DESC, id DESC LIMIT ?5`,
      )
      .all(text, wanted, beforeMs, beforeId, limit + 1) as Row[];
    const entries = rows.slice(0, limit).map(entryOf);
    const last = entries.at(-1);
    const matching =
      text === ''
        ? this.count
        : this.#db.prepare(`SELECT count(*) AS n FROM suppression WHERE ${MATCHES}`).get(text, wanted)?.['n']; // prettier-ignore
    return {
      entries,
      next: rows.length > limit && last ? encodeCursor([last.sinceMs, last.id]) : null,
      matching: Number(matching),
    };
  }

  /** All or none. `keep` leaves what is listed already as it is. */
  add(entries: readonly NewEntry[], whenListed: 'keep' | 'replace'): AddReport {
    const find = this.#db.prepare(
      'SELECT 1 FROM suppression WHERE recipient = ? AND sending_domain = ?',
    );
    const insert = this.#db.prepare(VALUES);
    const update = this.#db.prepare(
      `UPDATE suppression SET reason = ?3, origin = ?4, since_ms = ?5, source = ?6,
        record_seq = ?7, row_seq = ?8 WHERE recipient = ?1 AND sending_domain = ?2`,
    );
    return this.#atOnce(() => {
      let added = 0;
      for (const entry of entries) {
        const values = valuesOf(entry);
        const isListed = find.get(entry.recipient, entry.sendingDomain) !== undefined;
        if (!isListed) insert.run(...values, 0, null);
        else if (whenListed === 'replace') update.run(...values);
        if (!isListed) added++;
      }
      return { added, existing: entries.length - added };
    });
  }

  /** What was removed, whole, so that it can be put back. */
  removeIds(ids: readonly number[]): SuppressionEntry[] {
    const remove = this.#db.prepare(`DELETE FROM suppression WHERE id = ? RETURNING ${COLUMNS}`);
    return this.#atOnce(() => ids.flatMap((id) => (remove.all(id) as Row[]).map(entryOf)));
  }

  removeKeys(keys: readonly RemovedKey[]): SuppressionEntry[] {
    const remove = this.#db.prepare(
      `DELETE FROM suppression WHERE recipient = ?1 AND (?2 IS NULL OR sending_domain = ?2)
        RETURNING ${COLUMNS}`,
    );
    return this.#atOnce(() =>
      keys.flatMap((key) => (remove.all(key.recipient, key.sendingDomain) as Row[]).map(entryOf)),
    );
  }

  /** Puts removed entries back, hits included; those listed anew meanwhile stay as they are. */
  restore(entries: readonly SuppressionEntry[]): number {
    const insert = this.#db.prepare(VALUES.replace('INSERT', 'INSERT OR IGNORE'));
    return this.#atOnce(() =>
      entries.reduce(
        (sum, entry) =>
          sum + Number(insert.run(...valuesOf(entry), entry.hits, entry.lastHitMs).changes),
        0,
      ),
    );
  }

  countHits(ids: readonly number[], atMs: EpochMs): void {
    const update = this.#db.prepare(
      'UPDATE suppression SET hits = hits + 1, last_hit_ms = ? WHERE id = ?',
    );
    this.#atOnce(() => ids.forEach((id) => update.run(Math.round(atMs), id)));
  }

  #atOnce<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

function valuesOf(entry: NewEntry): SQLInputValue[] {
  return [
    entry.recipient,
    entry.sendingDomain,
    entry.reason,
    entry.origin,
    Math.round(entry.sinceMs),
    entry.source,
    entry.recordSeq,
    entry.rowSeq,
  ];
}

/** A script may have written anything; the list shows it all the same. */
function entryOf(row: Row): SuppressionEntry {
  const text = (name: string): string => String(row[name] ?? '');
  const number = (name: string): number | null => {
    const value = row[name];
    return value === null || value === undefined ? null : Number(value);
  };
  const origin = text('origin');
  return {
    id: Number(row['id']),
    recipient: text('recipient').toLowerCase(),
    sendingDomain: text('sending_domain').toLowerCase(),
    reason: text('reason'),
    origin: (ORIGINS as readonly string[]).includes(origin) ? (origin as Origin) : 'policy',
    sinceMs: Number(row['since_ms']) || 0,
    source: text('source'),
    recordSeq: number('record_seq'),
    rowSeq: number('row_seq'),
    hits: Number(row['hits']) || 0,
    lastHitMs: number('last_hit_ms'),
  };
}

/** `%…%` with the characters that LIKE reads taken literally. */
function pattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
