/** What the main thread and the store's workers say to each other, apart from `ops.ts`. */
import type { EpochMs } from '../base/clock.ts';
import type { BatchResult, PackedBatch, Totals } from './ops.ts';
import type { RetentionStep } from './retention.ts';

export interface WriterData {
  readonly folder: string;
}

export type ToWriter =
  | {
      readonly kind: 'batch';
      readonly batch: PackedBatch;
      /** Transactions that are durable in the intake, to be put into the tables before it. */
      readonly staged: readonly PackedBatch[];
    }
  | {
      readonly kind: 'retain';
      readonly maxBytes: number;
      readonly oldestMs: EpochMs;
      /** Look at everything again, from the oldest on. */
      readonly isFresh: boolean;
    }
  | { readonly kind: 'close' };

/** What the main thread must know to go on where the last process stopped. */
export interface Opened {
  readonly nextRow: number;
  readonly nextTransaction: number;
  readonly nextSession: number;
  readonly nextBody: number;
  readonly nextAttempt: number;
  readonly nextRecord: number;
  readonly commitSeq: number;
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly totals: Totals;
  readonly usedBytes: number;
  /** Attempts that had begun and were not heard of again. */
  readonly interrupted: number;
  /** False when the last process did not close the store. */
  readonly wasClosed: boolean;
  readonly hasWaiting: boolean;
}

export type FromWriter =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'committed'; readonly result: BatchResult }
  | { readonly kind: 'stalled'; readonly text: string }
  | { readonly kind: 'lost'; readonly text: string }
  | {
      readonly kind: 'retained';
      readonly step: RetentionStep;
      readonly usedBytes: number;
      readonly totals: Totals;
    }
  | { readonly kind: 'closed' };

export interface ReaderData {
  readonly folder: string;
  /** Modules that add reads: each exports `reads`, as `reads.ts` does. */
  readonly modules: readonly string[];
  /** Its answers can wait while all processors are busy. */
  readonly isBackground?: boolean;
}
