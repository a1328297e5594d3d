/** Records as the Log screen pages through them. */

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
