/** Caught messages as a test asks for them: whole, flat, without the window's details. */
import type { Attachment, RowState } from './rows.ts';

/** `GET /messages/:seq`; in the answers of `GET /wait`. One recipient's copy of a message. */
export interface CaughtMessage {
  readonly seq: number;
  readonly timeMs: number;
  readonly state: RowState;
  /** Of the reply that set the state. */
  readonly code: number | null;
  /** Text of the last reply, ours or the destination's. */
  readonly lastText: string;
  /** Envelope; `` is the null sender. */
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string;
  /** As its header says; null when the message has none. */
  readonly messageId: string | null;
  /** Decoded values by name in lower case, in their order. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly text: string | null;
  /** As it was sent, not cleaned. */
  readonly html: string | null;
  /** Addresses of links in HTML and text, each once, in their order. */
  readonly links: readonly string[];
  readonly attachments: readonly Attachment[];
  readonly sizeBytes: number;
}

/** `GET /wait`: at least as many as were asked for, oldest first. */
export interface CaughtMessages {
  readonly messages: readonly CaughtMessage[];
  /** For `since` of the next wait: the newest row there is. */
  readonly newestSeq: number;
}

/** `DELETE /messages`: what was hidden; `seqs` bring it back by `POST /rows/undelete`, at most 10,000 at once. */
export interface DeletedMessages {
  readonly changed: number;
  readonly seqs: readonly number[];
}

/** `POST /links` besides `LinkRequest`: a file made while it is saved. */
export type SaveLinkRequest =
  | { readonly what: 'attachments'; readonly seq: number }
  /** Numbers with commas between them, at most a thousand. */
  | { readonly what: 'mbox'; readonly seqs: string };
