/** The Received header of a message that came by SMTP, from what the session knows. */
import type { Message } from '../mail/message.ts';
import { receivedHeader } from '../mail/trace-headers.ts';
import type { Session } from './session.ts';

/** Puts it on top of the message, naming the first recipient. */
export function addReceivedHeader(session: Session, message: Message): void {
  const { tls, ehlo, peer, local, params } = session;
  const header = receivedHeader({
    ehloDomain: ehlo,
    peerIp: peer.ip,
    hostname: params.hostname,
    localIp: local.ip,
    protocol: tls ? (session.identity === null ? 'ESMTPS' : 'ESMTPSA') : 'ESMTP',
    tls,
    id: message.id,
    firstRecipient: message.recipients[0]?.email ?? '',
    dateMs: session.deps.mailClock.now(),
  });
  message.data = Buffer.concat([Buffer.from(header), message.data]);
}
