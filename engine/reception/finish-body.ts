/**
 * What happens when a body has arrived: is it well-formed, what does the policy say, which messages
 * does it make, and the reply that ends the transaction.
 *
 * A body that is too big or has an overlong line leaves the transaction as it was: the client may
 * send another one. Everything else ends it, and it is stored either way.
 *
 * Source: RFC 5321 §4.1.1.4, §4.2.5; recorded order of events of KumoMTA.
 */
import type { RefusedRow } from '../store/store.ts';
import { acceptMessages } from './accept-messages.ts';
import { checkBody, fixLineEndings } from './body-check.ts';
import type { CheckedBody } from './body-check.ts';
import { withDeadline } from './deadline.ts';
import { receiveMessages } from './receive-messages.ts';
import type { ReceptionProgress } from './receive-messages.ts';
import { refuse } from './server-reply.ts';
import type { ServerReply } from './server-reply.ts';
import type { Session } from './session.ts';
import { finalReply } from './rewrite-reply.ts';
import { storeUnaccepted } from './store-transaction.ts';
import type { Transaction } from './transaction.ts';

/** @param raw as received, without the final dot; null when it was too big to keep */
export function finishBody(
  session: Session,
  raw: Buffer | null,
): ServerReply | Promise<ServerReply> {
  const transaction = session.transaction as Transaction;
  if (!raw) return keepOpen(transaction, 552, '5.3.4 message too big');
  const checked = checkBody(raw, {
    lineBytesMax: session.params.lineLengthHardLimit,
    isFirstBodyLineALine: session.mode.isFirstBodyLineALine,
  });
  noteFirstLine(session, raw);
  if (checked.hasOverlongLine) return keepOpen(transaction, 500, '5.2.3 line too long');
  session.transaction = null;
  session.deps.metrics.messageReceived(session.listener.address);
  return process(session, transaction, checked);
}

/** Where the ordinary listener reads the first line as any other, KumoMTA does not. */
function noteFirstLine(session: Session, raw: Buffer): void {
  if (!session.mode.isFirstBodyLineALine) return;
  if (raw.length === 0) {
    session.trail.line('note', 'KumoMTA would wait for more: the body is only the final dot');
  } else if (raw[0] === 0x2e) {
    session.trail.line('note', 'KumoMTA would keep the dot at the start of the first line');
  }
}

function keepOpen(transaction: Transaction, code: number, text: string): ServerReply {
  transaction.refusal = { code, text };
  return refuse(code, text, 'DATA');
}

async function process(
  session: Session,
  transaction: Transaction,
  checked: CheckedBody,
): Promise<ServerReply> {
  const { clock, metrics } = session.deps;
  const startedMs = clock.monotonic();
  const progress: ReceptionProgress = { current: null, about: null, state: 'rejected' };
  transaction.refusal = null;
  try {
    return await withDeadline(clock, session.params.dataProcessingTimeoutMs, async (deadline) => {
      const data = withLineEndings(session, checked);
      if (data === null) {
        const text = '5.6.0 message data must use CRLF for line endings';
        return storeRefusal(refuse(552, text, 'DATA'));
      }
      const messages = await receiveMessages(session, transaction, data, progress, deadline);
      return acceptMessages(session, transaction, checked.body, messages, deadline);
    });
  } catch (error) {
    return await storeRefusal(session.replyTo(error));
  } finally {
    metrics.took('process_data', (clock.monotonic() - startedMs) / 1000);
    metrics.took('transaction', (clock.now() - transaction.startedRealMs) / 1000);
  }

  async function storeRefusal(refusal: ServerReply): Promise<ServerReply> {
    const reply = await finalReply(session, refusal);
    const { code, text } = reply;
    const isCurrent = (email: string): boolean => isAbout(progress, email);
    const rows = transaction.recipients.map((recipient): RefusedRow => ({
      recipient: recipient.email,
      state: isCurrent(recipient.email) ? progress.state : 'rejected',
      code,
      text,
      ...(isCurrent(recipient.email) && routeOf(progress)),
    }));
    session.trail.line('server', `${code} ${text}`);
    storeUnaccepted(session, transaction, [...transaction.refused, ...rows], {
      code,
      text,
      body: checked.body,
    });
    return { ...reply, isInTrail: true };
  }
}

/** Whether the refusal is about this recipient, and not only about another one's message. */
function isAbout({ current, about }: ReceptionProgress, email: string): boolean {
  return (
    current?.recipients.some(
      (recipient, place) => recipient.email === email && (about?.includes(place) ?? true),
    ) ?? false
  );
}

/** The route that refused the message. */
function routeOf({ current }: ReceptionProgress): Pick<RefusedRow, 'route'> {
  const route = current?.routeName ?? null;
  return route === null ? {} : { route };
}

/** The data as the policy sees it, or null when its line endings are refused. */
function withLineEndings(session: Session, checked: CheckedBody): Buffer | null {
  if (!checked.hasBareLineEnding) return checked.body;
  const { invalidLineEndings } = session.params;
  if (invalidLineEndings === 'Deny') return null;
  return invalidLineEndings === 'Fix' ? fixLineEndings(checked.body) : checked.body;
}
