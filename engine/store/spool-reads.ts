/** What the queue reads: every waiting message at the start, and single messages with their bytes. */
import type { SpoolId } from '../base/ids.ts';
import type { JsonObject } from '../mail/json.ts';
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

const WAITING = `SELECT m.spool_id, m.id, m.row_count, q.name AS queue, m.due_ms, m.attempts,
  m.was_in_flight FROM messages AS m LEFT JOIN names AS q ON q.id = m.queue
  WHERE m.is_waiting = 1 ORDER BY m.due_ms, m.id`;

const LOAD = `SELECT m.*, q.name AS queue_name FROM messages AS m
  LEFT JOIN names AS q ON q.id = m.queue WHERE m.spool_id = ?`;

/** The enumeration that is under way; one at a time, at the start. */
const enumerations = new WeakMap<ReadContext, Iterator<SqlRow>>();

/** A page of waiting messages in due order; `isFirst` begins anew. */
export function readWaiting(context: ReadContext, params: JsonObject): WaitingTuple[] {
  const limit = Number(params['limit']);
  if (params['isFirst'] === true) {
    const rows = context.db.prepare(WAITING).iterate() as Iterator<SqlRow>;
    enumerations.set(context, rows);
  }
  const rows = enumerations.get(context);
  const page: WaitingTuple[] = [];
  while (rows && page.length < limit) {
    const next = rows.next();
    if (next.done) {
      enumerations.delete(context);
      break;
    }
    page.push(waitingTuple(next.value));
  }
  return page;
}

function waitingTuple(row: SqlRow): WaitingTuple {
  return [
    spoolIdOf(row['spool_id'] as Uint8Array),
    ...([Number(row['id']), Number(row['row_count']), String(row['queue'] ?? '')] as const),
    ...([Number(row['due_ms']), Number(row['attempts']), Number(row['was_in_flight'])] as const),
  ];
}

/** Messages by id, in the order asked; null for one that is not there. */
export function readLoad(context: ReadContext, params: JsonObject): (LoadedMessage | null)[] {
  return (params['ids'] as SpoolId[]).map((id) => {
    const row = context.one(LOAD, spoolKey(id));
    return row === undefined ? null : loaded(context, id, row);
  });
}

function loaded(context: ReadContext, id: SpoolId, row: SqlRow): LoadedMessage {
  let data = new Uint8Array(0);
  let problem: string | null = null;
  try {
    data = finalBytes(context, row);
    context.transfers.push(data.buffer);
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
