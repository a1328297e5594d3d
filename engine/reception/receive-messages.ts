/**
 * From a body to messages: the policy sees the whole, says how recipients are grouped, then sees
 * each message. The overlay (routes, suppression) follows. Nothing is stored or queued here; a
 * refusal at any point refuses all recipients.
 *
 * Source: `smtp_server_data`, `smtp_server_split_transaction`, `smtp_server_message_received`.
 */
import type { EnvelopeAddress } from '../mail/envelope.ts';
import { cloneJson } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import { reply } from '../mail/smtp-reply.ts';
import { SmtpReplyError } from '../mail/smtp-reply-error.ts';
import type { Deadline } from './deadline.ts';
import type { OverlayVerdict, ReceptionOverlay } from './overlay.ts';
import type { Session } from './session.ts';
import { addReceivedHeader } from './stamp.ts';
import type { Transaction } from './transaction.ts';

/** Where processing is, for the rows of a transaction that is refused there. */
export interface ReceptionProgress {
  /** The message that the policy is looking at. */
  current: Message | null;
  /** Its recipients that a refusal is about, as their places in it; null: all of them. */
  about: readonly number[] | null;
  /** The state its rows take when it is refused. */
  state: 'rejected' | 'suppressed';
}

export interface ReceivedMessage {
  readonly message: Message;
  /** What becomes of it when it is thrown away: the `null` queue's own word, or suppression's. */
  readonly discardState: 'null' | 'suppressed';
}

export const DEFERRED_QUEUE = 'deferred_smtp_inject.kumomta.internal';

/**
 * @throws {PolicyReject} the policy refuses the transaction
 * @throws {SmtpReplyError} the overlay refuses it, or the deadline has passed
 */
export async function receiveMessages(
  session: Session,
  transaction: Transaction,
  data: Buffer,
  progress: ReceptionProgress,
  deadline: Deadline,
): Promise<ReceivedMessage[]> {
  const whole = wholeMessage(session, transaction, data);
  const groups = await groupRecipients(session, whole);
  const received: ReceivedMessage[] = [];
  for (const recipients of groups) {
    deadline.enter('rx');
    if (recipients.length === 0) throw new Error('recipient list is empty!?');
    const message = new Message({
      id: session.deps.ids.next(),
      // What `smtp_server_data` did to the sender is forgotten, as in KumoMTA.
      sender: transaction.sender,
      recipients,
      // A policy may have kept the whole: what it sets there later is not the message's.
      meta: groups.length === 1 && !(whole instanceof Message) ? whole.meta : cloneJson(whole.meta),
      data: whole.data,
    });
    if (session.params.traceHeaders.receivedHeader) addReceivedHeader(session, message);
    progress.current = message;
    received.push(...(await receiveOne(session, message, progress)));
  }
  progress.current = null;
  return received;
}

/** The message before it is split: one with an id only when the policy will look at it. */
function wholeMessage(
  session: Session,
  { sender, recipients }: Transaction,
  data: Buffer,
): Message | Pick<Message, 'recipients' | 'meta' | 'data'> {
  const { events, ids } = session.deps;
  const meta = session.meta.snapshot();
  const isLookedAt = events.has('smtp_server_data') || events.has('smtp_server_split_transaction');
  if (!isLookedAt) return { recipients, meta, data };
  return new Message({ id: ids.next(), sender, recipients, meta, data });
}

async function groupRecipients(
  session: Session,
  whole: Message | Pick<Message, 'recipients'>,
): Promise<readonly (readonly EnvelopeAddress[])[]> {
  const { events } = session.deps;
  if (whole instanceof Message && events.has('smtp_server_data')) {
    await events.smtpServerData(whole, session.meta, session.trail);
  } else {
    session.trail.notHandled('smtp_server_data');
  }
  if (whole instanceof Message && events.has('smtp_server_split_transaction')) {
    const groups = await events.smtpServerSplitTransaction(whole, session.meta, session.trail);
    if (groups) return groups;
  } else {
    session.trail.notHandled('smtp_server_split_transaction');
  }
  const { recipients } = whole;
  if (session.params.batchHandling === 'BifurcateAlways') return recipients.map((one) => [one]);
  return [...Map.groupBy(recipients, (one) => one.domain.toLowerCase()).values()];
}

async function receiveOne(
  session: Session,
  message: Message,
  progress: ReceptionProgress,
): Promise<ReceivedMessage[]> {
  const { events, overlay } = session.deps;
  if (session.params.deferredQueue) {
    message.setMeta('queue', DEFERRED_QUEUE);
    return [{ message, discardState: 'null' }];
  }
  if (events.has('smtp_server_message_received')) {
    try {
      await events.smtpServerMessageReceived(message, session.meta, session.trail);
    } catch (error) {
      progress.state = isMarkedSuppressed(message) ? 'suppressed' : 'rejected';
      throw error;
    }
  } else {
    session.trail.notHandled('smtp_server_message_received');
  }
  if (overlay && message.getMeta('queue') !== 'null') {
    return applyOverlay(session, overlay, message, progress);
  }
  return [{ message, discardState: isMarkedSuppressed(message) ? 'suppressed' : 'null' }];
}

async function applyOverlay(
  session: Session,
  overlay: ReceptionOverlay,
  message: Message,
  progress: ReceptionProgress,
): Promise<ReceivedMessage[]> {
  const verdict = await overlay.apply(message, {
    sessionId: session.id,
    listener: session.listener.address,
    peerIp: session.peer.ip,
    trace: session.trail,
  });
  if (verdict === 'keep' || verdict.kind !== 'divide') return [obeyed(message, verdict, progress)];
  const apart = takeApart(session, message, verdict.apart);
  return [{ message, discardState: 'null' }, obeyed(apart, verdict.decide(apart), progress)];
}

/** @throws {SmtpReplyError} the verdict refuses the message, and so the transaction */
function obeyed(
  message: Message,
  verdict: Exclude<OverlayVerdict, { kind: 'divide' }>,
  progress: ReceptionProgress,
): ReceivedMessage {
  if (verdict === 'keep') return { message, discardState: 'null' };
  if (verdict.kind === 'reject') {
    progress.current = message;
    progress.about = verdict.about ?? null;
    progress.state = verdict.state;
    throw new SmtpReplyError(reply(verdict.code, verdict.text), { fault: 'policy' });
  }
  message.setMeta('queue', 'null');
  return { message, discardState: verdict.state };
}

/** These recipients leave the message and become one of their own, otherwise alike. */
function takeApart(session: Session, message: Message, apart: readonly number[]): Message {
  const isApart = (index: number): boolean => apart.includes(index);
  const { recipients } = message;
  message.recipients = recipients.filter((_, index) => !isApart(index));
  return new Message({
    id: session.deps.ids.next(),
    sender: message.sender,
    recipients: recipients.filter((_, index) => isApart(index)),
    meta: cloneJson(message.meta),
    data: message.data,
  });
}

/** A policy with a suppression of its own marks what it refuses or throws away. */
function isMarkedSuppressed(message: Message): boolean {
  const mark = message.getMeta('suppressed');
  return mark !== undefined && mark !== false && mark !== '';
}
