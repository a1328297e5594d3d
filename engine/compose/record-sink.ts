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
      state: stateOf(record.type, message),
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

/** A policy with a suppression of its own marks what it bounces by the meta `suppressed`. */
function stateOf(type: RecordType, message: Message | undefined): RowState | null {
  const isSuppressed = Boolean(message?.getMeta('suppressed'));
  return isSuppressed && (type === 'Bounce' || type === 'AdminBounce')
    ? 'suppressed'
    : STATE_OF[type];
}
