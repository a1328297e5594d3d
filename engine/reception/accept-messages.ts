/**
 * From received messages to the reply: their queues are found, it is decided which may go on, all
 * is stored, recorded and inserted.
 *
 * The order is KumoMTA's: every queue is resolved before anything is stored; a message's Reception
 * is recorded when it is stored, even when the reply then refuses it; strict mode inserts before
 * the 250, ordinary mode after it (the 250 is sent after the durable commit).
 *
 * Source: reference of KumoMTA's reception; recorded scenarios.
 */
import { toError } from '../base/assert.ts';
import { INSERTS_IN_FLIGHT_MAX } from '../base/limits.ts';
import { cloneJson } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { plainReply, reply as parsedReply } from '../mail/smtp-reply.ts';
import { SmtpReplyError } from '../mail/smtp-reply-error.ts';
import { applySupplementalHeader } from '../mail/trace-headers.ts';
import { StoreFullError } from '../store/store.ts';
import type { RefusedRow, StoredTransaction } from '../store/store.ts';
import type { PassedReply } from './overlay.ts';
import type { Deadline } from './deadline.ts';
import type { ReceivedMessage } from './receive-messages.ts';
import type { RelayDecision } from './relay.ts';
import { recordReception } from './record-reception.ts';
import { readReport } from './report.ts';
import type { Report } from './report.ts';
import { accept, refuse } from './server-reply.ts';
import type { ServerReply } from './server-reply.ts';
import type { Session } from './session.ts';
import { finalReply } from './rewrite-reply.ts';
import { describeTransaction, storeUnaccepted } from './store-transaction.ts';
import type { Transaction } from './transaction.ts';

/** `queued`: it goes on. `null` and `suppressed`: taken and thrown away. `refused`: not taken. */
type Fate = 'queued' | 'null' | 'suppressed' | 'refused';

interface Decided {
  readonly message: Message;
  readonly queue: string;
  readonly fate: Fate;
  readonly report: Report | null;
}

const RELAY_DENIED = { code: 550, text: '5.7.1 relaying not permitted' } as const;

/** @param body as sent, for the store; the messages carry what is delivered */
export async function acceptMessages(
  session: Session,
  transaction: Transaction,
  body: Buffer,
  received: readonly ReceivedMessage[],
  deadline: Deadline,
): Promise<ServerReply> {
  deadline.enter('resolve');
  const queues = received.map(({ message }) => message.queueName());
  for (const queue of queues) if (queue !== 'null') await resolve(session, queue);
  deadline.enter('spool');
  const decided: Decided[] = [];
  for (const [index, one] of received.entries()) {
    decided.push(await decide(session, one, queues[index] ?? ''));
  }
  if (decided.every(({ fate }) => fate === 'refused')) {
    return refuseRelay(session, transaction, body, decided);
  }
  const ids = decided.map(({ message }) => message.id);
  const text = `OK ids=${ids.join(' ')}`;
  const final = await finalReply(session, accepted(text));
  session.trail.line('server', `${final.code} ${final.text}`);
  const end = { code: final.code, text: final.text, body };
  const stored = describeTransaction(session, transaction, end, decided.flatMap(storedMessage), [
    ...transaction.refused,
    ...decided.flatMap(refusedRows),
  ]);
  const waiting = decided.filter(({ fate }) => fate === 'queued').map(({ message }) => message);
  await save(session, stored, waiting, deadline);
  for (const one of decided) await recordReception(session, one);
  if (!session.mode.insertAfterReply) return insertFirst(session, waiting, ids, deadline);
  const passed = session.deps.overlay?.passThrough?.(waiting) ?? null;
  if (passed !== null) return passOn(session, waiting, text, passed);
  return { ...final, afterwards: () => insertLater(session, waiting) };
}

function accepted(text: string): ServerReply {
  return { ...accept(250, text), command: 'DATA', isInTrail: true };
}

/** @throws {Error} KumoMTA's text; the client sees 421 */
async function resolve(session: Session, queue: string): Promise<void> {
  try {
    await session.deps.queue.resolve(queue, session.trail);
  } catch (error) {
    const { message } = toError(error);
    throw new Error(`QueueManager::resolve(${queue}) failed: ${message}`, { cause: error });
  }
}

async function decide(
  session: Session,
  { message, discardState }: ReceivedMessage,
  queue: string,
): Promise<Decided> {
  const { traceHeaders } = session.params;
  if (traceHeaders.supplementalHeader) applySupplementalHeader(message, traceHeaders);
  const [recipient] = message.recipients;
  if (!recipient) throw new Error('recipient list is empty!?');
  const decision = await session.relay.decide(session.relayPeer, message.sender, recipient);
  const report = readReport(message.data, decision);
  const goesOn = report ? report.disposition === 'LogThenRelay' : decision.mayRelay;
  const fate =
    queue === 'null' ? discardState : goesOn ? 'queued' : report ? ('null' as const) : 'refused';
  const decided: Decided = { message, queue, fate, report };
  if (session.tracer.isWatched) traceDecided(session, decided, decision);
  return decided;
}

function traceDecided(session: Session, decided: Decided, decision: RelayDecision): void {
  const { message, queue, fate, report } = decided;
  const [only, ...more] = message.recipients.map(({ email }) => email);
  session.tracer.publish({
    MessageDisposition: {
      relay: decision.mayRelay,
      log_arf: decision.logArf,
      log_oob: decision.logOob,
      queue,
      meta: cloneJson(message.meta),
      sender: message.sender.email,
      recipient: more.length > 0 ? [only ?? '', ...more] : (only ?? ''),
      id: message.id,
      was_arf_or_oob: report !== null,
      will_enqueue: fate === 'queued',
    },
  });
}

/** Nothing may be relayed: the transaction is refused, though KumoMTA has logged its reception. */
async function refuseRelay(
  session: Session,
  transaction: Transaction,
  body: Buffer,
  decided: readonly Decided[],
): Promise<ServerReply> {
  const final = await finalReply(session, {
    ...refuse(RELAY_DENIED.code, RELAY_DENIED.text, 'DATA'),
    isInTrail: true,
  });
  const { code, text } = final;
  const rows =
    decided.length > 0
      ? decided.flatMap(refusedRows)
      : transaction.rowsWithout('rejected', code, text);
  session.trail.line('server', `${code} ${text}`);
  storeUnaccepted(session, transaction, [...transaction.refused, ...rows], { code, text, body });
  for (const one of decided) await recordReception(session, one);
  return final;
}

function storedMessage(one: Decided): StoredTransaction['messages'] {
  const { message, queue, fate } = one;
  if (fate === 'refused') return [];
  const { routeName } = message;
  return [{ message, queue, state: fate, ...(routeName !== null && { route: routeName }) }];
}

function refusedRows({ message, fate }: Decided): RefusedRow[] {
  if (fate !== 'refused') return [];
  return message.recipients.map(({ email }) => ({
    recipient: email,
    state: 'rejected',
    ...RELAY_DENIED,
  }));
}

/** @throws {SmtpReplyError} 452 when the store is full */
async function save(
  session: Session,
  stored: StoredTransaction,
  waiting: readonly Message[],
  deadline: Deadline,
): Promise<void> {
  const { store, diagnostic } = session.deps;
  const saved = store.saveTransaction(stored);
  if (session.params.deferredSpool && !session.mode.alwaysCommit) {
    saved.catch((error: unknown) => {
      diagnostic('error', `Cannot store a deferred message: ${toError(error).message}`);
    });
    return;
  }
  try {
    await saved;
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error;
    diagnostic('error', `The store is full: ${error.message}`);
    const full = parsedReply(452, '4.3.1 Insufficient system storage');
    throw new SmtpReplyError(full, { fault: 'server', cause: error });
  }
  // The client was told 451 meanwhile and will send it again.
  if (deadline.isOver) for (const message of waiting) store.removeFromQueue(message);
}

async function insertFirst(
  session: Session,
  waiting: readonly Message[],
  ids: readonly string[],
  deadline: Deadline,
): Promise<ServerReply> {
  deadline.enter('insert');
  const failures = await insertAll(session, waiting, deadline);
  const [first] = failures.values();
  if (first === undefined) return accepted(`OK ids=${ids.join(' ')}`);
  // An error of ours whatever the policy raised: a reject is not honoured here.
  if (failures.size === waiting.length) return session.replyTo(new Error(first.message));
  return accepted(`PARTIAL ids=${ids.filter((id) => !failures.has(id)).join(' ')}`);
}

/** The reply is what the first attempts said; 250 when that took too long. */
async function passOn(
  session: Session,
  waiting: readonly Message[],
  text: string,
  passed: Promise<PassedReply | null>,
): Promise<ServerReply> {
  await insertLater(session, waiting);
  const said = await passed;
  if (said === null) return accepted(text);
  return said.code < 400
    ? accepted(said.text)
    : { ...refuse(said.code, said.text, 'DATA'), isInTrail: true };
}

/** Does not keep the client waiting, unless too many are on their way already. */
function insertLater(session: Session, waiting: readonly Message[]): void | Promise<void> {
  if (waiting.length === 0) return;
  const { inserts } = session.listener;
  inserts.count += waiting.length;
  // After the sockets that are readable now: whoever waits for a reply goes first.
  const turn = new Promise<void>((resolve) => setImmediate(resolve));
  const done = turn
    .then(() => insertAll(session, waiting, null))
    .then(() => {
      inserts.count -= waiting.length;
    });
  return inserts.count > INSERTS_IN_FLIGHT_MAX ? done : undefined;
}

/** Why some could not be inserted, by their ids; each of them was bounced. */
async function insertAll(
  session: Session,
  waiting: readonly Message[],
  deadline: Deadline | null,
): Promise<ReadonlyMap<string, Error>> {
  const failures = new Map<string, Error>();
  for (const message of waiting) {
    if (deadline?.isOver) {
      session.deps.store.removeFromQueue(message);
      continue;
    }
    try {
      await session.deps.queue.insert(message, 'Received', null);
    } catch (error) {
      failures.set(message.id, toError(error));
      await unwind(session, message, toError(error));
    }
  }
  return failures;
}

async function unwind(session: Session, message: Message, error: Error): Promise<void> {
  const { log, store, diagnostic } = session.deps;
  const text = `KumoMTA internal: QueueManager::insert failed during reception: ${error.message}`;
  try {
    await log.record({ type: 'Bounce', message, response: plainReply(500, text) });
  } catch (failure) {
    diagnostic('error', `Cannot record a bounce: ${toError(failure).message}`);
  }
  store.removeFromQueue(message);
}
