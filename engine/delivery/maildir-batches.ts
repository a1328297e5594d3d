/**
 * The way to the maildir worker: jobs gather for a moment into batches, two of which are under way
 * at most, so that one is written while the next one fills. A worker that dies fails what it had, and the next
 * batch starts another one.
 */
import { Worker } from 'node:worker_threads';
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { WORKER_LIMITS } from '../base/threads.ts';
import type { WorkerAnswer, WorkerBatch, WorkerJob, WorkerResult } from './maildir-worker.ts';

/** A job whose body is not placed yet. */
export type BatchJob = Omit<WorkerJob, 'offset' | 'length'>;

/** Bodies that may be on their way to the worker. */
const BYTES_UNDER_WAY_MAX = 64 * 1024 * 1024;
const JOBS_UNDER_WAY_MAX = 20_000;
const BATCHES_UNDER_WAY_MAX = 2;
/** How long the first job of a batch waits for company; waking a thread costs more than a file. */
const GATHER_MS = 8;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const BATCH_JOBS_MAX = 1000;

interface Pending {
  readonly body: Uint8Array;
  readonly jobs: readonly BatchJob[];
  readonly settle: (results: readonly WorkerResult[]) => void;
}

export class MaildirBatches {
  readonly #batches = new Map<number, readonly Pending[]>();
  readonly #waiters: (() => void)[] = [];
  #pending: Pending[] = [];
  #worker: Worker | null = null;
  #batchId = 0;
  #bytesUnderWay = 0;
  #jobsUnderWay = 0;
  #isGathering = false;
  readonly #clock: Clock;

  /** @param clock real time */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when less is under way than the bounds allow. */
  async room(): Promise<void> {
    while (this.#bytesUnderWay >= BYTES_UNDER_WAY_MAX || this.#jobsUnderWay >= JOBS_UNDER_WAY_MAX) {
      await this.#nextAnswer();
    }
  }

  /** Writes one body into several maildirs; one result for each job, never a rejection. */
  run(body: Uint8Array, jobs: readonly BatchJob[]): Promise<readonly WorkerResult[]> {
    if (jobs.length === 0) return Promise.resolve([]);
    return new Promise((settle) => {
      this.#pending.push({ body, jobs, settle });
      this.#bytesUnderWay += body.byteLength;
      this.#jobsUnderWay += jobs.length;
      if (this.#isGathering) return;
      this.#isGathering = true;
      this.#clock.timer(GATHER_MS, () => {
        this.#isGathering = false;
        this.#flush();
      });
    });
  }

  /** Waits for what is under way, then ends the worker. */
  async close(): Promise<void> {
    while (this.#jobsUnderWay > 0) await this.#nextAnswer();
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #flush(): void {
    while (this.#pending.length > 0 && this.#batches.size < BATCHES_UNDER_WAY_MAX) {
      const batch = this.#takeBatch();
      const bodies = new Uint8Array(batch.reduce((sum, { body }) => sum + body.byteLength, 0));
      const jobs: WorkerJob[] = [];
      let offset = 0;
      for (const pending of batch) {
        const length = pending.body.byteLength;
        bodies.set(pending.body, offset);
        for (const job of pending.jobs) jobs.push({ ...job, offset, length });
        offset += length;
      }
      const batchId = this.#batchId++;
      this.#batches.set(batchId, batch);
      const message: WorkerBatch = { batchId, bodies: bodies.buffer, jobs };
      this.#started().postMessage(message, [bodies.buffer]);
    }
  }

  #nextAnswer(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #takeBatch(): Pending[] {
    let bytes = 0;
    let jobs = 0;
    let count = 0;
    for (const pending of this.#pending) {
      bytes += pending.body.byteLength;
      jobs += pending.jobs.length;
      if (count > 0 && (bytes > BATCH_BYTES_MAX || jobs > BATCH_JOBS_MAX)) break;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL('./maildir-worker.ts', import.meta.url), {
      name: 'maildir',
      resourceLimits: WORKER_LIMITS,
    });
    worker.on('message', (answer: WorkerAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', () => this.#died(worker, new Error('the maildir worker ended')));
    this.#worker = worker;
    return worker;
  }

  #answered({ batchId, results }: WorkerAnswer): void {
    const batch = this.#batches.get(batchId) ?? [];
    this.#batches.delete(batchId);
    let at = 0;
    for (const pending of batch) {
      this.#bytesUnderWay -= pending.body.byteLength;
      this.#jobsUnderWay -= pending.jobs.length;
      pending.settle(results.slice(at, (at += pending.jobs.length)));
    }
    if (!this.#isGathering) this.#flush();
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Everything under way failed; the next batch starts another worker. */
  #died(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const message = toError(error).message;
    for (const [batchId, batch] of [...this.#batches]) {
      const count = batch.reduce((sum, { jobs }) => sum + jobs.length, 0);
      const results = Array.from({ length: count }, () => ({
        stage: 'store' as const,
        code: null,
        message,
      }));
      this.#answered({ batchId, results });
    }
  }
}
