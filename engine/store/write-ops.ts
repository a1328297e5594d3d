/**
 * One function per operation of `ops.ts`: the statements that it means. They run inside the
 * writer's transaction and throw whatever SQLite or the disk throws.
 */
import { FILE_BODY_BYTES_MIN } from './bodies.ts';
import { NAME_KINDS } from './names.ts';
import { OP } from './ops.ts';
import type {
  BeginAttemptOp,
  DeleteRowsOp,
  EndAttemptOp,
  MessageTuple,
  Op,
  PatchRowOp,
  RecordOp,
  RowTuple,
  TransactionOp,
  UpdateMessageOp,
} from './ops.ts';
import { spoolKey } from './spool-key.ts';
import type { WriteContext } from './writer.ts';

/** Rows per run of `row_times`. */
export const RUN_ROWS = 1024;

export function applyOp(context: WriteContext, op: Op): void {
  const { sql } = context;
  switch (op[0]) {
    case OP.transaction:
      return insertTransaction(context, op);
    case OP.updateMessage:
      return updateMessage(context, op);
    case OP.removeFromQueue:
      return void sql.removeFromQueue.run(op[1]);
    case OP.beginAttempt:
      return beginAttempt(context, op);
    case OP.endAttempt:
      return endAttempt(context, op);
    case OP.record:
      return insertRecord(context, op);
    case OP.setting:
      return void sql.setSetting.run(op[1], op[2]);
    case OP.audit:
      return void sql.insertAudit.run(op[1], op[2], op[3], op[4]);
    case OP.ledger:
      return void sql.insertLedger.run(op[1], op[2], op[3], op[4], op[5]);
    case OP.deleteRows:
      return deleteRows(context, op);
    case OP.patchRow:
      return patchRow(context, op);
    case OP.linkRecord:
      return void sql.linkRecord.run(op[2], op[1]);
    case OP.setQueueDue:
      return void sql.setQueueDue.run(op[2], context.names.id(NAME_KINDS.queue, op[1]));
    case OP.shiftDue:
      return void sql.shiftDue.run(op[1]);
  }
}

function insertTransaction(context: WriteContext, op: TransactionOp): void {
  const { sql, counters } = context;
  const [
    ,
    id,
    session,
    startedMs,
    endedMs,
    startedRealMs,
    code,
    sender,
    reply,
    isTls,
    isAuth,
    bodyId,
    bodyStart,
    bodySize,
    trace,
    firstRow,
    messages,
    rows,
  ] = op;
  context.sessions.ensure(session);
  context.sessionCounts.set(session[0], (context.sessionCounts.get(session[0]) ?? 0) + 1);
  if (bodyId !== null) insertBody(context, bodyId, bodyStart, bodySize);
  const place = context.traces.add(trace, id);
  sql.insertTransaction.run(
    ...[id, session[0], firstRow, rows.length, startedMs, endedMs, startedRealMs, code, bodyId],
    ...[place.block, place.index, sender, reply],
  );
  for (const message of messages) insertMessage(context, id, message);
  for (const row of rows) insertRow(context, { id, startedMs, sender, isTls, isAuth }, row);
  counters.transactions++;
  counters.rows += rows.length;
}

function insertBody(context: WriteContext, id: number, start: number, size: number): void {
  const { sql, bodies, counters, bytes } = context;
  const body = bytes.subarray(start, start + size);
  const isFile = size >= FILE_BODY_BYTES_MIN;
  if (isFile) bodies.write(id, body);
  sql.insertBody.run(id, size, isFile ? null : body);
  counters.bodyBytes += size;
  if (isFile) counters.fileBytes += size;
}

function insertMessage(context: WriteContext, tx: number, message: MessageTuple): void {
  const { sql, names, bytes } = context;
  const [
    rowSeq,
    spoolId,
    rowCount,
    queue,
    isWaiting,
    attempts,
    due,
    bodyId,
    bodyStart,
    bodySize,
    prefixStart,
    prefixSize,
    size,
    envelope,
    meta,
    scheduling,
  ] = message;
  if (bodySize >= 0) insertBody(context, bodyId, bodyStart, bodySize);
  const prefix = prefixSize > 0 ? bytes.subarray(prefixStart, prefixStart + prefixSize) : null;
  sql.insertMessage.run(
    ...[rowSeq, spoolKey(spoolId), tx, rowCount, names.id(NAME_KINDS.queue, queue), isWaiting],
    ...[attempts, due ?? 0, bodyId, size, prefix, envelope, meta, scheduling],
  );
}

function insertRow(
  context: WriteContext,
  tx: { id: number; startedMs: number; sender: string | null; isTls: 0 | 1; isAuth: 0 | 1 },
  row: RowTuple,
): void {
  const [seq, state, code, route, message, size, recipient, subject, lastText] = row;
  const routeId = context.names.id(NAME_KINDS.route, route);
  context.sql.insertRow.run(
    ...[seq, state, code, tx.isTls, tx.isAuth, routeId, tx.id, message, size],
    ...[tx.startedMs, tx.sender, recipient, subject, lastText],
  );
  const run = Math.floor(seq / RUN_ROWS);
  const times = context.runs.get(run);
  if (times === undefined) {
    context.runs.set(run, [tx.startedMs, tx.startedMs]);
  } else {
    times[0] = Math.min(times[0], tx.startedMs);
    times[1] = Math.max(times[1], tx.startedMs);
  }
}

function updateMessage(context: WriteContext, op: UpdateMessageOp): void {
  const { sql, names } = context;
  const [, id, queue, attempts, due, route, content, body] = op;
  sql.updateMessage.run(names.id(NAME_KINDS.queue, queue), attempts, due ?? 0, id);
  if (route !== null) {
    const routeId = names.id(NAME_KINDS.route, route);
    sql.updateRoute.run(routeId, id, id, routeId);
  }
  if (content !== null) sql.updateContent.run(...content, id);
  if (body === null) return;
  const [bodyId, start, size] = body;
  forgetOwnBody(context, id);
  insertBody(context, bodyId, start, size);
  sql.updateBody.run(bodyId, size, id);
  sql.updateSize.run(size, id, id);
}

function forgetOwnBody(context: WriteContext, message: number): void {
  const { sql, counters, staleFiles } = context;
  const row = sql.deleteOwnBody.get(message);
  if (!row) return;
  const size = Number(row['size']);
  counters.bodyBytes -= size;
  if (row['is_file'] !== 1) return;
  counters.fileBytes -= size;
  staleFiles.push(Number(row['id']));
}

function beginAttempt(context: WriteContext, op: BeginAttemptOp): void {
  const { sql, names } = context;
  const [, id, message, rowSeqs, number, dueMs, startedMs, startedRealMs, nextDueMs, where] = op;
  const [protocol, site, pool, source, route] = where;
  sql.insertAttempt.run(
    ...[id, message, rowList(rowSeqs), number, dueMs, startedMs, startedRealMs, nextDueMs],
    ...[protocol, site, pool, source],
  );
  sql.attemptBegan.run(number, nextDueMs ?? 0, message);
  if (route === null) return;
  const routeId = names.id(NAME_KINDS.route, route);
  for (const seq of rowSeqs) sql.setRoute.run(routeId, seq, routeId);
}

function endAttempt(context: WriteContext, op: EndAttemptOp): void {
  const { sql, names } = context;
  const [, id, endedMs, durationMs, outcome, code, text, peer, nextDueMs, trace, maildirs] = op;
  const { block, index } = context.attempts.add(trace, id);
  sql.endAttempt.run(
    ...[endedMs, durationMs, outcome, code, text, peer, nextDueMs, block, index, id],
  );
  if (nextDueMs !== null) sql.attemptEnded.run(nextDueMs, id);
  for (const [rowSeq, path, unique] of maildirs) {
    sql.setMaildir.run(names.id(NAME_KINDS.maildir, path), unique, rowSeq);
  }
}

function insertRecord(context: WriteContext, op: RecordOp): void {
  const { sql, names, counters } = context;
  const [, seq, type, timeMs, realMs, json, rowSeqs, state, code, text, attemptId] = op;
  const { block, index } = context.records.add(json, seq);
  const typeId = names.id(NAME_KINDS.recordType, type);
  sql.insertRecord.run(
    ...[seq, typeId, rowSeqs[0] ?? null, rowList(rowSeqs), attemptId, code, timeMs, realMs],
    ...[block, index],
  );
  counters.records++;
  if (state === null) return;
  for (const rowSeq of rowSeqs) sql.setState.run(state, code, text, rowSeq);
}

function deleteRows(context: WriteContext, op: DeleteRowsOp): void {
  const { sql, counters } = context;
  const [, seqs, isDeleted] = op;
  for (const seq of seqs) {
    const { changes } = sql.setDeleted.run(isDeleted, seq, isDeleted);
    counters.deletedRows += isDeleted === 1 ? Number(changes) : -Number(changes);
  }
}

function patchRow(context: WriteContext, op: PatchRowOp): void {
  const [, seq, subject, hasAttachment] = op;
  if (subject !== null) context.sql.setSubject.run(subject, seq);
  if (hasAttachment !== null) context.sql.setAttachment.run(hasAttachment, seq);
}

/** Rows after the first, when there are any: `[seq, …]`. */
function rowList(rowSeqs: readonly number[]): string | null {
  return rowSeqs.length > 1 ? JSON.stringify(rowSeqs) : null;
}
