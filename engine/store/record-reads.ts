/** KumoMTA's records: pages of all of them, newest first, and those about one row. */
import { SystemClock } from '../base/clock.ts';
import { jsonHasText } from '../base/json-search.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { ReadContext, SqlRow } from './read-context.ts';
import type { RecordEntry } from './store.ts';

export type RecordsParams = {
  limit: number;
  cursor?: string | null;
  /** Only these types; empty for all. */
  types?: string[];
  /** Only records that have this text in a value, in any case. */
  text?: string;
};

export interface RecordsRead {
  readonly records: readonly RecordEntry[];
  /** Null at the end. A page may be short of `limit`, even empty, and still have a next one. */
  readonly next: string | null;
  /** Stored records by type, whatever the filter; only in an answer without cursor. */
  readonly counts: Readonly<Record<string, number>> | null;
  readonly commitSeq: number;
}

/** Time for one page; a rare text takes several. */
const PAGE_BUDGET_MS = 150;
const LOOK_EVERY = 256;

const clock = new SystemClock();

const COLUMNS = 'seq, first_row, time_ms, block, block_index, n.name AS type';
const TYPE_NAME = 'JOIN names AS n ON n.id = records.type';

export function readRecords(context: ReadContext, params: RecordsParams): RecordsRead {
  const { limit, cursor, types = [], text = '' } = params;
  const [before = Number.MAX_SAFE_INTEGER] = cursor ? decodeCursor(cursor, 1) : [];
  const records: RecordEntry[] = [];
  let next: string | null = null;
  const deadline = clock.monotonic() + PAGE_BUDGET_MS;
  let scanned = 0;
  for (const row of scan(context, typeIds(context, types), before)) {
    const isLate = ++scanned % LOOK_EVERY === 0 && clock.monotonic() > deadline;
    if (records.length === limit || isLate) {
      next = encodeCursor([Number(row['seq']) + 1]);
      break;
    }
    const json = jsonOf(context, row);
    if (jsonHasText(json, text)) records.push(recordOf(row, json));
  }
  const counts = cursor ? null : countByType(context);
  return { records, next, counts, commitSeq: context.commitSeq() };
}

/** Everything that is recorded about a row, oldest first. */
export function readRowRecords(context: ReadContext, { seq }: { seq: number }): RecordEntry[] {
  const message = context.one(
    `SELECT m.id, m.row_count FROM recipients AS r JOIN messages AS m ON m.id = r.message
      WHERE r.seq = ?`,
    seq,
  );
  const first = Number(message?.['id'] ?? seq);
  const last = first + Number(message?.['row_count'] ?? 1) - 1;
  return context
    .all(
      `SELECT ${COLUMNS}, rows FROM records ${TYPE_NAME} WHERE first_row BETWEEN ? AND ?
        ORDER BY seq`,
      ...[first, last],
    )
    .filter((row) => rowsOf(row).includes(seq))
    .map((row) => recordOf(row, jsonOf(context, row)));
}

function rowsOf(row: SqlRow): number[] {
  const rows = row['rows'] as string | null;
  return rows === null ? [Number(row['first_row'])] : (JSON.parse(rows) as number[]);
}

function typeIds(context: ReadContext, types: readonly string[]): number[] | null {
  if (types.length === 0) return null;
  return types.flatMap((type) => {
    const row = context.one('SELECT id FROM names WHERE kind = 4 AND name = ?', type);
    return row ? [Number(row['id'])] : [];
  });
}

/** Newest first, below `before`; several types are merged. */
function* scan(context: ReadContext, types: number[] | null, before: number): Iterable<SqlRow> {
  if (types === null) {
    const all = context.db.prepare(
      `SELECT ${COLUMNS} FROM records ${TYPE_NAME} WHERE seq < ? ORDER BY seq DESC`,
    );
    yield* all.iterate(before) as Iterable<SqlRow>;
    return;
  }
  const streams = types.map((type) => {
    const one = context.db.prepare(
      `SELECT ${COLUMNS} FROM records ${TYPE_NAME} WHERE type = ? AND seq < ? ORDER BY seq DESC`,
    );
    const rows = one.iterate(type, before) as Iterator<SqlRow>;
    return { rows, head: rows.next() };
  });
  try {
    for (;;) {
      const newest = streams.reduce<(typeof streams)[number] | null>(
        (best, stream) => (seqOf(stream.head) > seqOf(best?.head) ? stream : best),
        null,
      );
      if (newest === null || newest.head.done) return;
      const row = newest.head.value;
      newest.head = newest.rows.next();
      yield row;
    }
  } finally {
    for (const stream of streams) stream.rows.return?.();
  }
}

function seqOf(head: IteratorResult<SqlRow> | undefined): number {
  return head === undefined || head.done ? 0 : Number(head.value['seq']);
}

function recordOf(row: SqlRow, json: string): RecordEntry {
  const id = /"id":"([0-9a-f]{32})"/.exec(json)?.[1];
  return {
    recordSeq: Number(row['seq']),
    type: String(row['type']),
    timeMs: Number(row['time_ms']),
    json,
    messageId: (id ?? null) as RecordEntry['messageId'],
    rowSeq: row['first_row'] as number | null,
  };
}

/** A damaged record is shown as one that says so. */
function jsonOf(context: ReadContext, row: SqlRow): string {
  try {
    return context.text(Number(row['block']), Number(row['block_index']));
  } catch (thrown) {
    const problem = `damaged: ${(thrown as Error).message}`;
    return JSON.stringify({ type: row['type'], problem });
  }
}

function countByType(context: ReadContext): Record<string, number> {
  const rows = context.all(
    `SELECT n.name, (SELECT count(*) FROM records WHERE type = n.id) AS count FROM names AS n
      WHERE n.kind = 4`,
  );
  const counted = rows.map((row) => [String(row['name']), Number(row['count'])] as const);
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}
