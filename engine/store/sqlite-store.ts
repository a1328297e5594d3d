/**
 * The store on SQLite, seen from the main thread: numbers are given out here, everything else is
 * handed to the writer's thread in batches (`commit-queue.ts`) or asked of a reader's thread. No
 * SQL runs on this side.
 *
 * States: opening (`open`), open, stalled (the disk is full even for reports: saves are refused
 * until the writer gets through), failed (the writer's thread ended; everything rejects), closed.
 *
 * Long because it holds the whole SQLite facade: one short method for each call of `Store`.
 */
import { Worker } from 'node:worker_threads';
import { toError } from '../base/assert.ts';
import type { Clock, EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { WORKER_LIMITS } from '../base/threads.ts';
import type { Message } from '../mail/message.ts';
import { CommitQueue } from './commit-queue.ts';
import {
  encodeEnvelope,
  encodeScheduling,
  encodeTransaction,
  loneTransaction,
  stateNumber,
} from './encode.ts';
import type { EncodeContext } from './encode.ts';
import { Intake } from './intake.ts';
import { MessageLoader } from './message-loader.ts';
import { ATTEMPT_OUTCOMES, OP } from './ops.ts';
import type { BatchResult, Totals, UpdateMessageOp } from './ops.ts';
import { newReader } from './reader.ts';
import type { Reader } from './reader.ts';
import type { StoreReads } from './reads.ts';
import { RejectionLinks } from './rejection-links.ts';
import { RETENTION_DEFAULTS } from './retention.ts';
import type { RetentionLimits } from './retention.ts';
import { RetentionSchedule } from './retention-schedule.ts';
import { FeedNotes, RowFeed } from './row-feed.ts';
import { SessionNumbers } from './session-numbers.ts';
import type {
  AttemptEnd,
  AttemptStart,
  RowPatch,
  RowsCommit,
  SessionFacts,
  Store,
  StoredTransaction,
  WaitingMessage,
} from './store.ts';
import type { FromWriter, Opened, ToWriter, WriterData } from './worker-messages.ts';

export interface StoreOptions {
  /** Where `postyard.db` is, usually `<workspace>/.postyard`. */
  readonly folder: string;
  /** Real time: ages for retention. */
  readonly clock: Clock;
  readonly retention?: Partial<RetentionLimits>;
  /** Disk in use above which transactions are refused; default: no bound but the disk. */
  readonly fullBytes?: number | null;
  readonly freeDiskBytesMin?: number;
  /** Modules that add named reads, e.g. `search-reads.ts`. */
  readonly readModules?: readonly URL[];
  /** What cannot be told to a caller: damage, a listener that throws, the writer's end. */
  readonly onTrouble?: (text: string) => void;
}

const FREE_DISK_BYTES_MIN = 64 * 1024 * 1024;

/** How long closing waits for room on a full disk. */
const CLOSE_PATIENCE_MS = 5_000;

export class SqliteStore implements Store {
  readonly #worker: Worker;
  readonly #queue: CommitQueue<FeedNotes>;
  readonly #intake: Intake;
  readonly #feed: RowFeed;
  readonly #reader: Reader;
  readonly #loader: MessageLoader;
  readonly #retention: RetentionSchedule;
  readonly #settings: Map<string, string>;
  readonly #sessions: SessionNumbers;
  readonly #links = new RejectionLinks();
  readonly #next: {
    row: number;
    transaction: number;
    body: number;
    attempt: number;
    record: number;
  };
  readonly #encode: EncodeContext;
  /**
   * The attempts that have begun, and the rows they are about. One for a message that was never
   * stored (its `rowSeq` is 0: a deferred spool) leaves no trace, like all else about it.
   */
  readonly #running = new Map<number, readonly number[]>();
  readonly #commitListeners: ((commitSeq: number) => void)[] = [];
  readonly #clock: Clock;
  readonly #onTrouble: (text: string) => void;
  readonly #closed = Promise.withResolvers<void>();
  #commitSeq: number;
  #flushCount = 0;
  #isClosing = false;
  #totals: Totals;
  #usedBytes: number;
  /** What the start found. */
  readonly wasClosed: boolean;
  readonly interruptedAttempts: number;

  /**
   * @throws {Error} the database is in use, damaged, or of a newer version
   */
  static async open(options: StoreOptions): Promise<SqliteStore> {
    const data: WriterData = { folder: options.folder };
    const worker = new Worker(new URL('./writer-worker.ts', import.meta.url), {
      workerData: data,
      name: 'store-writer',
      resourceLimits: WORKER_LIMITS,
    });
    const { promise, resolve, reject } = Promise.withResolvers<Opened>();
    worker.once('message', (message: FromWriter) => {
      if (message.kind === 'opened') resolve(message.opened);
      else if (message.kind === 'failed') reject(message.error);
    });
    worker.once('error', reject);
    return new SqliteStore(options, worker, await promise);
  }

  private constructor(options: StoreOptions, worker: Worker, opened: Opened) {
    const { folder, clock, readModules = [], onTrouble = () => undefined } = options;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    this.#worker = worker;
    this.#feed = new RowFeed((error) => onTrouble(`a listener failed: ${toError(error).message}`));
    this.#intake = new Intake(folder, {
      settled: opened.totals.settledIntake,
      fullBytes: options.fullBytes ?? null,
      freeDiskBytesMin: options.freeDiskBytesMin ?? FREE_DISK_BYTES_MIN,
      usedBytes: () => this.#usedBytes,
    });
    this.#queue = new CommitQueue({
      stage: (batch) => this.#intake.append(batch),
      send: (batch, staged) => {
        const buffers = [...staged, batch].flatMap(({ ops, bytes }) => [ops.buffer, bytes.buffer]);
        this.#say({ kind: 'batch', batch, staged }, buffers);
      },
      makeNotes: () => new FeedNotes(this.#feed, (result) => this.#committed(result)),
      onSettled: (number) => this.#loader.settled(number),
      firstFrame: opened.totals.settledIntake + 1,
      clock,
    });
    const modules = readModules.map((url) => url.href);
    this.#reader = newReader({ folder, modules });
    this.#loader = new MessageLoader(
      newReader({ folder, modules: [] }),
      () => this.flush(),
      opened.hasWaiting,
    );
    this.#retention = new RetentionSchedule(
      clock,
      { ...RETENTION_DEFAULTS, ...options.retention },
      (request) => this.#say({ kind: 'retain', ...request }),
    );
    this.#settings = new Map(opened.settings);
    this.#sessions = new SessionNumbers(opened.nextSession);
    this.#next = {
      row: opened.nextRow,
      transaction: opened.nextTransaction,
      body: opened.nextBody,
      attempt: opened.nextAttempt,
      record: opened.nextRecord,
    };
    this.#encode = {
      nextTransaction: () => this.#next.transaction++,
      nextBody: () => this.#next.body++,
      nextRows: (count) => (this.#next.row += count) - count,
      sessionTuple: (session) => this.#sessions.tuple(session),
      reserve: (bytes) => this.#queue.reserve(bytes),
    };
    this.#commitSeq = opened.commitSeq;
    this.#totals = opened.totals;
    this.#usedBytes = opened.usedBytes;
    this.wasClosed = opened.wasClosed;
    this.interruptedAttempts = opened.interrupted;
    worker.on('message', (message: FromWriter) => this.#heard(message));
    worker.on('error', (error) => this.#failed(toError(error)));
    worker.on('exit', (code) => this.#exited(code));
    this.#retention.start(opened.usedBytes);
  }

  get commitSeq(): number {
    return this.#commitSeq;
  }

  /** Number of the newest attempt, begun or ended; 0 when there was none. */
  get lastAttemptId(): number {
    return this.#next.attempt - 1;
  }

  get flushCount(): number {
    return this.#flushCount + this.#intake.flushCount;
  }

  /** Counted by the last durable commit. */
  get totals(): Totals {
    return this.#totals;
  }

  /** Disk in use by the last durable commit. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The last recipient row that was given a number; it may not be durable yet. */
  get newestSeq(): number {
    return this.#next.row - 1;
  }

  saveTransaction(transaction: StoredTransaction): Promise<void> {
    try {
      this.#queue.assertRoom();
    } catch (thrown) {
      return Promise.reject(toError(thrown));
    }
    const { op, firstRefusedRow, summaries } = encodeTransaction(transaction, this.#encode);
    const { batch, notes } = this.#queue.place;
    notes.added(summaries);
    for (const { message } of transaction.messages) {
      this.#loader.remember(message);
      this.#loader.wrote(message, batch);
    }
    const links = this.#links.rows(transaction.session.id, firstRefusedRow, transaction.refused);
    const saved = this.#queue.save(op);
    for (const link of links) this.#queue.report([OP.linkRecord, link.recordSeq, link.rowSeq]);
    return saved;
  }

  saveMessage(message: Message, queue: string, origin: SessionFacts): Promise<void> {
    return this.saveTransaction(loneTransaction(message, queue, origin, this.#clock.now()));
  }

  updateMessage(message: Message, queue: string, route?: string): void {
    if (message.rowSeq === 0) return;
    const { isDirty } = message;
    const data = isDirty ? this.#loader.changedData(message) : null;
    const op: UpdateMessageOp = [
      OP.updateMessage,
      message.rowSeq,
      queue,
      message.numAttempts,
      message.due,
      route ?? null,
      isDirty
        ? [
            encodeEnvelope(message),
            JSON.stringify(message.meta),
            encodeScheduling(message.scheduling),
          ]
        : null,
      data === null
        ? null
        : [this.#next.body++, this.#queue.reserveForReport(data), data.byteLength],
    ];
    this.#loader.wrote(message, this.#queue.report(op));
    message.isDirty = false;
    this.#patchRows(message.rowSeqs, {
      queue,
      attempts: message.numAttempts,
      nextDueMs: message.due,
      ...(route === undefined ? {} : { route }),
    });
  }

  removeFromQueue(message: Message): void {
    if (message.rowSeq === 0) return;
    this.#loader.wrote(message, this.#queue.report([OP.removeFromQueue, message.rowSeq]));
    this.#patchRows(message.rowSeqs, { nextDueMs: null });
  }

  load(waiting: { readonly id: SpoolId }): Promise<Message | null> {
    return this.#loader.load(waiting.id);
  }

  async loadBody(message: Message): Promise<void> {
    await this.#loader.loadBody(message);
  }

  waiting(): AsyncIterable<readonly WaitingMessage[]> {
    return this.#loader.waiting();
  }

  beginAttempt(attempt: AttemptStart): number {
    const { message, rowSeqs, numAttempts, nextDueMs, route } = attempt;
    const id = this.#next.attempt++;
    if (message.rowSeq === 0) return id;
    const batch = this.#queue.report([
      OP.beginAttempt,
      id,
      message.rowSeq,
      rowSeqs,
      numAttempts + 1,
      attempt.dueMs,
      attempt.startedMs,
      attempt.startedRealMs,
      nextDueMs,
      [attempt.protocol, attempt.site, attempt.pool, attempt.source, route ?? null],
    ]);
    this.#loader.wrote(message, batch);
    this.#running.set(id, rowSeqs);
    this.#patchRows(rowSeqs, {
      attempts: numAttempts + 1,
      nextDueMs,
      ...(route === undefined ? {} : { route }),
    });
    return id;
  }

  endAttempt(attempt: AttemptEnd): void {
    const { attemptId, nextDueMs, details, transcript, events, maildirs = [] } = attempt;
    const rowSeqs = this.#running.get(attemptId);
    if (rowSeqs === undefined) return;
    this.#queue.report([
      OP.endAttempt,
      attemptId,
      attempt.endedMs,
      attempt.durationMs,
      ATTEMPT_OUTCOMES.indexOf(attempt.outcome),
      attempt.code,
      attempt.text,
      attempt.peer,
      nextDueMs,
      JSON.stringify({ details, transcript, events }),
      maildirs.map(({ rowSeq, path, unique }) => [rowSeq, path, unique] as const),
    ]);
    this.#running.delete(attemptId);
    if (nextDueMs !== null) this.#patchRows(rowSeqs, { nextDueMs });
  }

  addRecord(entry: Parameters<Store['addRecord']>[0]): number {
    const { type, timeMs, json, messageId, state, code, text, attemptId } = entry;
    const recordSeq = this.#next.record++;
    const stored = entry.rowSeqs.filter((seq) => seq > 0);
    const rowSeqs = stored.length > 0 ? stored : this.#rejectedRow(entry, recordSeq);
    this.#queue.report([
      OP.record,
      ...([recordSeq, type, timeMs, this.#clock.now(), json, rowSeqs] as const),
      ...([state === null ? null : stateNumber(state), code, text, attemptId] as const),
    ]);
    if (state !== null) this.#patchRows(rowSeqs, { state, code, lastText: text });
    const rowSeq = rowSeqs[0] ?? null;
    this.#queue.notes.recorded({ recordSeq, type, timeMs, json, messageId, rowSeq });
    return recordSeq;
  }

  setQueueDue(queue: string, dueMs: EpochMs): void {
    this.#queue.report([OP.setQueueDue, queue, dueMs]);
  }

  shiftDue(byMs: number): void {
    this.#queue.report([OP.shiftDue, byMs]);
  }

  getSetting(key: string): string | undefined {
    return this.#settings.get(key);
  }

  setSetting(key: string, value: string): void {
    this.#settings.set(key, value);
    this.#queue.report([OP.setting, key, value]);
  }

  addAudit(entry: Parameters<Store['addAudit']>[0]): void {
    const { timeMs, who, verb, detail } = entry;
    this.#queue.report([OP.audit, timeMs, who, verb, JSON.stringify(detail)]);
  }

  addLedger(entry: Parameters<Store['addLedger']>[0]): void {
    const { timeMs, kind, target, allowed, why } = entry;
    this.#queue.report([OP.ledger, timeMs, kind, target, allowed ? 1 : 0, why]);
  }

  /** Other bounds of what is kept, from now on. */
  keep(limits: Partial<RetentionLimits>): void {
    this.#retention.limit({ ...RETENTION_DEFAULTS, ...limits });
  }

  async deleteRows(seqs: readonly number[]): Promise<void> {
    await this.#setDeleted(seqs, true);
  }

  async undeleteRows(seqs: readonly number[]): Promise<void> {
    await this.#setDeleted(seqs, false);
  }

  patchRows(
    patches: readonly { readonly seq: number; subject?: string; hasAttachment?: boolean }[],
  ): void {
    for (const patch of patches) {
      const { seq, subject, hasAttachment } = patch;
      const flag = hasAttachment === undefined ? null : hasAttachment ? 1 : 0;
      this.#queue.report([OP.patchRow, seq, subject ?? null, flag]);
      this.#queue.notes.changed(patch);
    }
  }

  async read<N extends keyof StoreReads>(
    name: N,
    params: StoreReads[N]['params'],
  ): Promise<StoreReads[N]['result']> {
    await this.settled();
    return this.#reader.ask(name, params) as Promise<StoreReads[N]['result']>;
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  durable(): Promise<void> {
    return this.#queue.durable();
  }

  settled(): Promise<void> {
    return this.#queue.settled();
  }

  get isBehind(): boolean {
    return this.#queue.isBehind;
  }

  caughtUp(): Promise<void> {
    return this.#queue.caughtUp();
  }

  onCommit(listener: (commitSeq: number) => void): void {
    this.#commitListeners.push(listener);
  }

  onRows(listener: (commit: RowsCommit) => void): () => void {
    return this.#feed.listen(listener);
  }

  /**
   * Everything asked for so far becomes durable; reads that are under way are given up. When the
   * disk has been full for long, the store is closed without what does not fit.
   */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#retention.stop();
      await this.#flushOrStall();
      await Promise.all([this.#reader.close(), this.#loader.close()]);
      await this.#intake.close();
      this.#say({ kind: 'close' });
    }
    await this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #flushOrStall(): Promise<void> {
    const flushed = this.flush().catch((error: unknown) => {
      this.#onTrouble(`not everything was stored: ${toError(error).message}`);
    });
    const stalled = Promise.withResolvers<void>();
    const timer = this.#clock.timer(CLOSE_PATIENCE_MS, () => {
      if (this.#queue.stalled !== null) stalled.resolve();
    });
    await Promise.race([flushed, stalled.promise]);
    timer.cancel();
  }

  #say(message: ToWriter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #heard(message: FromWriter): void {
    switch (message.kind) {
      case 'committed':
        return this.#queue.committed(message.result);
      case 'retained':
        this.#totals = message.totals;
        this.#usedBytes = message.usedBytes;
        return this.#retention.done(message.step, message.usedBytes);
      case 'stalled':
        // Said again with every try; the first one is the news.
        if (this.#queue.stalled === null) this.#onTrouble(message.text);
        return this.#queue.stall(message.text);
      case 'lost':
        return this.#onTrouble(`the store could not apply ${message.text}`);
      case 'failed':
        return this.#failed(message.error);
      case 'opened':
      case 'closed':
        return;
    }
  }

  #committed(result: BatchResult): void {
    this.#commitSeq = result.commitSeq;
    this.#intake.settled(result.totals.settledIntake);
    this.#flushCount++;
    this.#totals = result.totals;
    this.#usedBytes = result.usedBytes;
    this.#retention.grew(result.usedBytes);
    for (const listener of this.#commitListeners) listener(result.commitSeq);
  }

  #failed(error: Error): void {
    this.#onTrouble(`the store's writer failed: ${error.message}`);
    this.#queue.fail(error);
  }

  #exited(code: number): void {
    this.#queue.fail(new Error(`Cannot write: the writer of the store ended with code ${code}`));
    this.#closed.resolve();
  }

  #patchRows(seqs: readonly number[], fields: Omit<RowPatch, 'seq'>): void {
    if (!this.#feed.isWatched) return;
    for (const seq of seqs) this.#queue.notes.changed({ seq, ...fields });
  }

  /** The row that a Rejection is about, when its transaction is stored already. */
  #rejectedRow(entry: Parameters<Store['addRecord']>[0], recordSeq: number): readonly number[] {
    if (entry.type !== 'Rejection') return [];
    const { session_id: session } = JSON.parse(entry.json) as { session_id?: unknown };
    if (typeof session !== 'string') return [];
    const row = this.#links.record(session, recordSeq, entry.code, entry.text);
    return row === null ? [] : [row];
  }

  async #setDeleted(seqs: readonly number[], isDeleted: boolean): Promise<void> {
    this.#queue.report([OP.deleteRows, seqs, isDeleted ? 1 : 0]);
    this.#patchRows(seqs, { isDeleted });
    await this.flush();
  }
}
