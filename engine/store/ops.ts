/**
 * What the main thread tells the writer. Operations are tuples, not objects: the names of a
 * hundred properties cost four times as much to hand to a worker as their values. Bytes travel in
 * one buffer per batch, transferred; an operation holds `[offset, length]` pairs into it.
 */
import { deserialize, serialize } from 'node:v8';
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';

export const OP = {
  transaction: 0,
  updateMessage: 1,
  removeFromQueue: 2,
  beginAttempt: 3,
  endAttempt: 4,
  record: 5,
  setting: 6,
  audit: 7,
  ledger: 8,
  deleteRows: 9,
  patchRow: 10,
  linkRecord: 11,
  shiftDue: 12,
  setQueueDue: 13,
} as const;

/** Numbers in the database; never renumbered. */
export const ROW_STATES = [
  'queued',
  'deferred',
  'delivered',
  'bounced',
  'expired',
  'suppressed',
  'rejected',
  'null',
  'aborted',
] as const;

/** Numbers in the database; never renumbered. `interrupted` is written by the start after a crash. */
export const ATTEMPT_OUTCOMES = [
  'delivered',
  'deferred',
  'bounced',
  'cancelled',
  'interrupted',
] as const;

export type SessionTuple = readonly [
  id: number,
  uuid: string,
  protocol: string,
  listener: string,
  peer: string,
  startedMs: EpochMs,
  startedRealMs: EpochMs,
  ehlo: string | null,
  tlsVersion: string | null,
  tlsCipher: string | null,
  auth: string | null,
];

export type MessageTuple = readonly [
  rowSeq: number,
  spoolId: SpoolId,
  rowCount: number,
  queue: string,
  isWaiting: 0 | 1,
  attempts: number,
  due: EpochMs | null,
  /** The body that the final bytes end with. */
  bodyId: number,
  /** Where that body's bytes are, when it is this message's own; length -1 when it is shared. */
  bodyStart: number,
  bodySize: number,
  /** What stands before the body; length 0 when nothing does. */
  prefixStart: number,
  prefixSize: number,
  size: number,
  envelope: string,
  meta: string,
  scheduling: string | null,
];

export type RowTuple = readonly [
  seq: number,
  state: number,
  code: number | null,
  route: string,
  /** `rowSeq` of its message, or null. */
  message: number | null,
  size: number,
  recipient: string | null,
  subject: string,
  lastText: string,
];

export type TransactionOp = readonly [
  op: typeof OP.transaction,
  id: number,
  session: SessionTuple,
  startedMs: EpochMs,
  endedMs: EpochMs,
  startedRealMs: EpochMs,
  code: number | null,
  sender: string | null,
  reply: string,
  isTls: 0 | 1,
  isAuth: 0 | 1,
  /** The bytes as sent; null when none arrived. */
  bodyId: number | null,
  bodyStart: number,
  bodySize: number,
  /** JSON of transcript and events. */
  trace: string,
  firstRow: number,
  messages: readonly MessageTuple[],
  rows: readonly RowTuple[],
];

export type UpdateMessageOp = readonly [
  op: typeof OP.updateMessage,
  rowSeq: number,
  queue: string,
  attempts: number,
  due: EpochMs | null,
  /** Null leaves route, content and body as they are. */
  route: string | null,
  content: readonly [envelope: string, meta: string, scheduling: string | null] | null,
  body: readonly [id: number, start: number, size: number] | null,
];

export type RemoveOp = readonly [op: typeof OP.removeFromQueue, rowSeq: number];

export type BeginAttemptOp = readonly [
  op: typeof OP.beginAttempt,
  id: number,
  message: number,
  rowSeqs: readonly number[],
  number: number,
  dueMs: EpochMs | null,
  startedMs: EpochMs,
  startedRealMs: EpochMs,
  nextDueMs: EpochMs | null,
  where: readonly [
    protocol: string,
    site: string,
    pool: string | null,
    source: string | null,
    route: string | null,
  ],
];

export type EndAttemptOp = readonly [
  op: typeof OP.endAttempt,
  id: number,
  endedMs: EpochMs,
  durationMs: number,
  outcome: number,
  code: number | null,
  text: string,
  peer: string | null,
  nextDueMs: EpochMs | null,
  /** JSON of details, transcript and events. */
  trace: string,
  maildirs: readonly (readonly [rowSeq: number, path: string, unique: string])[],
];

export type RecordOp = readonly [
  op: typeof OP.record,
  seq: number,
  type: string,
  timeMs: EpochMs,
  realMs: EpochMs,
  json: string,
  rowSeqs: readonly number[],
  state: number | null,
  code: number,
  text: string,
  attemptId: number | null,
];

export type SettingOp = readonly [op: typeof OP.setting, key: string, value: string];

export type AuditOp = readonly [
  op: typeof OP.audit,
  timeMs: EpochMs,
  who: string,
  verb: string,
  detail: string,
];

export type LedgerOp = readonly [
  op: typeof OP.ledger,
  timeMs: EpochMs,
  kind: string,
  target: string,
  isAllowed: 0 | 1,
  why: string,
];

export type DeleteRowsOp = readonly [
  op: typeof OP.deleteRows,
  seqs: readonly number[],
  isDeleted: 0 | 1,
];

export type PatchRowOp = readonly [
  op: typeof OP.patchRow,
  seq: number,
  subject: string | null,
  hasAttachment: 0 | 1 | null,
];

/** Names the row of a record that was written before its row. */
export type LinkRecordOp = readonly [op: typeof OP.linkRecord, recordSeq: number, rowSeq: number];

/** The clock was set back: every due time moves with it. */
export type ShiftDueOp = readonly [op: typeof OP.shiftDue, byMs: number];

export type SetQueueDueOp = readonly [op: typeof OP.setQueueDue, queue: string, dueMs: EpochMs];

export type Op =
  | TransactionOp
  | UpdateMessageOp
  | RemoveOp
  | BeginAttemptOp
  | EndAttemptOp
  | RecordOp
  | SettingOp
  | AuditOp
  | LedgerOp
  | DeleteRowsOp
  | PatchRowOp
  | LinkRecordOp
  | ShiftDueOp
  | SetQueueDueOp;

export interface Batch {
  readonly number: number;
  readonly ops: readonly Op[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A batch on its way to the writer. */
export interface PackedBatch {
  readonly number: number;
  readonly ops: Uint8Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function packOps(ops: readonly Op[]): Uint8Array<ArrayBuffer> {
  return serialize(ops) as Uint8Array<ArrayBuffer>;
}

export function unpackOps(packed: Uint8Array): readonly Op[] {
  return deserialize(packed) as readonly Op[];
}

/** How a batch ended. */
export interface BatchResult {
  readonly number: number;
  readonly commitSeq: number;
  /** Disk in use: pages of the database and body files. */
  readonly usedBytes: number;
  readonly totals: Totals;
}

/** Counted with each commit, never by scanning. */
export interface Totals {
  /** Recipient rows, soft-deleted ones included. */
  readonly rows: number;
  readonly deletedRows: number;
  readonly transactions: number;
  readonly records: number;
  readonly bodyBytes: number;
  /** Bytes of bodies kept as files. */
  readonly fileBytes: number;
  /** Taken by retention so far. */
  readonly expiredTransactions: number;
  readonly expiredBytes: number;
  /** Number of the newest batch of the intake that is in the tables. */
  readonly settledIntake: number;
}
