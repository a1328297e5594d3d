/**
 * Turns what the stages hand over into operations for the writer, and into the summaries that the
 * change feed shows. Pure, but for the numbers it draws and the bytes it reserves room for.
 */
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { Message } from '../mail/message.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import { listedSubject } from './listed-subject.ts';
import { OP, ROW_STATES } from './ops.ts';
import type { MessageTuple, RowTuple, SessionTuple, TransactionOp } from './ops.ts';
import type { RowState, RowSummary, SessionFacts, StoredTransaction } from './store.ts';
import { subjectOf } from './subject.ts';

/** Draws numbers and keeps bytes for the batch that is being collected. */
export interface EncodeContext {
  nextTransaction(): number;
  nextBody(): number;
  nextRows(count: number): number;
  sessionTuple(session: SessionFacts): SessionTuple;
  /** Keeps bytes for the batch and says where they will be in its buffer. */
  reserve(bytes: Uint8Array): number;
}

export interface EncodedTransaction {
  readonly op: TransactionOp;
  /** The refused rows follow those of the messages. */
  readonly firstRefusedRow: number;
  /** The messages as the list shows them; made only on demand. */
  summaries(): RowSummary[];
}

export function encodeTransaction(
  transaction: StoredTransaction,
  context: EncodeContext,
): EncodedTransaction {
  const { session, body, messages, refused } = transaction;
  const id = context.nextTransaction();
  const rowCount = messages.reduce((sum, m) => sum + m.message.recipients.length, 0);
  const firstRow = context.nextRows(rowCount + refused.length);
  const bodyId = body === null ? null : context.nextBody();
  const bodyStart = body === null ? 0 : context.reserve(body);
  const original = body === null || bodyId === null ? null : { id: bodyId, bytes: body };
  const messageTuples: MessageTuple[] = [];
  const rowTuples: RowTuple[] = [];
  let seq = firstRow;
  let subjectBytes: Uint8Array | null = null;
  let subject = '';
  for (const entry of messages) {
    const { message } = entry;
    message.rowSeq = seq;
    message.isDirty = false;
    messageTuples.push(encodeMessage(entry, original, context));
    if (message.data !== subjectBytes) {
      subjectBytes = message.data;
      subject = listedSubject(message);
    }
    const state = stateNumber(entry.state);
    for (const recipient of message.recipients) {
      rowTuples.push([
        seq++,
        state,
        transaction.code,
        entry.route ?? '',
        message.rowSeq,
        message.residentSize,
        recipient.email,
        subject,
        transaction.replyText,
      ]);
    }
  }
  const size = body?.byteLength ?? 0;
  const refusedSubject = body === null || refused.length === 0 ? '' : subjectOf(body);
  for (const row of refused) {
    const state = stateNumber(row.state);
    rowTuples.push([
      ...([seq++, state, row.code, row.route ?? '', null, size] as const),
      ...([row.recipient, refusedSubject, row.text] as const),
    ]);
  }
  const op: TransactionOp = [
    OP.transaction,
    id,
    context.sessionTuple(session),
    transaction.startedMs,
    transaction.endedMs,
    transaction.startedRealMs,
    transaction.code,
    transaction.sender,
    transaction.replyText,
    session.tls === null ? 0 : 1,
    session.auth === null ? 0 : 1,
    bodyId,
    bodyStart,
    size,
    JSON.stringify({ transcript: transaction.transcript, events: transaction.events }),
    firstRow,
    messageTuples,
    rowTuples,
  ];
  return {
    op,
    firstRefusedRow: firstRow + rowCount,
    summaries: () => summariesOf(transaction, op),
  };
}

/** Of a message that came by no session of its own, as a transaction. */
export function loneTransaction(
  message: Message,
  queue: string,
  origin: SessionFacts,
  startedRealMs: EpochMs,
): StoredTransaction {
  return {
    session: origin,
    startedMs: message.createdMs,
    endedMs: message.createdMs,
    startedRealMs,
    sender: message.sender.email,
    code: null,
    replyText: '',
    body: message.data,
    messages: [{ message, queue, state: 'queued' }],
    refused: [],
    transcript: [],
    events: [],
  };
}

function encodeMessage(
  entry: StoredTransaction['messages'][number],
  original: { id: number; bytes: Uint8Array } | null,
  context: EncodeContext,
): MessageTuple {
  const { message, queue } = entry;
  const { data } = message;
  const prefixSize = original === null ? -1 : prefixLength(data, original.bytes);
  const isShared = original !== null && prefixSize >= 0;
  return [
    message.rowSeq,
    message.id,
    message.recipients.length,
    queue,
    (entry.isWaiting ?? entry.state === 'queued') ? 1 : 0,
    message.numAttempts,
    message.due,
    isShared ? original.id : context.nextBody(),
    isShared ? 0 : context.reserve(data),
    isShared ? -1 : data.byteLength,
    prefixSize > 0 ? context.reserve(data.subarray(0, prefixSize)) : 0,
    Math.max(prefixSize, 0),
    data.byteLength,
    encodeEnvelope(message),
    JSON.stringify(message.meta),
    encodeScheduling(message.scheduling),
  ];
}

/** Bytes before `original` when `data` ends with it, else -1. */
function prefixLength(data: Uint8Array, original: Uint8Array): number {
  const length = data.byteLength - original.byteLength;
  if (length < 0) return -1;
  if (data === original) return 0;
  return Buffer.compare(data.subarray(length), original) === 0 ? length : -1;
}

function summariesOf(transaction: StoredTransaction, op: TransactionOp): RowSummary[] {
  const [, transactionId, , startedMs, , , , sender, , isTls, isAuth] = op;
  const rows = op[17];
  const byRow = new Map<
    number,
    { id: SpoolId; queue: string; due: number | null; tries: number }
  >();
  for (const { message, queue } of transaction.messages) {
    const due = message.due;
    byRow.set(message.rowSeq, { id: message.id, queue, due, tries: message.numAttempts });
  }
  return rows.map(([seq, state, code, route, messageRow, size, to, subject, lastText]) => {
    const message = messageRow === null ? undefined : byRow.get(messageRow);
    return {
      seq,
      transactionId,
      messageId: message?.id ?? null,
      timeMs: startedMs,
      state: ROW_STATES[state] ?? 'queued',
      code,
      from: sender,
      to,
      subject,
      route,
      queue: message?.queue ?? '',
      attempts: message?.tries ?? 0,
      nextDueMs: state === QUEUED ? (message?.due ?? null) : null,
      sizeBytes: size,
      hasAttachment: false,
      isTls: isTls === 1,
      isAuth: isAuth === 1,
      lastText,
      isDeleted: false,
    };
  });
}

export function stateNumber(state: RowState): number {
  return ROW_STATES.indexOf(state);
}

const QUEUED = stateNumber('queued');

type AddressTuple = [email: string, user: string, domain: string];
type EnvelopeTuple = [
  sender: AddressTuple,
  recipients: AddressTuple[],
  rowOffsets: readonly number[] | null,
];

/** Sender, recipients, and which rows those are. */
export function encodeEnvelope(message: Message): string {
  const tuple: EnvelopeTuple = [
    addressTuple(message.sender),
    message.recipients.map(addressTuple),
    message.rowOffsets,
  ];
  return JSON.stringify(tuple);
}

/** @throws {Error} the text is damaged */
export function decodeEnvelope(text: string): {
  sender: EnvelopeAddress;
  recipients: EnvelopeAddress[];
  rowOffsets: readonly number[] | null;
} {
  const [sender, recipients, rowOffsets] = JSON.parse(text) as EnvelopeTuple;
  return { sender: addressOf(sender), recipients: recipients.map(addressOf), rowOffsets };
}

function addressTuple({ email, user, domain }: EnvelopeAddress): AddressTuple {
  return [email, user, domain];
}

function addressOf([email, user, domain]: AddressTuple): EnvelopeAddress {
  return { email, user, domain };
}

export function encodeScheduling(scheduling: Scheduling | null): string | null {
  return scheduling === null ? null : JSON.stringify(scheduling);
}
