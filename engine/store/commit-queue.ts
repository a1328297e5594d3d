/**
 * Group commit, seen from the main thread. Operations join the batch that is being collected; it
 * goes to the writer when the one before it is durable.
 *
 * What nobody waits for (attempts, records) is reported: it is gathered for a moment and then joins
 * a batch together, since a commit costs by the pages that it touches more than by the rows. So a
 * transaction may be durable before reports that are older; both are in order among themselves.
 */
import type { Clock } from '../base/clock.ts';
import type { Batch, BatchResult, Op } from './ops.ts';
import { StoreFullError } from './store.ts';

/** A second batch under way would halve both: a flush costs the same for many as for few. */
const IN_FLIGHT_MAX = 1;

/** How long reports are gathered. */
const GATHER_MS = 20;

/** A batch this large is closed, so that no commit takes long. */
const BATCH_OPS_MAX = 4_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Closed batches that may wait while work that can wait is taken on. */
const BEHIND_BATCHES = 0;

/** Bytes that may wait for the writer before reception is told that the store is full. */
const PENDING_BYTES_MAX = 512 * 1024 * 1024;

/** What a batch did, for the change feed; filled while it is collected. */
export interface BatchNotes {
  /** Takes over what reports noted that join the batch. */
  join(reports: this): void;
  /** Called when it is durable, without the operations that were refused. */
  committed(result: BatchResult): void;
}

/** Reports that have not joined a batch yet. */
interface Reports<N> {
  readonly number: number;
  readonly ops: Op[];
  readonly notes: N;
}

interface OpenBatch<N> {
  readonly number: number;
  /** Numbers of the reports that joined it. */
  readonly joined: number[];
  readonly ops: Op[];
  readonly chunks: Uint8Array[];
  byteCount: number;
  readonly savers: Map<number, { resolve: () => void; reject: (error: Error) => void }>;
  readonly waiters: { resolve: () => void; reject: (error: Error) => void }[];
  readonly notes: N;
}

export class CommitQueue<N extends BatchNotes> {
  readonly #send: (batch: Batch) => void;
  readonly #makeNotes: () => N;
  readonly #onDurable: (number: number) => void;
  readonly #clock: Clock;
  readonly #closed: OpenBatch<N>[] = [];
  readonly #inFlight: OpenBatch<N>[] = [];
  #open: OpenBatch<N>;
  #reports: Reports<N>;
  #nextNumber = 1;
  #pendingBytes = 0;
  #isScheduled = false;
  #isGatherTimerSet = false;
  /** The reports have been gathered long enough. */
  #areReportsDue = false;
  #failure: Error | null = null;
  /** Why nothing can be written for now; saves are refused at once. */
  stalled: string | null = null;

  /**
   * @param onDurable called with the number of each batch, and of the reports that joined it
   * @param clock real time
   */
  constructor(
    send: (batch: Batch) => void,
    makeNotes: () => N,
    onDurable: (number: number) => void,
    clock: Clock,
  ) {
    this.#send = send;
    this.#makeNotes = makeNotes;
    this.#onDurable = onDurable;
    this.#clock = clock;
    this.#open = this.#newBatch();
    this.#reports = this.#newReports();
  }

  /** Of the batch that the next `save` or `add` joins, and the operation's index in it. */
  get place(): { readonly notes: N; readonly batch: number; readonly index: number } {
    const { notes, number, ops } = this.#open;
    return { notes, batch: number, index: ops.length };
  }

  /** Notes of the reports that are being gathered. */
  get notes(): N {
    return this.#reports.notes;
  }

  /** Keeps bytes for the batch being collected; the caller must not change them any more. */
  reserve(bytes: Uint8Array): number {
    const start = this.#open.byteCount;
    this.#open.chunks.push(bytes);
    this.#open.byteCount += bytes.byteLength;
    this.#pendingBytes += bytes.byteLength;
    return start;
  }

  /**
   * What nobody waits for, and has no bytes of its own.
   * @returns the number that becomes durable with it
   */
  report(op: Op): number {
    const { number, ops } = this.#reports;
    ops.push(op);
    this.#grew();
    return number;
  }

  /** As `report`, with bytes that were reserved for it; what was reported comes before it. */
  add(op: Op): number {
    this.#joinReports();
    const { number, ops } = this.#open;
    ops.push(op);
    this.#grew();
    return number;
  }

  /** @throws {StoreFullError} in the promise: the operation was refused, nothing of it is stored */
  save(op: Op): Promise<void> {
    const batch = this.#open;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    batch.savers.set(batch.ops.length, { resolve, reject });
    batch.ops.push(op);
    this.#grew();
    return promise;
  }

  /** @throws {StoreFullError} nothing more may be added for now */
  assertRoom(): void {
    if (this.#failure) throw this.#failure;
    if (this.stalled !== null) throw new StoreFullError(this.stalled);
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      throw new StoreFullError(
        `Cannot store more: ${this.#pendingBytes} bytes wait for the disk, expected at most ${PENDING_BYTES_MAX}`,
      );
    }
  }

  /** The writer has more to do than the batch under way and the next ones. */
  get isBehind(): boolean {
    return this.#closed.length > BEHIND_BATCHES;
  }

  /** Resolves when it is not behind any more. */
  async caughtUp(): Promise<void> {
    while (this.isBehind) {
      if (this.#failure) throw this.#failure;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      (this.#inFlight[0] ?? this.#closed[0])?.waiters.push({ resolve, reject });
      await promise;
    }
  }

  /** Resolves when everything added so far is durable. */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#joinReports();
    const last =
      this.#open.ops.length > 0 ? this.#open : (this.#closed.at(-1) ?? this.#inFlight.at(-1));
    if (!last) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    last.waiters.push({ resolve, reject });
    if (last === this.#open) this.#schedule();
    await promise;
  }

  committed(result: BatchResult): void {
    const batch = this.#inFlight.shift();
    if (!batch || batch.number !== result.number) {
      throw new Error(`Bug: batch ${result.number} was committed, expected ${batch?.number}`);
    }
    this.stalled = null;
    this.#pendingBytes -= batch.byteCount;
    for (const { index, reason, text } of result.refused) {
      const error = reason === 'full' ? new StoreFullError(text) : new Error(text);
      batch.savers.get(index)?.reject(error);
      batch.savers.delete(index);
    }
    this.#sendReady();
    for (const number of [batch.number, ...batch.joined]) this.#onDurable(number);
    batch.notes.committed(result);
    for (const saver of batch.savers.values()) saver.resolve();
    for (const waiter of batch.waiters) waiter.resolve();
  }

  /** The writer is gone: whoever waits learns it. */
  fail(error: Error): void {
    this.#failure = error;
    for (const batch of [...this.#inFlight, ...this.#closed, this.#open]) {
      for (const saver of batch.savers.values()) saver.reject(error);
      for (const waiter of batch.waiters) waiter.reject(error);
    }
    this.#inFlight.length = 0;
    this.#closed.length = 0;
    this.#open = this.#newBatch();
    this.#reports = this.#newReports();
  }

  #grew(): void {
    const { ops, byteCount } = this.#open;
    const opCount = ops.length + this.#reports.ops.length;
    if (opCount >= BATCH_OPS_MAX || byteCount >= BATCH_BYTES_MAX) {
      this.#joinReports();
      this.#close();
    }
    if (this.#isUrgent || this.#closed.length > 0) this.#schedule();
    if (this.#open.ops.length + this.#reports.ops.length > 0) this.#gather();
  }

  /** Somebody waits for the open batch, or there has been time enough for more to join it. */
  get #isUrgent(): boolean {
    const { savers, waiters } = this.#open;
    return savers.size > 0 || waiters.length > 0 || this.#areReportsDue;
  }

  #gather(): void {
    if (this.#isGatherTimerSet) return;
    this.#isGatherTimerSet = true;
    this.#clock.timer(GATHER_MS, () => {
      this.#isGatherTimerSet = false;
      if (this.#open.ops.length + this.#reports.ops.length === 0) return;
      this.#areReportsDue = true;
      this.#schedule();
    });
  }

  #joinReports(): void {
    const { number, ops, notes } = this.#reports;
    this.#areReportsDue = false;
    if (ops.length === 0) return;
    this.#open.joined.push(number);
    for (const op of ops) this.#open.ops.push(op);
    this.#open.notes.join(notes);
    this.#reports = this.#newReports();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight.length >= IN_FLIGHT_MAX) return;
    this.#isScheduled = true;
    // After the sockets that are readable now have been served: what they bring shares the flush.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#sendReady();
    });
  }

  #sendReady(): void {
    while (this.#inFlight.length < IN_FLIGHT_MAX) {
      if (this.#closed.length === 0 && this.#isUrgent) {
        if (this.#areReportsDue) this.#joinReports();
        this.#close();
      }
      const batch = this.#closed.shift();
      if (!batch) return;
      this.#inFlight.push(batch);
      this.#send({ number: batch.number, ops: batch.ops, bytes: joinChunks(batch) });
    }
  }

  #close(): void {
    if (this.#open.ops.length === 0) return;
    this.#closed.push(this.#open);
    this.#open = this.#newBatch();
  }

  #newBatch(): OpenBatch<N> {
    return {
      number: this.#nextNumber++,
      joined: [],
      ops: [],
      chunks: [],
      byteCount: 0,
      savers: new Map(),
      waiters: [],
      notes: this.#makeNotes(),
    };
  }

  #newReports(): Reports<N> {
    return { number: this.#nextNumber++, ops: [], notes: this.#makeNotes() };
  }
}

function joinChunks(batch: {
  readonly chunks: readonly Uint8Array[];
  readonly byteCount: number;
}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(batch.byteCount);
  let at = 0;
  for (const chunk of batch.chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
