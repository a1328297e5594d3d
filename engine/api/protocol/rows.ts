/** The Mail list and an opened message: its lines, its parts, what is done with lines. */
import type { SuppressedBy } from './suppression.ts';

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

/** `POST /rows/delete`, `/rows/undelete`, `/rows/read`. */
export interface RowsRequest {
  readonly seqs: readonly number[];
}

/** Answer to `POST /rows/…` and `/maildirs/flags`. */
export interface ChangedResult {
  readonly changed: number;
}
