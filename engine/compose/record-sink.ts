/**
 * Joins records and store: every record is kept, and moves the recipient rows it is about to the
 * state it implies.
 */
import type { RecordSink } from '../log/disposition-logger.ts';
import type { Disposition, LogRecord, RecordType } from '../log/record.ts';
import type { Message } from '../mail/message.ts';
import type { RowState, Store } from '../store/store.ts';

/** What a record makes of its rows; null leaves them as they are. */
const STATE_OF: Readonly<Record<RecordType, RowState | null>> = {
  Reception: null,
  Delivery: 'delivered',
  Bounce: 'bounced',
  TransientFailure: 'deferred',
  Expiration: 'expired',
  AdminBounce: 'bounced',
  AdminRebind: null,
  OOB: null,
  Feedback: null,
  Rejection: null,
  Delayed: 'deferred',
  DeferredInjectionRebind: null,
  XferOut: null,
  XferIn: null,
};

/** Is told of every record that was kept. */
export type RecordFollower = (kept: {
  readonly record: LogRecord;
  readonly message: Message | undefined;
  readonly recordSeq: number;
  readonly rowSeqs: readonly number[];
}) => void;

/**
 * @param store asked for at each record: in strict mode it opens after the first ones
 * @param follower suppression, which may list the recipient of a failure; none in strict mode
 */
export function recordSink(store: () => Store | null, follower?: RecordFollower): RecordSink {
  return (record, disposition) => {
    const { message, response, attemptId } = disposition;
    const rowSeqs = disposition.rowSeqs ?? rowsOf(message, disposition.recipients);
    const recordSeq = store()?.addRecord({
      type: record.type,
      timeMs: Date.parse(record.event_time),
      json: JSON.stringify(record),
      messageId: message?.id ?? null,
      rowSeqs,
      state: stateOf(record, message),
      code: response.code,
      text: response.text,
      attemptId: attemptId ?? null,
    });
    if (recordSeq !== undefined) follower?.({ record, message, recordSeq, rowSeqs });
  };
}

/** Rows of the recipients that the record names, else all of the message's. */
function rowsOf(
  message: Message | undefined,
  recipients: Disposition['recipients'],
): readonly number[] {
  if (message === undefined || message.rowSeq === 0) return [];
  const rows = message.rowSeqs;
  if (recipients === undefined) return rows;
  return rows.filter((_, index) => recipients.includes(message.recipients[index]?.email ?? ''));
}

/** What ends a message that is marked, and what throws it away. */
const ENDS_MARKED: ReadonlySet<RecordType> = new Set(['Bounce', 'AdminBounce']);
const MOVES: ReadonlySet<RecordType> = new Set(['DeferredInjectionRebind', 'AdminRebind']);

/** A policy with a suppression of its own marks what it bounces by the meta `suppressed`. */
function stateOf({ type, queue }: LogRecord, message: Message | undefined): RowState | null {
  const isMarked = Boolean(message?.getMeta('suppressed'));
  const isDiscarded = MOVES.has(type) && queue === 'null';
  if (isMarked && (ENDS_MARKED.has(type) || isDiscarded)) return 'suppressed';
  return isDiscarded ? 'null' : STATE_OF[type];
}
