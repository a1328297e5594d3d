/**
 * DATA: the body follows. What happens when it has arrived is in `finish-body.ts`.
 *
 * Source: RFC 5321 §4.1.1.4.
 */
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';

export function data(session: Session): ServerReply {
  const { transaction } = session;
  if (!transaction) return refuse(503, '5.5.0 MAIL FROM must be issued first', session.line);
  if (transaction.recipients.length === 0) {
    return refuse(503, '5.5.0 RCPT TO must be issued first', session.line);
  }
  return {
    ...accept(354, 'Send body; end with CRLF.CRLF'),
    afterwards: () => session.beginBody(),
  };
}
