/**
 * What a reply means for a recipient, as a function of code and enhanced code alone.
 *
 * Source: RFC 5321 §4.2.1, §4.5.3.1.10; reference `queues-delivery.md` §5.6.
 */
import type { SmtpReply } from '../mail/smtp-reply.ts';

export type Verdict = 'delivered' | 'deferred' | 'bounced';

/** 4xx, 3xx and 503 are tried again, 2xx is delivered, everything else is given up. */
export function classify(code: number): Verdict {
  if (code === 503 || (code >= 300 && code < 500)) return 'deferred';
  return code >= 200 && code < 300 ? 'delivered' : 'bounced';
}

/**
 * Whether a reply to RCPT says that the transaction has enough recipients. `yes` with the enhanced
 * code 4.5.3; `maybe` for a bare 452 or 552, which some peers use for a full mailbox.
 */
export function tooManyRecipients(reply: SmtpReply): 'yes' | 'maybe' | 'no' {
  const { enhanced, code } = reply;
  if (enhanced) {
    return enhanced.class === 4 && enhanced.subject === 5 && enhanced.detail === 3 ? 'yes' : 'no';
  }
  return code === 452 || code === 552 ? 'maybe' : 'no';
}
