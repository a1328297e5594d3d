/** Maildirs as they are on disk: the tree, the messages of a folder, their flags. */

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
