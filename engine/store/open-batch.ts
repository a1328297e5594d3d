/**
 * Batches on the main thread's side of the store: what is being collected, and what it becomes on
 * its way through the intake and the writer (`commit-queue.ts`).
 */
import { packOps } from './ops.ts';
import type { BatchResult, Op, PackedBatch } from './ops.ts';

/** A batch this large is closed, so that no commit takes long. */
const BATCH_OPS_MAX = 4_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** What batches did, for the change feed; filled while they are collected. */
export interface BatchNotes {
  /** Takes over what was noted later than its own. */
  join(later: this): void;
  /** Called when all of it can be read. */
  committed(result: BatchResult): void;
}

export interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface OpenBatch<N> {
  readonly number: number;
  /** Of the past: cannot be refused. */
  readonly isReports: boolean;
  readonly ops: Op[];
  readonly chunks: Uint8Array[];
  byteCount: number;
  /** They wait until the batch is durable. */
  readonly waiters: Waiter[];
  readonly notes: N;
}

/** Reports on their way to the writer. */
export interface SettlingBatch<N> extends OpenBatch<N> {
  /** Sent when so many batches were staged (or refused) as had been closed before it. */
  readonly after: number;
  /** What it settles beside itself. */
  staged: readonly StagedBatch<N>[];
}

/** In the intake. */
export interface StagedBatch<N> {
  readonly number: number;
  /** Of its frame in the intake. */
  readonly frame: number;
  readonly notes: N;
  readonly packed: PackedBatch;
  /** Its buffers are the writer's from when it is sent. */
  readonly packedBytes: number;
}

export function openBatch<N>(number: number, isReports: boolean, notes: N): OpenBatch<N> {
  return { number, isReports, ops: [], chunks: [], byteCount: 0, waiters: [], notes };
}

/** @returns where the bytes will be in the batch's buffer */
export function keepBytes(batch: OpenBatch<unknown>, bytes: Uint8Array): number {
  const start = batch.byteCount;
  batch.chunks.push(bytes);
  batch.byteCount += bytes.byteLength;
  return start;
}

export function isLarge({ ops, byteCount }: OpenBatch<unknown>): boolean {
  return ops.length >= BATCH_OPS_MAX || byteCount >= BATCH_BYTES_MAX;
}

export function sizeOf({ ops, bytes }: PackedBatch): number {
  return ops.byteLength + bytes.byteLength;
}

/** @param number of the packed batch: frames of the intake have numbers of their own */
export function pack(batch: OpenBatch<unknown>, number = batch.number): PackedBatch {
  const bytes = new Uint8Array(batch.byteCount);
  let at = 0;
  for (const chunk of batch.chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return { number, ops: packOps(batch.ops), bytes };
}
