/**
 * MAIL FROM: begins a transaction. Parameters are understood only as far as they were offered.
 *
 * Source: RFC 5321 §4.1.1.2, RFC 1870 §6; `smtp_server_mail_from`.
 */
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';
import { Transaction } from '../transaction.ts';

interface Mail {
  readonly address: EnvelopeAddress;
  readonly params: ReadonlyMap<string, string | null>;
}

export function mail(session: Session, command: Mail): ServerReply | Promise<ServerReply> {
  if (session.transaction) {
    return refuse(503, '5.5.0 MAIL FROM already issued; you must RSET first', session.line);
  }
  if (session.mode.advertiseSize) {
    const size = Number(command.params.get('SIZE') ?? 0);
    if (size > session.params.maxMessageSize) {
      session.trail.line('note', 'KumoMTA would ignore SIZE and refuse the data instead');
      return refuse(552, '5.3.4 message too big', session.line);
    }
  }
  if (session.deps.events.has('smtp_server_mail_from')) return ask(session, command.address);
  session.trail.notHandled('smtp_server_mail_from');
  return begin(session, command.address);
}

async function ask(session: Session, address: EnvelopeAddress): Promise<ServerReply> {
  await session.deps.events.smtpServerMailFrom(address, session.meta, session.trail);
  return begin(session, address);
}

function begin(session: Session, sender: EnvelopeAddress): ServerReply {
  const { mailClock, clock } = session.deps;
  session.transaction = new Transaction(sender, mailClock.now(), clock.now());
  return accept(250, `OK <${sender.email}>`);
}
