/**
 * Writes a reply: the policy may rewrite it, a refusal becomes a Rejection record and a row, and
 * the connection ends when the reply says so.
 *
 * Source: RFC 5321 §4.2; `smtp_server_rewrite_response`; recorded Rejection records of KumoMTA.
 */
import { toError } from '../base/assert.ts';
import { reply as parsedReply } from '../mail/smtp-reply.ts';
import { formatReply, replyLines } from '../smtp/reply-format.ts';
import { asksAboutReplies, rewriteReply } from './rewrite-reply.ts';
import { isRejection } from './server-reply.ts';
import type { ServerReply } from './server-reply.ts';
import type { Session } from './session.ts';
import { storeRefusedMail } from './store-transaction.ts';

/** Returns at once when neither the policy nor a record has to be waited for. */
export function respond(session: Session, reply: ServerReply): void | Promise<void> {
  const mustAsk = reply.isRewritten !== true && asksAboutReplies(session);
  if (mustAsk || isRejection(reply.code, reply.text)) return respondSlowly(session, reply, mustAsk);
  return send(session, reply, reply.code, reply.text);
}

async function respondSlowly(
  session: Session,
  reply: ServerReply,
  mustAsk: boolean,
): Promise<void> {
  let { code, text } = reply;
  if (mustAsk) ({ code, text } = await rewriteReply(session, reply));
  if (isRejection(code, text) && text !== '') await recordRejection(session, reply, code, text);
  await send(session, reply, code, text);
}

function send(
  session: Session,
  reply: ServerReply,
  code: number,
  text: string,
): void | Promise<void> {
  const { connection, trail, mode } = session;
  let wire = formatReply(code, text);
  if (wire === '' && mode.answerEmptyReject) {
    trail.line('note', 'KumoMTA would hang up without a reply: the reject has no text');
    wire = `${code} \r\n`;
  }
  if (wire !== '' && !reply.isInTrail) trail.line('server', shown(wire));
  connection.write(wire);
  session.tracer.wrote(wire);
  if (reply.command !== null) noteRefusal(session, code, text);
  session.line = null;
  session.subject = null;
  if (wire === '' && isRejection(code, text)) {
    // KumoMTA's session breaks off here, without a word.
    session.end(code, 'a reject without text');
    return;
  }
  if (reply.then === 'follow-with-421' && code !== 421) {
    const goodbye = `421 ${session.params.hostname} disconnecting due to previous error`;
    trail.line('server', goodbye);
    connection.write(`${goodbye}\r\n`);
    session.tracer.wrote(`${goodbye}\r\n`);
  }
  if (reply.then !== 'continue' || code === 421) {
    const isExpected = code === 221 && session.hasReadAll;
    session.end(isRejection(code, text) ? code : null, text, isExpected);
    return;
  }
  return reply.afterwards?.();
}

/** As a transcript shows it. */
function shown(wire: string): string {
  return wire.slice(0, -2).replaceAll('\r\n', '\n');
}

/** A refused MAIL is a transaction of its own, a refused RCPT a row of the open one. */
function noteRefusal(session: Session, code: number, text: string): void {
  const { subject, transaction } = session;
  if (subject?.verb === 'MAIL' && !transaction) storeRefusedMail(session, subject, code, text);
  if (subject?.verb === 'RCPT' && transaction) {
    transaction.refused.push({ recipient: subject.address, state: 'rejected', code, text });
  }
}

async function recordRejection(
  session: Session,
  reply: ServerReply,
  code: number,
  text: string,
): Promise<void> {
  const { deps, transaction } = session;
  deps.metrics.rejection(session.listener.address);
  try {
    await deps.log.record({
      type: 'Rejection',
      response: parsedReply(code, replyLines(text).join('\n'), reply.command),
      peerAddress: { name: session.ehlo ?? '', addr: session.peer.ip },
      sessionId: session.id,
      override: {
        sender: transaction?.sender.email ?? '',
        recipient: transaction?.recipients.at(-1)?.email ?? '',
        size: 0,
        numAttempts: 0,
        meta: session.meta.snapshot(),
        receptionProtocol: null,
      },
    });
  } catch (error) {
    deps.diagnostic('error', `Cannot record a rejection: ${toError(error).message}`);
  }
}
