/**
 * RCPT TO: one more recipient, if the client may send to it, the limits allow it and the policy
 * does not mind, in that order. A recipient that the policy refused counts toward the connection's
 * limit all the same.
 *
 * Source: RFC 5321 §4.1.1.3; `smtp_server_rcpt_to`; recorded order of checks of KumoMTA.
 */
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import { formatEndpoint } from '../endpoint.ts';
import type { RelayDecision } from '../relay.ts';
import { accept, refuse } from '../server-reply.ts';
import type { ServerReply } from '../server-reply.ts';
import type { Session } from '../session.ts';
import type { Transaction } from '../transaction.ts';

export function rcpt(
  session: Session,
  command: { readonly address: EnvelopeAddress },
): ServerReply | Promise<ServerReply> {
  const { transaction } = session;
  if (!transaction) return refuse(503, '5.5.0 MAIL FROM must be issued first', session.line);
  const decision = session.relay.decide(session.relayPeer, transaction.sender, command.address);
  if (decision instanceof Promise) {
    return decision.then((decided) => consider(session, transaction, command.address, decided));
  }
  return consider(session, transaction, command.address, decision);
}

function consider(
  session: Session,
  transaction: Transaction,
  recipient: EnvelopeAddress,
  decision: RelayDecision,
): ServerReply | Promise<ServerReply> {
  const isWanted =
    decision.mayRelay || decision.logArf !== 'Ignore' || decision.logOob !== 'Ignore';
  if (!isWanted) return refuse(550, relayingRefused(session), session.line);
  if (decision.isFriendly)
    session.trail.line('note', `KumoMTA would refuse: 550 ${relayingRefused(session)}`);
  const overLimit = checkLimits(session, transaction);
  if (overLimit) return overLimit;
  session.recipientCount++;
  if (session.deps.events.has('smtp_server_rcpt_to')) return ask(session, transaction, recipient);
  session.trail.notHandled('smtp_server_rcpt_to');
  return add(transaction, recipient);
}

function relayingRefused({ peer }: Session): string {
  return `5.7.1 relaying not permitted for ${formatEndpoint(peer)}`;
}

function checkLimits(session: Session, transaction: Transaction): ServerReply | null {
  const { maxRecipientsPerMessage, maxMessagesPerConnection, hostname } = session.params;
  if (transaction.recipients.length >= maxRecipientsPerMessage) {
    return refuse(452, '4.5.3 too many recipients', session.line);
  }
  if (session.recipientCount < maxMessagesPerConnection) return null;
  const why = 'too many recipients on this connection';
  return transaction.recipients.length === 0
    ? refuse(421, `4.5.3 ${hostname} ${why}`, session.line)
    : refuse(452, `4.5.3 ${why}`, session.line);
}

async function ask(
  session: Session,
  transaction: Transaction,
  recipient: EnvelopeAddress,
): Promise<ServerReply> {
  await session.deps.events.smtpServerRcptTo(recipient, session.meta, session.trail);
  return add(transaction, recipient);
}

function add(transaction: Transaction, recipient: EnvelopeAddress): ServerReply {
  transaction.recipients.push(recipient);
  return accept(250, `OK <${recipient.email}>`);
}
