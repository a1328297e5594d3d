/**
 * The named reads: what may be asked of the reader's thread, with parameters and result. Further
 * folders add theirs by augmenting `StoreReads` and naming their module when the store is opened
 * (`search/search-reads.ts`).
 */
import type { SpoolId } from '../base/ids.ts';
import { readBody } from './body-reads.ts';
import type { BodyParams, BodyRead } from './body-reads.ts';
import { readAttempts, readTrace } from './journey-reads.ts';
import type { AttemptRead, TraceRead } from './journey-reads.ts';
import { readQueueLeft, readQueueMessages } from './queue-reads.ts';
import type { QueueMessage, QueueMessagesRead } from './queue-reads.ts';
import type { ReadTable } from './read-context.ts';
import { readRecords, readRowRecords } from './record-reads.ts';
import type { RecordsParams, RecordsRead } from './record-reads.ts';
import {
  readDeletedFiles,
  readMaildirRows,
  readMessageRows,
  readRow,
  readRowsBySeq,
} from './row-reads.ts';
import type { RowRead } from './row-reads.ts';
import { readAudit, readLedger, readMaildirDeliveries, readStateCounts } from './side-reads.ts';
import type {
  AuditEntry,
  BoundedCount,
  LedgerEntry,
  Page,
  PageParams,
  StoredDelivery,
} from './side-reads.ts';
import { readLoad, readWaiting } from './spool-reads.ts';
import type { RecordEntry, RowState, RowSummary } from './store.ts';

export interface StoreReads {
  /** Rows by number, in the order asked; those that are gone are left out. */
  rowsBySeq: { params: { seqs: number[] }; result: RowSummary[] };
  /** Everything stored about one row, without bytes; null when it is gone. */
  row: { params: { seq: number }; result: RowRead | null };
  /** The rows of a message. */
  messageRows: { params: { id: SpoolId }; result: RowSummary[] };
  /** Which rows the files of a maildir came from. */
  maildirRows: { params: { path: string; uniques: string[] }; result: Record<string, number> };
  /** Conversation and policy calls of the row's transaction. */
  trace: { params: { seq: number }; result: TraceRead | null };
  /** Attempts for a row with their transcripts, first attempt first. */
  attempts: { params: { seq: number }; result: AttemptRead[] };
  /** Bytes of a row's message, as sent or as delivered, whole or a range. */
  body: { params: BodyParams; result: BodyRead | null };
  records: { params: RecordsParams; result: RecordsRead };
  /** Records about one row, oldest first. */
  rowRecords: { params: { seq: number }; result: RecordEntry[] };
  /** Messages that wait in a queue, by due time. */
  queueMessages: {
    params: { queue: string; limit: number; cursor?: string | null };
    result: QueueMessagesRead;
  };
  /** Messages that left a queue lately, latest first. */
  queueLeft: {
    params: { queue: string; sinceMs: number; limit: number };
    result: QueueMessage[];
  };
  stateCounts: { params: object; result: Record<RowState, BoundedCount> };
  audit: { params: PageParams; result: Page<AuditEntry> };
  ledger: { params: PageParams; result: Page<LedgerEntry> };
  /** Files of these rows that no row stands for any more, since all of them are deleted. */
  deletedFiles: {
    params: { seqs: readonly number[] };
    result: { seq: number; path: string; unique: string }[];
  };
  maildirDeliveries: {
    params: { afterAttempt: number; limit: number };
    result: StoredDelivery[];
  };
}

export const reads: ReadTable = {
  rowsBySeq: readRowsBySeq,
  row: readRow,
  messageRows: readMessageRows,
  maildirRows: readMaildirRows,
  deletedFiles: readDeletedFiles,
  trace: readTrace,
  attempts: readAttempts,
  body: readBody,
  records: readRecords,
  rowRecords: readRowRecords,
  queueMessages: readQueueMessages,
  queueLeft: readQueueLeft,
  stateCounts: readStateCounts,
  audit: readAudit,
  ledger: readLedger,
  maildirDeliveries: readMaildirDeliveries,
  // For `message-loader.ts` only.
  waiting: readWaiting,
  load: readLoad,
};
