/**
 * The store's door: what survives `kill -9`. Everything that was acknowledged is here; memory
 * only holds what must be fast. One writer worker owns the database, one reader worker answers
 * lists; the main thread runs no SQL of ours after the start.
 *
 * Transactions are in order among themselves, and so is everything else; no report is durable
 * before a transaction that is older than it. `void` methods join a group commit some milliseconds
 * later; methods that return a promise resolve when what they did is durable.
 */
import type { EpochMs } from '../base/clock.ts';
import type { SessionId, SpoolId } from '../base/ids.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { StoreReads } from './reads.ts';

/** What became of a recipient row. Rejected and aborted transactions have rows too. */
export type RowState =
  | 'queued'
  | 'deferred'
  | 'delivered'
  | 'bounced'
  | 'expired'
  | 'suppressed'
  | 'rejected'
  | 'null'
  | 'aborted';

/** One line of an SMTP conversation, ours or the peer's. Secrets arrive redacted. */
export interface TranscriptLine {
  /** Milliseconds since the connection began; of a delivery, since the attempt began. */
  readonly atMs: number;
  readonly who: 'client' | 'server' | 'note';
  readonly text: string;
}

/** A connection's facts that do not change with each transaction. */
export interface SessionFacts {
  readonly id: SessionId;
  readonly listener: string;
  readonly peer: string;
  readonly protocol: 'ESMTP' | 'HTTP' | 'LogRecord' | 'Lua';
  readonly startedMs: EpochMs;
  readonly startedRealMs: EpochMs;
  readonly ehlo: string | null;
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  readonly auth: string | null;
}

/** A recipient row that never became a message: refused RCPT, refused data, or no RCPT at all. */
export interface RefusedRow {
  readonly recipient: string | null;
  readonly state: 'rejected' | 'aborted' | 'null' | 'suppressed';
  readonly code: number | null;
  readonly text: string;
  /** The route that decided so. */
  readonly route?: string;
}

export interface StoredTransaction {
  readonly session: SessionFacts;
  readonly startedMs: EpochMs;
  readonly endedMs: EpochMs;
  readonly startedRealMs: EpochMs;
  readonly sender: string | null;
  /** The final reply of the transaction, `250 OK ids=…`, or what ended it. */
  readonly code: number | null;
  readonly replyText: string;
  /** The data exactly as sent (dots unstuffed); null when none arrived. */
  readonly body: Uint8Array | null;
  /** Accepted messages; `rowSeq` is assigned by `saveTransaction`. */
  readonly messages: readonly {
    readonly message: Message;
    readonly queue: string;
    readonly state: 'queued' | 'null' | 'suppressed';
    /** What decides where it goes, when that is known already: see `RecipientRow.route`. */
    readonly route?: string;
    /** It goes into a queue; default: yes when `state` is `queued`. */
    readonly isWaiting?: boolean;
  }[];
  readonly refused: readonly RefusedRow[];
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
}

/** A message as it waits: enough to know when, little enough for a million. */
export interface WaitingMessage {
  readonly id: SpoolId;
  readonly rowSeq: number;
  readonly rowCount: number;
  readonly queue: string;
  readonly due: EpochMs | null;
  readonly numAttempts: number;
  /** An attempt had begun and no outcome was recorded: it may have been delivered. */
  readonly attemptWasInFlight: boolean;
}

export interface AttemptStart {
  readonly message: Message;
  readonly rowSeqs: readonly number[];
  /** Attempts made before this one (`message.numAttempts`); 0 for the first. */
  readonly numAttempts: number;
  readonly dueMs: EpochMs | null;
  readonly startedMs: EpochMs;
  readonly startedRealMs: EpochMs;
  /** When it is tried again if nothing is heard of this attempt. */
  readonly nextDueMs: EpochMs | null;
  readonly protocol: string;
  readonly site: string;
  readonly pool: string | null;
  readonly source: string | null;
  /** Route name, `maildir`, `lua:<constructor>`, `smtp`: what the row shows from now on. */
  readonly route?: string;
}

/** Where a recipient's copy was put. */
export interface MaildirDelivery {
  readonly rowSeq: number;
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  /** The file's unique name, without flags. */
  readonly unique: string;
}

export interface AttemptEnd {
  readonly attemptId: number;
  readonly endedMs: EpochMs;
  readonly durationMs: number;
  readonly outcome: 'delivered' | 'deferred' | 'bounced' | 'cancelled';
  readonly code: number | null;
  readonly text: string;
  readonly peer: string | null;
  readonly nextDueMs: EpochMs | null;
  /** Plan, arithmetic, why the port: shown in the Journey. */
  readonly details: JsonObject;
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  readonly maildirs?: readonly MaildirDelivery[];
}

/** The fields of a recipient row that change after it was added; absent ones stayed as they were. */
export interface RowPatch {
  readonly seq: number;
  readonly state?: RowState;
  readonly code?: number | null;
  readonly route?: string;
  readonly queue?: string;
  readonly attempts?: number;
  readonly nextDueMs?: number | null;
  readonly lastText?: string;
  readonly subject?: string;
  readonly hasAttachment?: boolean;
  readonly isDeleted?: boolean;
}

/** A recipient row as the list shows it. */
export interface RowSummary {
  readonly seq: number;
  readonly transactionId: number;
  readonly messageId: string | null;
  readonly timeMs: EpochMs;
  readonly state: RowState;
  readonly code: number | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string;
  readonly route: string;
  readonly queue: string;
  readonly attempts: number;
  readonly nextDueMs: number | null;
  readonly sizeBytes: number;
  readonly hasAttachment: boolean;
  readonly isTls: boolean;
  readonly isAuth: boolean;
  readonly lastText: string;
  readonly isDeleted: boolean;
}

/** What one durable commit did to the list. A row that was added and changed is only in `added`. */
export interface RowsCommit {
  readonly commitSeq: number;
  /** In order of `seq`. */
  readonly added: readonly RowSummary[];
  readonly changed: readonly RowPatch[];
  /** Records that this commit made durable, in order; the API pushes them to the log screen. */
  readonly records: readonly RecordEntry[];
}

/** A record as it was handed over. */
export interface RecordEntry {
  readonly recordSeq: number;
  readonly type: string;
  readonly timeMs: EpochMs;
  /** KumoMTA's JSON exactly as written. */
  readonly json: string;
  readonly messageId: SpoolId | null;
  readonly rowSeq: number | null;
}

export interface Store {
  /**
   * Assigns `rowSeq` to every message (synchronously, before this returns its promise), stores
   * bodies, rows, trace and transcript, and resolves when all of it is durable.
   * @throws {StoreFullError} when the disk or the configured bound is full: nothing was stored
   */
  saveTransaction(transaction: StoredTransaction): Promise<void>;
  /** A message without a transaction: `kumo.inject_message`, log hooks, replays. */
  saveMessage(message: Message, queue: string, origin: SessionFacts): Promise<void>;
  /**
   * Writes what changed in a waiting message: queue, due, attempts, and, when it is dirty, meta,
   * recipients, data (the message is clean afterwards).
   */
  updateMessage(message: Message, queue: string, route?: string): void;
  /** The message left the queue for good; its rows and body stay until retention takes them. */
  removeFromQueue(message: Message): void;
  /**
   * Brings back meta, recipients and body of a message; null when there is none of that id.
   * @throws {CorruptEntryError} what is stored cannot be read
   */
  load(waiting: { readonly id: SpoolId }): Promise<Message | null>;
  loadBody(message: Message): Promise<void>;
  /** Every message that is still in a queue, in due order; called once at start. */
  waiting(): AsyncIterable<readonly WaitingMessage[]>;
  /**
   * Records an attempt before the network is touched; the message's due time becomes
   * `nextDueMs` and its attempts one more, should nothing be heard of this attempt again.
   * `durable()` afterwards makes sure that it is known after a crash.
   * @returns the attempt's id
   */
  beginAttempt(attempt: AttemptStart): number;
  endAttempt(attempt: AttemptEnd): void;
  /**
   * Persists a record and moves the rows it is about to the state it implies.
   * @returns the record's sequence number
   */
  addRecord(entry: {
    readonly type: string;
    readonly timeMs: EpochMs;
    readonly json: string;
    readonly messageId: SpoolId | null;
    readonly rowSeqs: readonly number[];
    readonly state: RowState | null;
    readonly code: number;
    readonly text: string;
    readonly attemptId: number | null;
  }): number;
  /** Everything that waits in a queue becomes due at the same moment. */
  setQueueDue(queue: string, dueMs: EpochMs): void;
  /** The clock was set back: the due time of everything that waits moves by `byMs`. */
  shiftDue(byMs: number): void;
  /** Small settings that must survive: clock state, switches. */
  getSetting(key: string): string | undefined;
  setSetting(key: string, value: string): void;
  /** Who changed what through the API. */
  addAudit(entry: {
    readonly timeMs: EpochMs;
    readonly who: string;
    readonly verb: string;
    readonly detail: JsonObject;
  }): void;
  /** A connection that went out or was refused. */
  addLedger(entry: {
    readonly timeMs: EpochMs;
    readonly kind: string;
    readonly target: string;
    readonly allowed: boolean;
    readonly why: string;
  }): void;
  /** Hides rows from the lists; what waits in a queue stays there. Resolves when durable. */
  deleteRows(seqs: readonly number[]): Promise<void>;
  undeleteRows(seqs: readonly number[]): Promise<void>;
  /** What the inspect worker found out about rows after they were stored. */
  patchRows(
    patches: readonly { readonly seq: number; subject?: string; hasAttachment?: boolean }[],
  ): void;
  /** Runs one of the named reads (`reads.ts`, `search-reads.ts`) in the reader worker. */
  read<N extends keyof StoreReads>(
    name: N,
    params: StoreReads[N]['params'],
  ): Promise<StoreReads[N]['result']>;
  /** Resolves when everything asked for so far is durable, if it cannot be read yet. */
  durable(): Promise<void>;
  /** Resolves when everything asked for so far is durable and can be read. */
  flush(): Promise<void>;
  /** Resolves when everything acknowledged so far can be read; `read` waits for it by itself. */
  settled(): Promise<void>;
  /** More is waiting to be written than should be: work that can wait asks for `caughtUp` first. */
  readonly isBehind: boolean;
  caughtUp(): Promise<void>;
  /** Number of the last durable commit. */
  readonly commitSeq: number;
  /** Counted in tests and by the bench: group commits so far. */
  readonly flushCount: number;
  onCommit(listener: (commitSeq: number) => void): void;
  /** Rows that a durable commit added or changed; summaries are made only when somebody listens. */
  onRows(listener: (commit: RowsCommit) => void): () => void;
  close(): Promise<void>;
}

/** Disk or configured bound is full. Reception answers 452; nothing was stored. */
export class StoreFullError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreFullError';
  }
}

/** An entry of the store is damaged. It stays as it is; whoever asked decides what becomes of it. */
export class CorruptEntryError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CorruptEntryError';
  }
}
