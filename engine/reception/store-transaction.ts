/**
 * Transactions on their way into the store. The ones that were not accepted are stored too, without
 * anybody waiting for it: the client has had its answer.
 */
import { toError } from '../base/assert.ts';
import type { RefusedRow, SessionFacts, StoredTransaction } from '../store/store.ts';
import { formatEndpoint } from './endpoint.ts';
import type { Session } from './session.ts';
import { Transaction } from './transaction.ts';

export interface TransactionEnd {
  readonly code: number | null;
  readonly text: string;
  /** As sent, without stuffed dots; null when none arrived whole. */
  readonly body: Uint8Array | null;
}

/** A transaction that ends without a message. Takes the session's trail. */
export function storeUnaccepted(
  session: Session,
  transaction: Transaction,
  refused: readonly RefusedRow[],
  end: TransactionEnd,
): void {
  const stored = describeTransaction(session, transaction, end, [], refused);
  session.deps.store.saveTransaction(stored).catch((error: unknown) => {
    const { message } = toError(error);
    session.deps.diagnostic('warn', `Cannot keep a refused transaction: ${message}`);
  });
}

/** A MAIL that was refused: one row without a recipient. */
export function storeRefusedMail(
  session: Session,
  subject: { readonly address: string },
  code: number,
  text: string,
): void {
  const { deps } = session;
  const sender = { email: subject.address, user: '', domain: '' };
  const transaction = new Transaction(sender, deps.mailClock.now(), deps.clock.now());
  const row = { recipient: null, state: 'rejected', code, text } as const;
  storeUnaccepted(session, transaction, [row], { code, text, body: null });
}

export function describeTransaction(
  session: Session,
  transaction: Transaction,
  end: TransactionEnd,
  messages: StoredTransaction['messages'],
  refused: readonly RefusedRow[],
): StoredTransaction {
  return {
    session: sessionFacts(session),
    startedMs: transaction.startedMs,
    endedMs: session.deps.mailClock.now(),
    startedRealMs: transaction.startedRealMs,
    sender: transaction.sender.email,
    code: end.code,
    replyText: end.text,
    body: end.body,
    messages,
    refused,
    ...session.trail.take(),
  };
}

function sessionFacts(session: Session): SessionFacts {
  const { tls } = session;
  return {
    id: session.id,
    listener: session.listener.address,
    peer: formatEndpoint(session.peer),
    protocol: 'ESMTP',
    startedMs: session.startedMs,
    startedRealMs: session.startedRealMs,
    ehlo: session.ehlo,
    tls: tls && { version: tls.version, cipher: tls.cipher },
    auth: session.identity,
  };
}
