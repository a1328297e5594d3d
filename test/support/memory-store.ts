/**
 * A `Store` in plain memory for unit tests of the stages: same order of `seq`, same meaning of
 * every write, nothing durable. What was written can be looked at: `rows`, `records`, `attempts`,
 * `transactions`. `failNext` makes the next save fail, `hold` keeps promises open as a slow disk does.
 */
import type { SpoolId } from '../../engine/base/ids.ts';
import { Message } from '../../engine/mail/message.ts';
import type { StoreReads } from '../../engine/store/reads.ts';
import type {
  AttemptEnd,
  AttemptStart,
  RecordEntry,
  RowPatch,
  RowsCommit,
  RowSummary,
  SessionFacts,
  Store,
  StoredTransaction,
  WaitingMessage,
} from '../../engine/store/store.ts';

interface Kept {
  message: Message;
  data: Uint8Array;
  queue: string;
  isWaiting: boolean;
  wasInFlight: boolean;
}

export type MemoryAttempt = AttemptStart & { readonly id: number; end: AttemptEnd | null };
type RecordInput = Parameters<Store['addRecord']>[0];
type MutableRow = { -readonly [K in keyof RowSummary]: RowSummary[K] };

export class MemoryStore implements Store {
  readonly transactions: StoredTransaction[] = [];
  readonly rows: MutableRow[] = [];
  readonly records: (RecordInput & { readonly recordSeq: number })[] = [];
  readonly attempts: MemoryAttempt[] = [];
  readonly audit: Parameters<Store['addAudit']>[0][] = [];
  readonly ledger: Parameters<Store['addLedger']>[0][] = [];
  /** Answers of `read`, by name; a test sets what it needs. */
  readonly reads = new Map<string, (params: object) => unknown>();
  /** Thrown by the next save, then forgotten. */
  failNext: Error | null = null;
  /** While set, nothing becomes durable before it resolves. */
  hold: Promise<void> | null = null;
  commitSeq = 0;
  flushCount = 0;
  readonly #kept = new Map<string, Kept>();
  readonly #settings = new Map<string, string>();
  readonly #commitListeners: ((commitSeq: number) => void)[] = [];
  readonly #rowListeners = new Set<(commit: RowsCommit) => void>();

  async saveTransaction(transaction: StoredTransaction): Promise<void> {
    const failure = this.#takeFailure();
    if (failure) throw failure;
    this.transactions.push(transaction);
    const added: RowSummary[] = [];
    for (const { message, queue, state, route, isWaiting } of transaction.messages) {
      this.#keep(message, queue, isWaiting ?? state === 'queued');
      for (const recipient of message.recipients) {
        added.push(
          this.#addRow(transaction, {
            messageId: message.id,
            state,
            to: recipient.email,
            queue,
            route: route ?? '',
            sizeBytes: message.residentSize,
          }),
        );
      }
    }
    for (const row of transaction.refused) {
      added.push(
        this.#addRow(transaction, {
          state: row.state,
          to: row.recipient,
          code: row.code,
          lastText: row.text,
        }),
      );
    }
    await this.#commit({ added });
  }

  async saveMessage(message: Message, queue: string, origin: SessionFacts): Promise<void> {
    await this.saveTransaction({
      session: origin,
      startedMs: message.createdMs,
      endedMs: message.createdMs,
      startedRealMs: origin.startedRealMs,
      sender: message.sender.email,
      code: null,
      replyText: '',
      body: null,
      messages: [{ message, queue, state: 'queued' }],
      refused: [],
      transcript: [],
      events: [],
    });
  }

  updateMessage(message: Message, queue: string, route?: string): void {
    const kept = this.#kept.get(message.id);
    if (!kept) return;
    kept.queue = queue;
    kept.wasInFlight = false;
    if (message.isLoaded) {
      const { isDozing } = message;
      kept.data = message.data;
      if (isDozing) message.doze();
    }
    kept.message = copyOf(message, kept.data);
    message.isDirty = false;
    this.#patch(message, {
      queue,
      attempts: message.numAttempts,
      nextDueMs: message.due,
      ...(route === undefined ? {} : { route }),
    });
  }

  removeFromQueue(message: Message): void {
    const kept = this.#kept.get(message.id);
    if (kept) kept.isWaiting = false;
    this.#patch(message, { nextDueMs: null });
  }

  async load(waiting: { readonly id: SpoolId }): Promise<Message | null> {
    await this.hold;
    const kept = this.#kept.get(waiting.id);
    return kept ? copyOf(kept.message, kept.data) : null;
  }

  async loadBody(message: Message): Promise<void> {
    await this.hold;
    const kept = this.#kept.get(message.id);
    if (!kept) throw new Error(`Cannot load the body of message ${message.id}: it is not stored`);
    message.attachData(kept.data);
  }

  async *waiting(): AsyncIterable<readonly WaitingMessage[]> {
    await this.hold;
    const page = [...this.#kept.values()].filter((kept) => kept.isWaiting).map(waitingOf);
    page.sort((a, b) => (a.due ?? 0) - (b.due ?? 0) || a.rowSeq - b.rowSeq);
    if (page.length > 0) yield page;
  }

  beginAttempt(attempt: AttemptStart): number {
    const id = this.attempts.length + 1;
    this.attempts.push({ ...attempt, id, end: null });
    const kept = this.#kept.get(attempt.message.id);
    if (kept) {
      kept.wasInFlight = true;
      kept.message.numAttempts = attempt.numAttempts + 1;
      kept.message.due = attempt.nextDueMs;
    }
    return id;
  }

  endAttempt(attempt: AttemptEnd): void {
    const begun = this.attempts[attempt.attemptId - 1];
    if (!begun) throw new Error(`Bug: attempt ${attempt.attemptId} never began`);
    begun.end = attempt;
    const kept = this.#kept.get(begun.message.id);
    if (!kept) return;
    kept.wasInFlight = false;
    if (attempt.nextDueMs !== null) kept.message.due = attempt.nextDueMs;
  }

  addRecord(entry: RecordInput): number {
    const recordSeq = this.records.length + 1;
    this.records.push({ ...entry, recordSeq });
    for (const seq of entry.rowSeqs) {
      if (entry.state === null) continue;
      this.#change({ seq, state: entry.state, code: entry.code, lastText: entry.text });
    }
    const { type, timeMs, json, messageId } = entry;
    const rowSeq = entry.rowSeqs[0] ?? null;
    void this.#commit({ records: [{ recordSeq, type, timeMs, json, messageId, rowSeq }] });
    return recordSeq;
  }

  setQueueDue(queue: string, dueMs: number): void {
    for (const { message, queue: own, isWaiting } of this.#kept.values()) {
      if (own === queue && isWaiting) message.due = dueMs;
    }
    for (const row of this.rows) {
      if (row.queue === queue && row.nextDueMs !== null) row.nextDueMs = dueMs;
    }
  }

  shiftDue(byMs: number): void {
    for (const { message } of this.#kept.values()) {
      if (message.due !== null) message.due += byMs;
    }
  }

  getSetting(key: string): string | undefined {
    return this.#settings.get(key);
  }

  setSetting(key: string, value: string): void {
    this.#settings.set(key, value);
  }

  addAudit(entry: Parameters<Store['addAudit']>[0]): void {
    this.audit.push(entry);
  }

  addLedger(entry: Parameters<Store['addLedger']>[0]): void {
    this.ledger.push(entry);
  }

  async deleteRows(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#change({ seq, isDeleted: true });
    await this.hold;
  }

  async undeleteRows(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.#change({ seq, isDeleted: false });
    await this.hold;
  }

  patchRows(patches: readonly RowPatch[]): void {
    for (const patch of patches) this.#change(patch);
  }

  async read<N extends keyof StoreReads>(
    name: N,
    params: StoreReads[N]['params'],
  ): Promise<StoreReads[N]['result']> {
    await this.hold;
    const read = this.reads.get(name);
    if (!read) throw new Error(`Cannot read ${name}: the test gave the memory store no such read`);
    return read(params) as StoreReads[N]['result'];
  }

  readonly isBehind = false;

  async caughtUp(): Promise<void> {}

  async flush(): Promise<void> {
    await this.hold;
  }

  async settled(): Promise<void> {}

  async durable(): Promise<void> {
    await this.hold;
  }

  onCommit(listener: (commitSeq: number) => void): void {
    this.#commitListeners.push(listener);
  }

  onRows(listener: (commit: RowsCommit) => void): () => void {
    this.#rowListeners.add(listener);
    return () => this.#rowListeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.hold;
  }

  /** The row with this `seq`; fails loudly, so that tests need no non-null marks. */
  row(seq: number): RowSummary {
    const row = this.rows[seq - 1];
    if (!row) throw new Error(`No row ${seq}: there are ${this.rows.length}`);
    return row;
  }

  isWaiting(id: SpoolId): boolean {
    return this.#kept.get(id)?.isWaiting ?? false;
  }

  queueOf(id: SpoolId): string | undefined {
    return this.#kept.get(id)?.queue;
  }

  #takeFailure(): Error | null {
    const failure = this.failNext;
    this.failNext = null;
    return failure;
  }

  #keep(message: Message, queue: string, isWaiting: boolean): void {
    message.rowSeq = this.rows.length + 1;
    message.isDirty = false;
    const data = message.data;
    const kept = { message: copyOf(message, data), data, queue, isWaiting, wasInFlight: false };
    this.#kept.set(message.id, kept);
  }

  #addRow(transaction: StoredTransaction, fields: Partial<RowSummary>): RowSummary {
    const row: MutableRow = {
      seq: this.rows.length + 1,
      transactionId: this.transactions.length,
      messageId: null,
      timeMs: transaction.startedMs,
      state: 'queued',
      code: transaction.code,
      from: transaction.sender,
      to: null,
      subject: '',
      route: '',
      queue: '',
      attempts: 0,
      nextDueMs: null,
      sizeBytes: transaction.body?.byteLength ?? 0,
      hasAttachment: false,
      isTls: transaction.session.tls !== null,
      isAuth: transaction.session.auth !== null,
      lastText: transaction.replyText,
      isDeleted: false,
      ...fields,
    };
    this.rows.push(row);
    return row;
  }

  #patch(message: Message, fields: Omit<RowPatch, 'seq'>): void {
    for (const seq of message.rowSeqs) this.#change({ seq, ...fields });
  }

  #change(patch: RowPatch): void {
    const row = this.rows[patch.seq - 1];
    if (!row) return;
    Object.assign(row, patch);
    void this.#commit({ changed: [patch] });
  }

  async #commit(what: {
    added?: RowSummary[];
    changed?: RowPatch[];
    records?: RecordEntry[];
  }): Promise<void> {
    await this.hold;
    this.commitSeq++;
    this.flushCount++;
    const { added = [], changed = [], records = [] } = what;
    for (const listener of this.#commitListeners) listener(this.commitSeq);
    for (const listener of this.#rowListeners) {
      listener({ commitSeq: this.commitSeq, added, changed, records });
    }
  }
}

function waitingOf(kept: Kept): WaitingMessage {
  const { message } = kept;
  return {
    id: message.id,
    rowSeq: message.rowSeq,
    rowCount: message.recipients.length,
    queue: kept.queue,
    due: message.due,
    numAttempts: message.numAttempts,
    attemptWasInFlight: kept.wasInFlight,
  };
}

function copyOf(message: Message, data: Uint8Array): Message {
  const copy = new Message({
    id: message.id,
    sender: message.sender,
    recipients: message.recipients,
    meta: structuredClone(message.meta),
    data,
  });
  copy.rowSeq = message.rowSeq;
  copy.rowOffsets = message.rowOffsets;
  copy.rowOffsets = message.rowOffsets;
  copy.numAttempts = message.numAttempts;
  copy.due = message.due;
  copy.scheduling = message.scheduling;
  return copy;
}
