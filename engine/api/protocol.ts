/**
 * The messages between engine and window: types only, imported by both sides. Routes live under
 * `/api/v1`; each has a file in `api/routes/` named after its URL. Lists use opaque cursors, never
 * offsets, and never carry bodies. Times are epoch milliseconds on the mail clock unless they say
 * real.
 *
 * Source: `docs/architecture.md`; `docs/reference/api/`.
 *
 * Long because it is the catalogue of all that passes between engine and window.
 */
import type { ClockStatus } from './protocol/clock.ts';
import type { FarEndPlace } from './protocol/far-ends.ts';
import type { SharedFile } from './protocol/share.ts';
import type { SuppressedBy, SuppressionStatus } from './protocol/suppression.ts';
export type * from './protocol/checks.ts';
export type * from './protocol/clock.ts';
export type * from './protocol/dns.ts';
export type * from './protocol/explain.ts';
export type * from './protocol/far-ends.ts';
export type * from './protocol/messages.ts';
export type * from './protocol/queue-actions.ts';
export type * from './protocol/settings.ts';
export type * from './protocol/expectations.ts';
export type * from './protocol/replay.ts';
export type * from './protocol/routes.ts';
export type * from './protocol/share.ts';
export type * from './protocol/suppression.ts';

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

/** One line of the Mail list: one recipient of one transaction. */
export interface RecipientRow {
  /** Total order of arrival; the row's key. */
  readonly seq: number;
  readonly transactionId: number;
  readonly messageId: string | null;
  readonly timeMs: number;
  readonly state: RowState;
  /** Of the reply that set the state; null while none is known. */
  readonly code: number | null;
  /** Envelope; null when there was no MAIL or RCPT. `` is the null sender. */
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string;
  /** What decides where it goes: route name, `maildir`, `lua:<constructor>`, `smtp`, `null`, or ``. */
  readonly route: string;
  readonly queue: string;
  readonly attempts: number;
  readonly nextDueMs: number | null;
  readonly sizeBytes: number;
  readonly hasAttachment: boolean;
  readonly isTls: boolean;
  readonly isAuth: boolean;
  /** The last words about it: the reply of the last attempt or of the refusal. */
  readonly lastText: string;
  readonly isDeleted: boolean;
}

/**
 * `GET /rows?cursor=&limit=&filter=&maildir=` newest first: by `seq`, falling. Instead of a cursor,
 * `at=<seq>` starts at the newest row not above that number (the scroll bar's way to the middle) and
 * `newerThan=<seq>` gives the `limit` rows directly above it, newest first as well.
 */
export interface RowPage {
  readonly rows: readonly RecipientRow[];
  /** For the next (older) page; null at the end. */
  readonly next: string | null;
  readonly total: Count;
  /** The ends of the scroll bar, whatever the filter; null when nothing is stored. */
  readonly oldestSeq: number | null;
  readonly newestSeq: number | null;
  /** Number of the commit this answer was read at. */
  readonly commitSeq: number;
}

/** An exact count, or a bound: `10,000+`. */
export interface Count {
  readonly value: number;
  readonly isExact: boolean;
}

export interface SourceLink {
  /** `init.lua:84`, `route sg`, `zones/test.zone`. */
  readonly label: string;
  readonly file?: string;
  readonly line?: number;
  readonly route?: string;
}

/** `GET /rows/:seq` */
export interface RowDetail {
  readonly row: RecipientRow;
  readonly messageIdHeader: string | null;
  readonly reversePath: string | null;
  readonly forwardPaths: readonly string[];
  readonly sessionId: string;
  readonly listener: string;
  readonly peer: string;
  readonly ehlo: string | null;
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  readonly auth: string | null;
  /** Sentence: `Delivered on attempt 2, 20 m 12 s after it was received`. */
  readonly summary: string;
  /** Sentence for a message that waits: why. */
  readonly whyWaiting: string | null;
  readonly headers: readonly HeaderField[];
  readonly parts: readonly MimePart[];
  readonly textBody: string | null;
  readonly hasHtml: boolean;
  readonly attachments: readonly Attachment[];
  /** Hosts that the HTML would load from, and how many times each. */
  readonly remoteContent: readonly { readonly host: string; readonly count: number }[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly bodySizeBytes: number;
  /** Policy changed the data: original and final differ. */
  readonly isChanged: boolean;
  readonly maildir: MaildirPlace | null;
  readonly otherRecipients: readonly {
    readonly seq: number;
    readonly to: string;
    readonly state: RowState;
  }[];
  /** Of a suppressed row: what stopped it, as far as it was this engine's list. */
  readonly suppressedBy?: SuppressedBy;
  /** Parsing was not finished (large or queued in the inspect worker). */
  readonly isPending: boolean;
  readonly parseError: string | null;
}

export interface HeaderField {
  readonly name: string;
  readonly raw: string;
  readonly decoded: string;
}

export interface MimePart {
  /** Dotted path: `1`, `1.2`. */
  readonly path: string;
  readonly depth: number;
  readonly contentType: string;
  readonly charset: string | null;
  readonly encoding: string | null;
  readonly disposition: string | null;
  readonly filename: string | null;
  readonly contentId: string | null;
  readonly encodedBytes: number;
  readonly decodedBytes: number;
}

export interface Attachment {
  readonly path: string;
  readonly filename: string;
  readonly contentType: string;
  readonly sizeBytes: number;
}

export interface MaildirPlace {
  /** Relative to the workspace. */
  readonly path: string;
  /** Relative to `path`: `new/1795350199.M204P88.yard`. */
  readonly file: string | null;
  readonly isOnDisk: boolean;
  readonly flags: string;
}

/** `GET /rows/:seq/journey` */
export interface Journey {
  readonly parts: readonly JourneyPart[];
}

export interface JourneyPart {
  readonly kind:
    'reception' | 'policy' | 'queue' | 'plan' | 'attempt' | 'wait' | 'maildir' | 'record' | 'note';
  readonly atMs: number;
  readonly title: string;
  readonly detail: string;
  readonly durationMs: number | null;
  readonly state: RowState | null;
  readonly code: number | null;
  readonly steps: readonly JourneyStep[];
  readonly source: SourceLink | null;
  /** Of a wait: how long it really took, when the mail clock was not real time. */
  readonly realDurationMs?: number | null;
}

/**
 * How the fields of each kind are drawn:
 * - `line`: `what` is the verb, `text` its argument, `result` the reply;
 * - `call`: `what(text) → result`;
 * - `meta`: the value named `what` went from `text` (`unset`) to `result`;
 * - `print`, `why`, `error`: `text`; `result` stands at the right edge.
 */
export interface JourneyStep {
  readonly kind: 'line' | 'call' | 'meta' | 'print' | 'why' | 'error';
  /** Milliseconds since the part's reference (connect, or the attempt's start); null when not timed. */
  readonly offsetMs: number | null;
  readonly what: string;
  readonly text: string;
  /** Right-hand text: the reply, the returned value. */
  readonly result: string;
  readonly durationMs: number | null;
  readonly source: SourceLink | null;
}

/** `GET /rows/:seq/attempts`, first attempt first. */
export interface AttemptList {
  readonly attempts: readonly AttemptDetail[];
}

export interface AttemptDetail {
  readonly id: number;
  /** 1 for the first attempt. */
  readonly number: number;
  readonly dueMs: number | null;
  readonly startedMs: number;
  readonly startedRealMs: number;
  readonly durationMs: number | null;
  readonly protocol: string;
  readonly site: string;
  readonly pool: string | null;
  readonly source: string | null;
  readonly peer: string | null;
  readonly outcome: 'running' | 'delivered' | 'deferred' | 'bounced' | 'cancelled' | 'interrupted';
  readonly code: number | null;
  readonly text: string;
  readonly nextDueMs: number | null;
  /** `20 m × 2⁰ + 12 s jitter` */
  readonly arithmetic: string | null;
  /** Sentences about where it went and why, with their sources. */
  readonly notes: readonly JourneyStep[];
  readonly transcript: readonly TranscriptLine[];
  /** The far end that it led to, and the message there. */
  readonly farEnd?: FarEndPlace | null;
}

export interface TranscriptLine {
  readonly atMs: number;
  readonly who: 'client' | 'server' | 'note';
  readonly text: string;
}

/** `GET /queues` */
export interface QueueList {
  readonly scheduled: readonly ScheduledQueueRow[];
  readonly ready: readonly ReadyQueueRow[];
  readonly nowMs: number;
}

export interface ScheduledQueueRow {
  readonly name: string;
  readonly depth: number;
  readonly nextDueMs: number | null;
  readonly oldestMs: number | null;
  readonly lastError: string | null;
  readonly protocol: string;
  readonly suspended: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
  readonly bouncing: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
  readonly configError: string | null;
}

export interface ReadyQueueRow {
  readonly name: string;
  readonly depth: number;
  readonly connections: number;
  readonly connectionLimit: number;
  readonly states: readonly string[];
  readonly lastReply: string | null;
  readonly suspended: {
    readonly id: string;
    readonly reason: string;
    readonly untilMs: number;
  } | null;
}

/** `GET /queues/:name` (URL-encoded): the queue's messages by due time, for the retry strips. */
export interface QueueDetail {
  readonly queue: ScheduledQueueRow;
  readonly retryIntervalMs: number;
  readonly maxRetryIntervalMs: number | null;
  readonly maxAgeMs: number;
  /** How attempts are made: `smtp`, `maildir`, `lua:<constructor>`, … */
  readonly egressPool: string | null;
  /** Which handler or route gave the configuration; null when only the defaults apply. */
  readonly configSource: SourceLink | null;
  readonly messages: readonly QueuedMessage[];
  readonly more: number;
  /** Messages that left this queue within the last hour, latest first. */
  readonly left?: readonly LeftMessage[];
  readonly nowMs: number;
}

export interface LeftMessage {
  readonly messageId: string;
  readonly seq: number;
  readonly to: string;
  readonly state: RowState;
  readonly code: number | null;
  readonly text: string;
  readonly createdMs: number;
  readonly leftMs: number;
  readonly past: QueuedMessage['past'];
}

export interface QueuedMessage {
  readonly messageId: string;
  readonly seq: number;
  readonly to: string;
  readonly subject: string;
  readonly createdMs: number;
  readonly dueMs: number | null;
  readonly numAttempts: number;
  readonly expiresMs: number;
  readonly past: readonly {
    readonly atMs: number;
    readonly outcome: 'delivered' | 'deferred' | 'bounced';
    readonly text: string;
  }[];
  /** Predicted by the schedule, jitter left out; the last one is where it expires. */
  readonly predicted: readonly {
    readonly atMs: number;
    readonly expires: boolean;
    readonly arithmetic: string;
  }[];
  readonly why: string;
}

/** `GET /records?cursor=&limit=&types=&q=` newest first; `types` is a list with commas. */
export interface RecordPage {
  readonly records: readonly RecordRow[];
  readonly next: string | null;
  /** Stored records by type, whatever the filter; only in an answer without cursor. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly commitSeq: number;
}

export interface RecordRow {
  readonly recordSeq: number;
  readonly timeMs: number;
  readonly type: string;
  readonly messageId: string | null;
  /** A recipient row to open; null for Rejection without one. */
  readonly rowSeq: number | null;
  readonly sender: string;
  readonly recipient: string;
  readonly queue: string;
  readonly site: string;
  readonly numAttempts: number;
  readonly code: number;
  readonly text: string;
  /** KumoMTA's JSON exactly as written. */
  readonly json: string;
}

/**
 * `GET /maildirs?open=PATH&open=…&limit=`: the tree under `mail/`. Small trees come whole; of a large
 * one only what is open, and the first `limit` of each folder.
 */
export interface MaildirTree {
  readonly folders: readonly MaildirFolder[];
}

export interface MaildirFolder {
  /** Relative to the workspace: `mail/example.com/alice`. */
  readonly path: string;
  readonly name: string;
  readonly isMaildir: boolean;
  /** With everything below, as far as `children` go. */
  readonly messageCount: number;
  readonly unreadCount: number;
  /** Nothing below was left out, so that the counts are exact. */
  readonly isCounted: boolean;
  /** Folders directly below; there are more than in `children` while it is closed or very long. */
  readonly childCount: number;
  readonly children: readonly MaildirFolder[];
}

/** `GET /maildirs/messages?path=&limit=`: what is on disk, newest first. */
export interface MaildirListing {
  readonly path: string;
  readonly messages: readonly MaildirMessage[];
  readonly more: number;
}

export interface MaildirMessage {
  /** Unique name without flags: the key. */
  readonly unique: string;
  readonly file: string;
  readonly folder: 'new' | 'cur';
  /** `F`, `R`, `S`, `T`, … as in the name. */
  readonly flags: string;
  readonly timeMs: number;
  readonly sizeBytes: number;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  /** The recipient row it came from, when this engine wrote it. */
  readonly rowSeq: number | null;
}

/** `POST /maildirs/flags` */
export interface MaildirFlagRequest {
  readonly path: string;
  readonly uniques: readonly string[];
  readonly add: string;
  readonly remove: string;
}

/** `GET /status`; also pushed when it changes. */
export interface EngineStatus {
  readonly version: string;
  readonly workspace: string;
  readonly workspaceName: string;
  readonly listeners: readonly {
    readonly service: 'smtp' | 'http' | 'ui';
    readonly address: string;
    readonly wanted: string | null;
    /** `STARTTLS`, `AUTH PLAIN`: what an SMTP listener offers beyond the mail itself. */
    readonly offers?: readonly string[];
  }[];
  readonly policy: PolicyStatus;
  readonly queued: number;
  readonly nextDueMs: number | null;
  readonly mailCount: number;
  readonly mailBytes: number;
  readonly receivedPerMinute: number;
  readonly clock: ClockStatus;
  readonly openHosts: readonly string[];
  /** The built-in last route "capture what would leave". */
  readonly captureLeaving: boolean;
  /** The list of routes: grows with every change; `problem` when `routes.json` is broken. */
  readonly routes?: { readonly revision: number; readonly problem: string | null };
  readonly inspectLag: number;
  readonly suppression?: SuppressionStatus;
  /** Group commits since the start. */
  readonly flushCount: number;
  readonly commitSeq: number;
  readonly warnings: readonly string[];
  /** This is no running engine but a shared file, opened to read. */
  readonly shared?: SharedFile;
}

export interface PolicyStatus {
  readonly file: string;
  readonly loadedMs: number | null;
  readonly error: {
    readonly file: string;
    readonly line: number | null;
    readonly message: string;
  } | null;
  /** Listeners or spools changed: a restart is needed. */
  readonly needsRestart: string | null;
  readonly handlers: readonly string[];
}

/** `GET /policy/lines?file=&line=&around=`: lines of a policy file, for a source link or an error. */
export interface PolicyLines {
  readonly file: string;
  readonly firstLine: number;
  readonly lines: readonly string[];
}

/** `POST /send-test` answers with what the SMTP server said. */
export interface SendTestRequest {
  readonly from?: string;
  readonly to?: string;
  readonly subject?: string;
}
export interface SendTestResult {
  readonly ok: boolean;
  readonly reply: string;
  readonly to: string;
}

/** `POST /rows/delete`, `/rows/undelete`, `/rows/read`. */
export interface RowsRequest {
  readonly seqs: readonly number[];
}

/** Answer to `POST /rows/…` and `/maildirs/flags`. */
export interface ChangedResult {
  readonly changed: number;
}

/**
 * `POST /links` makes short-lived signed URLs for the preview frame and downloads. The preview with
 * `remote` may load from loopback and from open hosts, never from others. Downloads honour `Range`.
 */
export interface LinkRequest {
  readonly seq: number;
  readonly what: 'preview' | 'part' | 'source' | 'original';
  readonly part?: string;
  /** The part as it stands in the message, not decoded. */
  readonly encoded?: boolean;
  readonly remote?: boolean;
  readonly theme?: 'light' | 'dark';
}
export interface LinkResult {
  readonly url: string;
  readonly expiresRealMs: number;
}

/** Every error answer. `message` says what was found and what was wanted. */
export interface ApiError {
  readonly error: { readonly code: string; readonly message: string };
}

/** Client to engine over the WebSocket `/api/v1/live`. The first message authenticates. */
export type LiveRequest =
  | { readonly type: 'hello'; readonly token: string; readonly since: number | null }
  | { readonly type: 'watch'; readonly maildir: string | null };

/** Engine to client. `seq` grows by one per event; `hello` continues after `since` or says `resync`. */
export type LiveEvent =
  | { readonly type: 'welcome'; readonly seq: number; readonly status: EngineStatus }
  | { readonly type: 'resync'; readonly seq: number; readonly reason: string }
  /** Batched, at most ten times a second: new rows (newest last) and rows that changed. */
  | {
      readonly type: 'rows';
      readonly seq: number;
      readonly added: readonly RecipientRow[];
      readonly changed: readonly RowChange[];
      readonly total: Count;
    }
  | {
      readonly type: 'records';
      readonly seq: number;
      readonly records: readonly RecordRow[];
      readonly dropped: number;
    }
  | { readonly type: 'queues'; readonly seq: number; readonly queues: QueueList }
  | { readonly type: 'status'; readonly seq: number; readonly status: EngineStatus }
  | { readonly type: 'maildir'; readonly seq: number; readonly path: string }
  /** State, counts or received mail of some far end changed: ask again when they are shown. */
  | { readonly type: 'far-ends'; readonly seq: number }
  | {
      readonly type: 'print';
      readonly seq: number;
      readonly level: string;
      readonly text: string;
      readonly timeMs: number;
    };

/** The fields of a row that changed, as they are now; absent ones stayed as they were. */
export type RowChange = Pick<RecipientRow, 'seq'> &
  Partial<
    Pick<
      RecipientRow,
      | 'state'
      | 'code'
      | 'route'
      | 'queue'
      | 'attempts'
      | 'nextDueMs'
      | 'lastText'
      | 'subject'
      | 'hasAttachment'
      | 'isDeleted'
    >
  >;
