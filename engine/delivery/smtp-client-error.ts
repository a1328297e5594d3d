/**
 * What can go wrong on a connection to a peer, with KumoMTA's words for it. A refusal by the peer
 * is one of these only while the connection is being prepared; later it is an outcome.
 *
 * Source: reference `queues-delivery.md` §3.11 (client error texts, rows 26-28).
 */
import { debugDuration } from '../base/rust-duration.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import { debugReply } from './smtp-debug-text.ts';

/** Commands carry their CRLF; null is the banner. */
export type ClientTrouble =
  | { readonly kind: 'rejected'; readonly reply: SmtpReply }
  | { readonly kind: 'read-timeout'; readonly waitMs: number; readonly command: string | null }
  | {
      readonly kind: 'write-timeout';
      readonly waitMs: number;
      readonly commands: readonly string[];
    }
  | { readonly kind: 'payload-timeout' }
  | { readonly kind: 'read-failed'; readonly why: string; readonly command: string | null }
  | { readonly kind: 'write-failed'; readonly why: string; readonly commands: readonly string[] }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'aborted' };

export class ClientError extends Error {
  readonly trouble: ClientTrouble;

  constructor(trouble: ClientTrouble) {
    super(textOf(trouble));
    this.name = 'ClientError';
    this.trouble = trouble;
  }
}

function textOf(trouble: ClientTrouble): string {
  switch (trouble.kind) {
    case 'rejected':
      return `Command rejected ${debugReply(trouble.reply)}`;
    case 'read-timeout':
      return `Timed Out waiting ${debugDuration(trouble.waitMs)} for response to cmd=${bare(trouble.command)}`;
    case 'write-timeout':
      return `Timed Out after ${debugDuration(trouble.waitMs)} writing cmd=${trouble.commands.map(bare).join(',')}`;
    case 'payload-timeout':
      return 'Timed Out sending message payload data';
    case 'read-failed':
      return `Error ${trouble.why} reading response to cmd=${bare(trouble.command)}`;
    case 'write-failed':
      return `Error ${trouble.why} writing ${trouble.commands.map(bare).join(',')}`;
    case 'malformed':
      return trouble.why;
    case 'aborted':
      return 'Not connected';
  }
}

function bare(command: string | null): string {
  return command === null ? 'NONE' : command.replace(/\r\n$/, '');
}
