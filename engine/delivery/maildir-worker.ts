/**
 * The maildir worker: writes batches of messages into maildirs, away from the main thread. Folders
 * that were made or seen are remembered, files are not flushed (the store has the bytes), and a
 * delivery that may be a repetition looks for its own file first.
 *
 * Started by `maildir-delivery.ts`; one batch is one message each way, the bodies in one
 * transferred buffer.
 */
import { parentPort } from 'node:worker_threads';
import { toError } from '../base/assert.ts';
import { runInBackground } from '../base/threads.ts';
import { createMaildir, DeliveredFiles, MaildirError, storeMessage } from '../maildir/maildir.ts';
import type { MaildirTarget } from '../maildir/maildir.ts';
import { stableFileNames } from '../maildir/unique-name.ts';

export interface WorkerJob extends MaildirTarget {
  /** `stableName` of this recipient's copy. */
  readonly name: string;
  readonly isRepeat: boolean;
  /** Where its body is in the batch's buffer; recipients of one message share it. */
  readonly offset: number;
  readonly length: number;
}

export interface WorkerBatch {
  readonly batchId: number;
  readonly bodies: ArrayBuffer;
  readonly jobs: readonly WorkerJob[];
}

export type WorkerResult =
  | { readonly unique: string }
  | { readonly stage: 'create' | 'store'; readonly code: string | null; readonly message: string };

export interface WorkerAnswer {
  readonly batchId: number;
  readonly results: readonly WorkerResult[];
}

/** Folders remembered as existing; forgotten all at once when there are too many. */
const KNOWN_COUNT_MAX = 100_000;
const known = new Set<string>();

if (parentPort !== null) runInBackground();
parentPort?.on('message', (batch: WorkerBatch) => {
  const earlier = new DeliveredFiles();
  const results = batch.jobs.map((job) =>
    writeJob(job, new Uint8Array(batch.bodies, job.offset, job.length), earlier),
  );
  parentPort?.postMessage({ batchId: batch.batchId, results } satisfies WorkerAnswer);
});

function writeJob(job: WorkerJob, data: Uint8Array, earlier: DeliveredFiles): WorkerResult {
  try {
    const before = job.isRepeat ? earlier.find(job.path, job.name) : null;
    return { unique: before ?? write(job, data, earlier) };
  } catch (error) {
    if (!(error instanceof MaildirError)) {
      return { stage: 'store', code: null, message: toError(error).message };
    }
    return { stage: error.stage, code: error.cause.code ?? null, message: error.cause.message };
  }
}

function write(job: WorkerJob, data: Uint8Array, earlier: DeliveredFiles): string {
  const store = (): string =>
    storeMessage(job, (tryCount) => stableFileNames(job.name, tryCount), data, 'no-flush');
  if (known.has(job.path)) {
    try {
      return store();
    } catch (error) {
      // The user removed the folder, or the file is there already.
      if (codeOf(error) === 'EEXIST') return earlier.find(job.path, job.name) ?? rethrow(error);
      if (codeOf(error) !== 'ENOENT') throw error;
      known.delete(job.path);
    }
  }
  createMaildir(job);
  if (known.size >= KNOWN_COUNT_MAX) known.clear();
  known.add(job.path);
  try {
    return store();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return earlier.find(job.path, job.name) ?? rethrow(error);
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MaildirError ? error.cause.code : undefined;
}

function rethrow(error: unknown): never {
  throw error;
}
