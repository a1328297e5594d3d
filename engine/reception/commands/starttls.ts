/**
 * STARTTLS. What the session knows so far stays, as in KumoMTA; only input that was sent in clear
 * after the command is thrown away.
 *
 * Source: RFC 3207.
 */
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';

export function starttls(session: Session): ServerReply | Promise<ServerReply> {
  if (session.tls) return refuse(501, 'Cannot STARTTLS as TLS is already active', session.line);
  return begin(session);
}

async function begin(session: Session): Promise<ServerReply> {
  // Before the 220: a certificate that cannot be read must not leave the client waiting.
  const tls = await session.deps.tls.contextFor(session.params);
  return { ...accept(220, 'Ready to Start TLS'), afterwards: () => session.handshake(tls) };
}
