/** Wire types of shared files: what is asked for, and what the window knows of an opened one. */

/** `POST /share` streams the file. Either `seqs` or `filter`; neither: everything. */
export interface ShareRequest {
  readonly seqs?: readonly number[];
  /** A filter as the Mail list takes it. */
  readonly filter?: string;
  /** The policy's texts go along, their secrets masked; default: only their hashes. */
  readonly withPolicy?: boolean;
}

/** `POST /share/open?name=` takes a file and answers where its own window is. */
export interface SharedOpened {
  /** With its token. */
  readonly url: string;
}

/** What the status says when the window shows a shared file instead of a running engine. */
export interface SharedFile {
  /** The file's name. */
  readonly file: string;
  readonly formatVersion: number;
  /** Who wrote it: `Postyard 0.1.0`. */
  readonly writtenBy: string;
  /** Real time. */
  readonly exportedMs: number;
  /** The workspace it came from. */
  readonly workspace: string;
  /** What was asked for, in words: `2 messages by number`, `state:bounced`. */
  readonly selection: string;
  readonly policy: SharedPolicy;
}

export interface SharedPolicy {
  /** Relative to the workspace. */
  readonly main: string;
  /** Of the list of files as `sha256sum` prints it, in order of path. */
  readonly sha256: string;
  readonly files: readonly {
    readonly path: string;
    /** Of the text with its secrets masked. */
    readonly sha256: string;
    readonly sizeBytes: number;
  }[];
  /** The texts are in the file. */
  readonly hasTexts: boolean;
}
