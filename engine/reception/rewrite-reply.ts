/**
 * The policy's word on a reply (`smtp_server_rewrite_response`), with its call in the trail.
 *
 * The reply that ends a transaction is asked about before the transaction is stored, so that its
 * Journey shows the call and the line the client saw. In strict mode it is asked when it is
 * written, as KumoMTA does, which is too late for the Journey.
 */
import { replyLines } from '../smtp/reply-format.ts';
import type { ServerReply } from './server-reply.ts';
import type { Session } from './session.ts';

type Said = Pick<ServerReply, 'code' | 'text'>;

export function asksAboutReplies(session: Session): boolean {
  return session.deps.events.has('smtp_server_rewrite_response');
}

export async function rewriteReply(
  session: Session,
  { code, text, command }: Said & Pick<ServerReply, 'command'>,
): Promise<Said> {
  const shown = replyLines(text).join('\n');
  const answer = await session.deps.events.smtpServerRewriteResponse(
    code,
    shown,
    command,
    session.meta,
    session.trail,
  );
  return { code: answer.status ?? code, text: answer.text ?? text };
}

/** The last reply of a transaction that is about to be stored. */
export async function finalReply(session: Session, reply: ServerReply): Promise<ServerReply> {
  if (!session.mode.insertAfterReply || !asksAboutReplies(session)) return reply;
  return { ...reply, ...(await rewriteReply(session, reply)), isRewritten: true };
}
