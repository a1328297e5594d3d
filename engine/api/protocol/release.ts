/** Captured messages released by hand: copies that really go somewhere. */

/** `POST /rows/release` */
export interface ReleaseRequest {
  /** At most 1,000; each gets a copy of its own. */
  readonly seqs: readonly number[];
  /** `host:port`, `ip:port`, `[ip]:port`, or the name of a route that is on. */
  readonly to: string;
  /** To whom; absent: each to its own recipient. */
  readonly recipient?: string;
}

export interface ReleaseResult {
  /** How many copies were queued. */
  readonly released: number;
  /** Where they go, in words: `127.0.0.1:2526`, `the route smarthost (mail.example.net:25)`. */
  readonly to: string;
  /** Rows of the copies. */
  readonly seqs: readonly number[];
  readonly failed: readonly { readonly seq: number; readonly text: string }[];
}
