/** What the queue reads: every waiting message at the start, and single messages with their bytes. */
import type { SpoolId } from '../base/ids.ts';
import { finalBytes } from './body-reads.ts';
import type { ReadContext, SqlRow } from './read-context.ts';
import { spoolIdOf, spoolKey } from './spool-key.ts';

export type WaitingTuple = readonly [
  id: SpoolId,
  rowSeq: number,
  rowCount: number,
  queue: string,
  due: number,
  attempts: number,
  wasInFlight: number,
];

export interface LoadedMessage {
  readonly rowSeq: number;
  readonly queue: string;
  readonly attempts: number;
  readonly due: number | null;
  readonly envelope: string;
  readonly meta: string;
  readonly scheduling: string | null;
  readonly data: Uint8Array;
  /** Why the bytes cannot be had; then `data` is empty. */
  readonly problem: string | null;
}

/**
 * By the index of waiting messages when few of many wait; when most do, reading the table once and
 * sorting is three times faster than fetching each row.
 */
function waitingSql(isDense: boolean): string {
  return `SELECT m.spool_id, m.id, m.row_count, q.name, m.due_ms, m.attempts, m.was_in_flight
    FROM messages AS m ${isDense ? 'NOT INDEXED' : 'INDEXED BY messages_waiting'}
    LEFT JOIN names AS q ON q.id = m.queue WHERE m.is_waiting = 1 ORDER BY m.due_ms, m.id`;
}

/** One in so many waiting messages makes the table dense. */
const DENSE_SHARE = 8;

const LOAD = `SELECT m.*, q.name AS queue_name FROM messages AS m
  LEFT JOIN names AS q ON q.id = m.queue WHERE m.spool_id = ?`;

type WaitingRow = [Uint8Array, number, number, string | null, number, number, number];

/**
 * Smaller bodies are copied to the main thread: memory that was given away does not count for the
 * collector there, which then leaves a lot of it lying about.
 */
const TRANSFER_BYTES_MIN = 64 * 1024;

/** The enumeration that is under way; one at a time, at the start. */
const enumerations = new WeakMap<ReadContext, Iterator<WaitingRow>>();

/** A page of waiting messages in due order; `isFirst` begins anew. */
export function readWaiting(
  context: ReadContext,
  { isFirst, limit }: { isFirst: boolean; limit: number },
): WaitingTuple[] {
  if (isFirst) enumerations.set(context, enumerate(context));
  const rows = enumerations.get(context);
  const page: WaitingTuple[] = [];
  while (rows && page.length < limit) {
    const next = rows.next();
    if (next.done) {
      enumerations.delete(context);
      break;
    }
    const [spoolId, id, rowCount, queue, due, attempts, wasInFlight] = next.value;
    page.push([spoolIdOf(spoolId), id, rowCount, queue ?? '', due, attempts, wasInFlight]);
  }
  return page;
}

function enumerate(context: ReadContext): Iterator<WaitingRow> {
  const counts =
    context.one(`SELECT (SELECT count(*) FROM messages WHERE is_waiting = 1) AS waiting,
    (SELECT count(*) FROM transactions) AS stored`);
  const isDense = Number(counts?.['waiting']) * DENSE_SHARE > Number(counts?.['stored']);
  const statement = context.db.prepare(waitingSql(isDense));
  statement.setReturnArrays(true);
  return statement.iterate() as unknown as Iterator<WaitingRow>;
}

/** Messages by id, in the order asked; null for one that is not there. */
export function readLoad(
  context: ReadContext,
  { ids }: { ids: SpoolId[] },
): (LoadedMessage | null)[] {
  return ids.map((id) => {
    const row = context.one(LOAD, spoolKey(id));
    return row === undefined ? null : loaded(context, id, row);
  });
}

function loaded(context: ReadContext, id: SpoolId, row: SqlRow): LoadedMessage {
  let data = new Uint8Array(0);
  let problem: string | null = null;
  try {
    data = finalBytes(context, row);
    if (data.byteLength >= TRANSFER_BYTES_MIN) context.transfers.push(data.buffer);
  } catch (thrown) {
    problem = `Cannot load message ${id}: ${(thrown as Error).message}`;
  }
  return {
    rowSeq: Number(row['id']),
    queue: String(row['queue_name'] ?? ''),
    attempts: Number(row['attempts']),
    due: Number(row['due_ms']) || null,
    envelope: String(row['envelope']),
    meta: String(row['meta']),
    scheduling: row['scheduling'] as string | null,
    data,
    problem,
  };
}
