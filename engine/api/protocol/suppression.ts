/** What engine and window say to each other about suppression: types only. */
import type { TranscriptLine } from './attempts.ts';
import type { JourneyStep } from './journey.ts';
import type { RowState } from './rows.ts';

export type SuppressionMode = 'off' | 'reject' | 'null' | 'bounce';

export type SuppressionOrigin = 'hand' | 'bounce' | 'oob' | 'expiration' | 'import' | 'policy';

export interface SuppressionAutoAdd {
  readonly bounce: boolean;
  readonly oob: boolean;
  readonly expiration: boolean;
  /** Bounce classes that list somebody; empty for all. */
  readonly classes: readonly string[];
}

/** `GET /suppression/settings`; also part of `EngineStatus`. */
export interface SuppressionStatus {
  readonly mode: SuppressionMode;
  readonly autoAdd: SuppressionAutoAdd;
  /** Entries on the list. */
  readonly count: number;
  /** Grows with every change of the list, whoever made it. */
  readonly version: number;
  /** Why the list cannot be read; null when it can. */
  readonly problem: string | null;
  /** The list's file, relative to the workspace. */
  readonly file: string;
}

/** `POST /suppression/settings`: absent parts stay as they are. */
export interface SuppressionChange {
  readonly mode?: SuppressionMode;
  readonly autoAdd?: Partial<SuppressionAutoAdd>;
}

export interface SuppressionEntryRow {
  readonly id: number;
  readonly recipient: string;
  /** Empty for every sender. */
  readonly sendingDomain: string;
  readonly reason: string;
  readonly origin: SuppressionOrigin;
  readonly sinceMs: number;
  /** The reply of the record that caused it, or the imported line: `550 5.1.1`, `list.csv:3`. */
  readonly source: string;
  readonly recordSeq: number | null;
  readonly rowSeq: number | null;
  /** Messages that it stopped. */
  readonly hits: number;
  readonly lastHitMs: number | null;
}

/** `GET /suppression?cursor=&limit=&q=` newest first. */
export interface SuppressionPage {
  readonly entries: readonly SuppressionEntryRow[];
  readonly next: string | null;
  /** Entries that match the text. */
  readonly matching: number;
}

/** `POST /suppression` */
export interface SuppressionAdd {
  readonly entries: readonly {
    readonly recipient: string;
    /** Absent, empty or `*`: every sender. */
    readonly sendingDomain?: string;
    readonly reason?: string;
  }[];
}

export interface SuppressionAdded {
  readonly added: number;
  readonly existing: number;
}

/** `POST /suppression/remove`: by number, or by recipient and sending domain. */
export interface SuppressionRemove {
  readonly ids?: readonly number[];
  /** Without a sending domain: every entry of the recipient. */
  readonly keys?: readonly { readonly recipient: string; readonly sendingDomain?: string }[];
}

export interface SuppressionRemoved {
  readonly removed: number;
  /** For `POST /suppression/undo`. */
  readonly undo: string;
}

/** `POST /suppression/import` */
export interface SuppressionImport {
  readonly format: 'csv' | 'json';
  readonly text: string;
  /** Name of the file, for the entries' source. */
  readonly label?: string;
  readonly whenListed?: 'keep' | 'replace';
}

export interface SuppressionImported extends SuppressionAdded {
  readonly refusedCount: number;
  /** The first of them. */
  readonly refused: readonly {
    readonly line: number;
    readonly text: string;
    readonly why: string;
  }[];
}

/** `GET /suppression/lua?mode=` */
export interface SuppressionLua {
  readonly mode: Exclude<SuppressionMode, 'off'>;
  /** Name of the file beside `init.lua`. */
  readonly file: string;
  readonly text: string;
  /** The one statement that the mode comes down to. */
  readonly core: string;
}

/** One step of the demo: the same message once more, in one mode or (`off`) with nobody listed. */
export interface SuppressionDemoRequest {
  readonly step: SuppressionMode;
  readonly from?: string;
  readonly to?: string;
}

/** `POST /suppression/demo` */
export interface SuppressionDemoResult {
  readonly step: SuppressionMode;
  readonly from: string;
  readonly to: string;
  /** The entry that stopped it, in words; null when it was not stopped. */
  readonly entry: string | null;
  /** What the application is told. */
  readonly reply: string;
  readonly rowSeq: number;
  readonly state: RowState;
  readonly queue: string;
  readonly attempts: number;
  /** From the first word of the envelope to the reply. */
  readonly transcript: readonly TranscriptLine[];
  /** What was decided, in order. */
  readonly steps: readonly JourneyStep[];
  readonly records: readonly {
    readonly type: string;
    readonly code: number;
    readonly text: string;
    readonly recordSeq: number;
  }[];
  /** Where it was put, relative to the workspace; null when it was not delivered to a maildir. */
  readonly maildir: string | null;
}

/** The entry that stopped a row. */
export interface SuppressedBy {
  /** In words: `user@example.com from shop.example: Bounce 550 5.1.1, since 2026-11-21`. */
  readonly entry: string;
  readonly recipient: string;
  readonly sendingDomain: string;
  readonly mode: SuppressionMode;
}
