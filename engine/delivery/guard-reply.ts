/**
 * The reply a message gets when the guard would not let us out: a failure that is tried again,
 * since opening the host later delivers.
 */
import { DnsError } from '../dns/resolver.ts';
import { GuardRefusal } from '../guard/guard.ts';
import { reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';

/** `451 4.7.1 guard: HOST is not open`, or null when the error is about something else. */
export function guardReply(error: unknown): SmtpReply | null {
  const isRefusal =
    error instanceof GuardRefusal || (error instanceof DnsError && error.code === 'REFUSED');
  return isRefusal ? reply(451, `4.7.1 ${error.message}`) : null;
}
