/** Signed URLs, for what a browser loads by itself: the preview frame and downloads. */

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
