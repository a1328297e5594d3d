/**
 * Group commit, seen from the main thread.
 *
 * What somebody waits for (a transaction: its client wants the 250) is collected apart from what
 * nobody waits for (reports: attempts, records). Transactions go to the intake as soon as it is
 * free, and are acknowledged when they are durable there. Reports are gathered for a moment and go
 * to the writer together; their batch settles, too, what the intake has been given until then:
 * first the transactions, then the reports come into the tables, in one commit. Where somebody
 * waits for reports to be durable (an attempt, before its message goes out), they go to the intake
 * too, behind the transactions.
 *
 * So a transaction may be durable before reports that are older; both are in order among
 * themselves, and no report is applied before a transaction that is older.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { isLarge, keepBytes, openBatch, pack, sizeOf } from './open-batch.ts';
import type { BatchNotes, OpenBatch, SettlingBatch, StagedBatch, Waiter } from './open-batch.ts';
import type { BatchResult, Op, PackedBatch } from './ops.ts';
import { StoreFullError } from './store.ts';

/** How long reports are gathered. */
const GATHER_MS = 20;

/** What may be in the intake and not in the tables: above this the intake waits for the writer. */
const UNSETTLED_BYTES_MAX = 16 * 1024 * 1024;

/** Closed batches that may wait while work that can wait is taken on. */
const BEHIND_BATCHES = 1;

/** Bytes that may wait for the writer before reception is told that the store is full. */
const PENDING_BYTES_MAX = 512 * 1024 * 1024;

export interface CommitQueueOptions<N> {
  /** Resolves when the batch is durable; rejects when nothing of it is stored. */
  readonly stage: (batch: PackedBatch) => Promise<void>;
  /** To the writer, with what it settles; it answers by `committed`. */
  readonly send: (batch: PackedBatch, staged: readonly PackedBatch[]) => void;
  readonly makeNotes: () => N;
  /** Called with the number of each batch that can be read from now on. */
  readonly onSettled: (number: number) => void;
  /** Number of the first frame in the intake. */
  readonly firstFrame: number;
  /** Real time. */
  readonly clock: Clock;
}

/** Waits until what was acknowledged before can be read. */
interface Reader {
  /** Number of the newest frame of it. */
  readonly through: number;
  readonly resolve: () => void;
}

export class CommitQueue<N extends BatchNotes> {
  readonly #options: CommitQueueOptions<N>;
  #saves: OpenBatch<N>;
  #reports: OpenBatch<N>;
  /** On the way into the intake, in order: transactions, and reports that somebody waits for. */
  readonly #toStage: OpenBatch<N>[] = [];
  readonly #closedReports: SettlingBatch<N>[] = [];
  /** On its way into the intake; no other batch is meanwhile. */
  #staging: OpenBatch<N> | null = null;
  /** With the writer; no other batch is meanwhile. */
  #settling: SettlingBatch<N> | null = null;
  /** In the intake, and not on the way into the tables yet. */
  #staged: StagedBatch<N>[] = [];
  #nextNumber = 1;
  #nextFrame: number;
  #closedCount = 0;
  #stagedCount = 0;
  #pendingBytes = 0;
  #unsettledBytes = 0;
  #isScheduled = false;
  #isGatherTimerSet = false;
  /** Reports are to go to the intake, not only to the writer. */
  #areReportsUrgent = false;
  /** What was gathered is to be sent as soon as the writer is free. */
  #isSettlingDue = false;
  #readers: Reader[] = [];
  /** They wait until all of now can be read. */
  #flushers: Waiter[] = [];
  #failure: Error | null = null;
  #stalled: string | null = null;

  constructor(options: CommitQueueOptions<N>) {
    this.#options = options;
    this.#nextFrame = options.firstFrame;
    this.#saves = this.#newBatch(false);
    this.#reports = this.#newBatch(true);
  }

  /** Of the batch that the next `save` joins. */
  get place(): { readonly notes: N; readonly batch: number } {
    const { notes, number } = this.#saves;
    return { notes, batch: number };
  }

  /** Notes of the reports that are being gathered. */
  get notes(): N {
    return this.#reports.notes;
  }

  /** Keeps bytes for the next `save`; the caller must not change them any more. */
  reserve(bytes: Uint8Array): number {
    return this.#keep(this.#saves, bytes);
  }

  /** The same for the next `report`. */
  reserveForReport(bytes: Uint8Array): number {
    return this.#keep(this.#reports, bytes);
  }

  /**
   * What nobody waits for.
   * @returns the number of the batch that it is in
   */
  report(op: Op): number {
    const { number, ops } = this.#reports;
    ops.push(op);
    if (isLarge(this.#reports)) {
      this.#closeReports();
      this.#schedule();
    }
    this.#gather();
    return number;
  }

  /** @throws {StoreFullError} in the promise: the operation was refused, nothing of it is stored */
  save(op: Op): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#saves.waiters.push({ resolve, reject });
    this.#saves.ops.push(op);
    if (isLarge(this.#saves)) this.#closeSaves();
    this.#schedule();
    return promise;
  }

  /** @throws {StoreFullError} nothing more may be added for now */
  assertRoom(): void {
    if (this.#failure) throw this.#failure;
    if (this.#stalled !== null) throw new StoreFullError(this.#stalled);
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      throw new StoreFullError(
        `Cannot store more: ${this.#pendingBytes} bytes wait for the disk, expected at most ${PENDING_BYTES_MAX}`,
      );
    }
  }

  /** Why nothing can be written for now; saves are refused at once. */
  get stalled(): string | null {
    return this.#stalled;
  }

  /** Until the next `committed`. Reads go on with what the tables have. */
  stall(why: string): void {
    this.#stalled = why;
    this.#releaseReaders(Infinity);
  }

  /** The writer has more to do than the batch under way and the next ones. */
  get isBehind(): boolean {
    return this.#closedReports.length + this.#toStage.length > BEHIND_BATCHES;
  }

  /** Resolves when it is not behind any more. */
  async caughtUp(): Promise<void> {
    while (this.isBehind) {
      if (this.#failure) throw this.#failure;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const next = this.#settling ?? this.#staging ?? this.#closedReports[0] ?? this.#toStage[0];
      next?.waiters.push({ resolve, reject });
      await promise;
    }
  }

  /** Resolves when everything added so far is durable, if it cannot be read yet. */
  async durable(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#reports.ops.length > 0) {
      this.#reports.waiters.push({ resolve, reject });
      this.#areReportsUrgent = true;
      this.#schedule();
    } else {
      const last = this.#saves.ops.length > 0 ? this.#saves : this.#toStage.at(-1);
      const under = last ?? this.#staging ?? this.#closedReports.at(-1) ?? this.#settling;
      if (under === null) return;
      under.waiters.push({ resolve, reject });
    }
    await promise;
  }

  /** Resolves when everything added so far is durable and can be read. */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const last = this.#closedReports.at(-1) ?? this.#settling;
    if (this.#isUnsettled || this.#reports.ops.length > 0) {
      this.#flushers.push({ resolve, reject });
      this.#settleSoon();
    } else if (last !== null) {
      last.waiters.push({ resolve, reject });
    } else {
      return;
    }
    await promise;
  }

  /** Resolves when everything acknowledged so far can be read, or the store is stalled. */
  async settled(): Promise<void> {
    const newest = this.#staged.at(-1) ?? this.#settling?.staged.at(-1);
    if (newest === undefined || this.#stalled !== null || this.#failure !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#readers.push({ through: newest.frame, resolve });
    if (this.#staged.length > 0) this.#settleSoon();
    await promise;
  }

  /** The writer's answer: what it was sent last is durable and in the tables. */
  committed(result: BatchResult): void {
    const batch = this.#settling;
    if (!batch || batch.number !== result.number) {
      throw new Error(`Bug: batch ${result.number} was committed, expected ${batch?.number}`);
    }
    this.#settling = null;
    this.#stalled = null;
    this.#pendingBytes -= batch.byteCount;
    for (const { packedBytes } of batch.staged) this.#unsettledBytes -= packedBytes;
    this.#stageReady();
    this.#sendReady();
    const [first, ...later] = [...batch.staged, batch] as const;
    for (const { notes } of later) first.notes.join(notes);
    for (const { number } of [first, ...later]) this.#options.onSettled(number);
    first.notes.committed(result);
    for (const waiter of batch.waiters) waiter.resolve();
    this.#releaseReaders(batch.staged.at(-1)?.frame ?? 0);
  }

  /** The writer is gone: whoever waits learns it. */
  fail(error: Error): void {
    this.#failure = error;
    const under = [this.#staging, this.#settling].filter((batch) => batch !== null);
    const closed = [...this.#toStage, ...this.#closedReports];
    for (const { waiters } of [...under, ...closed, this.#saves, this.#reports]) {
      for (const waiter of waiters) waiter.reject(error);
    }
    for (const flusher of this.#flushers.splice(0)) flusher.reject(error);
    this.#settling = null;
    this.#toStage.length = 0;
    this.#closedReports.length = 0;
    this.#saves = this.#newBatch(false);
    this.#reports = this.#newBatch(true);
    this.#releaseReaders(Infinity);
  }

  /** There is what no batch on its way to the writer settles. */
  get #isUnsettled(): boolean {
    const waiting = this.#staged.length + this.#toStage.length + this.#saves.ops.length;
    return waiting > 0 || this.#staging !== null;
  }

  /** They can only be sent when more is staged. */
  get #areReportsWaiting(): boolean {
    return this.#closedReports.length > 0 && this.#settling === null;
  }

  #gather(): void {
    if (this.#isGatherTimerSet) return;
    this.#isGatherTimerSet = true;
    this.#options.clock.timer(GATHER_MS, () => {
      this.#isGatherTimerSet = false;
      if (this.#reports.ops.length + this.#staged.length > 0) this.#settleSoon();
    });
  }

  #settleSoon(): void {
    this.#isSettlingDue = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // After the sockets that are readable now have been served: what they bring shares the flush.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#stageReady();
      this.#sendReady();
    });
  }

  #stageReady(): void {
    if (this.#staging !== null || this.#failure !== null) return;
    if (this.#unsettledBytes > UNSETTLED_BYTES_MAX && !this.#areReportsWaiting) {
      this.#isSettlingDue = true;
      return;
    }
    if (this.#toStage.length === 0) {
      this.#closeSaves();
      this.#closeUrgentReports();
    }
    const batch = this.#toStage.shift();
    if (batch === undefined) return;
    this.#staging = batch;
    const packed = pack(batch, this.#nextFrame++);
    this.#options.stage(packed).then(
      () => this.#wasStaged(batch, packed),
      (error: unknown) => this.#wasRefused(batch, toError(error)),
    );
  }

  #wasStaged({ number, notes, byteCount, waiters }: OpenBatch<N>, packed: PackedBatch): void {
    const packedBytes = sizeOf(packed);
    this.#staged.push({ number, frame: packed.number, notes, packed, packedBytes });
    this.#unsettledBytes += packedBytes;
    this.#stagingEnded(byteCount);
    for (const waiter of waiters) waiter.resolve();
    this.#gather();
  }

  #wasRefused(batch: OpenBatch<N>, error: Error): void {
    // What happened cannot be refused: the writer keeps at it.
    if (batch.isReports) {
      this.#closedReports.unshift({ ...batch, after: this.#stagedCount, staged: [] });
      return this.#stagingEnded(0);
    }
    this.#stagingEnded(batch.byteCount);
    for (const waiter of batch.waiters) waiter.reject(error);
    this.#options.onSettled(batch.number);
  }

  #stagingEnded(byteCount: number): void {
    this.#staging = null;
    this.#stagedCount++;
    this.#pendingBytes -= byteCount;
    this.#stageReady();
    this.#sendReady();
  }

  #sendReady(): void {
    if (this.#settling !== null || this.#failure !== null) return;
    if (this.#isSettlingDue && this.#closedReports.length === 0) this.#closeReports();
    const [batch] = this.#closedReports;
    if (batch === undefined || this.#stagedCount < batch.after) return;
    this.#closedReports.shift();
    batch.staged = this.#staged;
    this.#staged = [];
    this.#settling = batch;
    this.#options.send(
      pack(batch),
      batch.staged.map(({ packed }) => packed),
    );
  }

  #closeSaves(): void {
    if (this.#saves.ops.length === 0) return;
    this.#toStage.push(this.#saves);
    this.#closedCount++;
    this.#saves = this.#newBatch(false);
  }

  #closeUrgentReports(): void {
    if (!this.#areReportsUrgent) return;
    this.#areReportsUrgent = false;
    // Older ones are on the way to the writer: these follow them there.
    if (this.#closedReports.length > 0) return this.#settleSoon();
    this.#toStage.push(this.#reports);
    this.#closedCount++;
    this.#reports = this.#newBatch(true);
  }

  #closeReports(): void {
    this.#isSettlingDue = false;
    this.#areReportsUrgent = false;
    this.#closeSaves();
    const waiters = [...this.#reports.waiters, ...this.#flushers.splice(0)];
    this.#closedReports.push({ ...this.#reports, waiters, after: this.#closedCount, staged: [] });
    this.#reports = this.#newBatch(true);
  }

  #releaseReaders(settled: number): void {
    for (const { through, resolve } of this.#readers) if (through <= settled) resolve();
    this.#readers = this.#readers.filter(({ through }) => through > settled);
  }

  #keep(batch: OpenBatch<N>, bytes: Uint8Array): number {
    this.#pendingBytes += bytes.byteLength;
    return keepBytes(batch, bytes);
  }

  #newBatch(isReports: boolean): OpenBatch<N> {
    return openBatch(this.#nextNumber++, isReports, this.#options.makeNotes());
  }
}
