/** Trouble inside an SMTP command that carries its own reply. Caught in `reception/session.ts`. */
import type { SmtpReply } from './smtp-reply.ts';

export class SmtpReplyError extends Error {
  readonly reply: SmtpReply;
  /** Who caused it; decides how loudly it is logged. */
  readonly fault: 'client' | 'policy' | 'server';

  constructor(
    reply: SmtpReply,
    options: { fault: 'client' | 'policy' | 'server'; cause?: unknown },
  ) {
    super(`${reply.code} ${reply.text}`, { cause: options.cause });
    this.name = 'SmtpReplyError';
    this.reply = reply;
    this.fault = options.fault;
  }
}
