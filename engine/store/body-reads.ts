/** Bytes of messages: as sent, as delivered, whole or a range of them. */
import type { ReadContext, SqlRow } from './read-context.ts';

export type BodyParams = {
  seq: number;
  which: 'original' | 'final';
  /** First byte wanted, default 0. */
  offset?: number;
  /** Bytes wanted at most, default all. */
  length?: number;
};

export interface BodyRead {
  readonly bytes: Uint8Array;
  /** Of the whole body. */
  readonly sizeBytes: number;
}

/** A message's row, or the columns of it that name bytes. */
interface FinalPlace {
  readonly prefix: Uint8Array | null;
  readonly body: number;
}

const PLACE = `SELECT t.body AS original, m.body, m.prefix
  FROM recipients AS r JOIN transactions AS t ON t.id = r.tx
  LEFT JOIN messages AS m ON m.id = r.message WHERE r.seq = ?`;

/**
 * The bytes of a row; null when there is no such row, or no data ever arrived for it.
 * @throws {Error} they are damaged
 */
export function readBody(context: ReadContext, params: BodyParams): BodyRead | null {
  const { seq, which, offset = 0, length = Infinity } = params;
  const row = context.one(PLACE, seq);
  if (!row) return null;
  const original = row['original'] as number | null;
  const body = row['body'] as number | null;
  const wanted = which === 'original' ? (original ?? body) : (body ?? original);
  if (wanted === null) return null;
  const hasPrefix = wanted === body && which === 'final';
  const prefix = hasPrefix ? (row['prefix'] as Uint8Array | null) : null;
  const { bytes, sizeBytes } = sliceOf(context, { prefix, body: wanted }, offset, length);
  context.transfers.push(bytes.buffer);
  return { bytes, sizeBytes };
}

/**
 * All bytes of a message, in an array of their own.
 * @throws {Error} they are damaged
 */
export function finalBytes(context: ReadContext, row: SqlRow): Uint8Array<ArrayBuffer> {
  const place = { prefix: row['prefix'] as Uint8Array | null, body: Number(row['body']) };
  return sliceOf(context, place, 0, Infinity).bytes;
}

function sliceOf(
  context: ReadContext,
  { prefix, body }: FinalPlace,
  offset: number,
  length: number,
): { bytes: Uint8Array<ArrayBuffer>; sizeBytes: number } {
  const prefixSize = prefix?.byteLength ?? 0;
  const sizeBytes = prefixSize + sizeOf(context, body);
  const start = Math.min(Math.max(offset, 0), sizeBytes);
  const end = Math.min(start + Math.max(length, 0), sizeBytes);
  const fromPrefix = prefix?.subarray(start, Math.min(end, prefixSize)) ?? new Uint8Array(0);
  const bodyStart = Math.max(start - prefixSize, 0);
  const bodyLength = Math.max(end - prefixSize - bodyStart, 0);
  const fromBody = bodySlice(context, body, bodyStart, bodyLength);
  if (fromPrefix.byteLength === 0) return { bytes: fromBody, sizeBytes };
  const bytes = new Uint8Array(fromPrefix.byteLength + fromBody.byteLength);
  bytes.set(fromPrefix);
  bytes.set(fromBody, fromPrefix.byteLength);
  return { bytes, sizeBytes };
}

function sizeOf(context: ReadContext, body: number): number {
  const size = context.one('SELECT size FROM bodies WHERE id = ?', body)?.['size'];
  if (size === undefined) throw new Error(`Cannot read body ${body}: it is missing`);
  return Number(size);
}

function bodySlice(
  context: ReadContext,
  body: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const row = context.one(
    'SELECT size, data IS NULL AS is_file, substr(data, ?, ?) AS slice FROM bodies WHERE id = ?',
    ...[offset + 1, length, body],
  );
  if (row?.['is_file'] === 1) return context.bodies.read(body, offset, length);
  const slice = row?.['slice'];
  if (!(slice instanceof Uint8Array) || slice.byteLength !== length) {
    throw new Error(`Cannot read body ${body}: its row is shorter than it says`);
  }
  return slice as Uint8Array<ArrayBuffer>;
}
