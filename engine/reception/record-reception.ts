/**
 * The records of a message that was received: Reception, or Feedback in its place when it is a
 * complaint, and one OOB for each failure that a delivery report tells of.
 *
 * Source: reference of KumoMTA's records; recorded scenarios.
 */
import { toError } from '../base/assert.ts';
import type { Message } from '../mail/message.ts';
import { plainReply } from '../mail/smtp-reply.ts';
import type { Disposition } from '../log/record.ts';
import type { Report } from './report.ts';
import type { Session } from './session.ts';

export interface ReceivedRecord {
  readonly message: Message;
  readonly report: Report | null;
  readonly fate: string;
}

/** Waiting for it is how a slow log slows the client down. */
export async function recordReception(session: Session, one: ReceivedRecord): Promise<void> {
  const { message, report } = one;
  const { tls } = session;
  const common = {
    message,
    sessionId: session.id,
    // A message that was not taken has no rows of its own.
    ...(one.fate === 'refused' ? { rowSeqs: [] } : {}),
  };
  await write(session, {
    ...common,
    type: report?.kind === 'complaint' ? 'Feedback' : 'Reception',
    response: plainReply(250, ''),
    peerAddress: { name: session.ehlo ?? '', addr: session.peer.ip },
    tls: tls && {
      cipher: tls.cipher,
      protocolVersion: tls.version,
      peerSubjectName: tls.peerSubject,
    },
    ...(report?.kind === 'complaint' ? { feedbackReport: report.feedback } : {}),
  });
  if (report?.kind !== 'failures') return;
  for (const failure of report.failures) {
    await write(session, {
      ...common,
      type: 'OOB',
      response: failure.response,
      peerAddress: { name: failure.reportingMta, addr: session.peer.ip },
      override: {
        sender: message.recipients[0]?.email ?? '',
        recipient: failure.recipient,
        size: 0,
        numAttempts: 0,
        ...(failure.timeMs === null ? {} : { timestampMs: failure.timeMs }),
      },
    });
  }
}

async function write(session: Session, disposition: Disposition): Promise<void> {
  try {
    await session.deps.log.record(disposition);
  } catch (error) {
    const what = `Cannot record a ${disposition.type}`;
    session.deps.diagnostic('error', `${what}: ${toError(error).message}`);
  }
}
