/** The loaded policy, and lines of its files. */

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
