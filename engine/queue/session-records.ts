/**
 * What a session writes about the messages it had: a record for each outcome, then the end of the
 * message or its way back into the queue.
 *
 * Source: reference `queues-delivery.md` §5.6, §5.7, §7.5, §12.2.
 */
import { attemptOutcome, decisiveReply, requeueReply } from '../delivery/outcome.ts';
import type { Attempt } from '../delivery/attempt.ts';
import type { AttemptReport, Outcome, SessionAddress } from '../delivery/deliverer.ts';
import { deliveryProtocolName } from '../delivery/ready-queue-name.ts';
import type { Disposition, RecordType } from '../log/record.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import { withReason } from './insert-reason.ts';
import type { InsertContext, InsertReason } from './insert-reason.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ReadyEntry } from './ready-messages.ts';
import type { ReadyQueue } from './ready-queue.ts';

/** A message in a session's hand. */
export interface Held {
  readonly entry: ReadyEntry;
  attempt: Attempt | null;
  /** Who it was for when it was taken; a message that moves on by itself may have lost them. */
  readonly addressees: { readonly emails: readonly string[]; readonly rowSeqs: readonly number[] };
  /** Of all transactions so far. */
  readonly outcomes: Outcome[];
  peer?: string | null;
}

export interface BatchSettings {
  readonly batchSize: number;
  readonly minBatchSize: number;
  readonly maxLatencyMs: number;
}

const RECORD_TYPE: Readonly<Record<Outcome['kind'], RecordType>> = {
  delivered: 'Delivery',
  deferred: 'TransientFailure',
  bounced: 'Bounce',
  rebound: 'DeferredInjectionRebind',
};

export function hold(entry: ReadyEntry): Held {
  const { recipients, rowSeqs } = entry.message;
  const addressees = { emails: recipients.map(({ email }) => email), rowSeqs };
  return { entry, attempt: null, addressees, outcomes: [] };
}

const NO_ADDRESS: SessionAddress = { peerAddress: null, sourceAddress: null, tls: null };

export class SessionRecords {
  /** How many messages go at once: one, unless the policy sends batches itself. */
  readonly batch: BatchSettings;
  readonly #parts: QueueParts;
  readonly #ready: ReadyQueue;
  readonly #sessionId: string;

  constructor(parts: QueueParts, ready: ReadyQueue, sessionId: string) {
    this.#parts = parts;
    this.#ready = ready;
    this.#sessionId = sessionId;
    const { protocol } = ready.identity;
    this.batch =
      protocol.kind === 'lua'
        ? {
            batchSize: Math.max(1, protocol.batchSize),
            minBatchSize: Math.max(1, Math.min(protocol.minBatchSize, protocol.batchSize)),
            maxLatencyMs: protocol.maxBatchLatencyMs,
          }
        : { batchSize: 1, minBatchSize: 1, maxLatencyMs: 0 };
  }

  /** Logs what became of one message's recipients and drops those who are done. */
  async record(held: Held, report: AttemptReport): Promise<void> {
    const { message, queue } = held.entry;
    held.attempt?.add(report);
    held.peer = report.address.peerAddress?.addr ?? held.peer ?? null;
    const done = new Set<number>();
    for (const outcome of report.outcomes) {
      held.outcomes.push(outcome);
      if (outcome.kind === 'rebound') {
        await this.#logMoved(held, outcome.reply);
        continue;
      }
      const indexes =
        outcome.recipients === 'all' ? message.recipients.map((_, i) => i) : outcome.recipients;
      if (outcome.kind !== 'deferred') for (const index of indexes) done.add(index);
      if (outcome.tooManyRecipients === true) continue;
      this.#ready.noteReply(outcome.reply);
      if (outcome.kind === 'deferred') queue.noteFailure(outcome.reply);
      await this.#log(held, RECORD_TYPE[outcome.kind], outcome.reply, report.address, indexes);
    }
    message.keepRecipients((index) => !done.has(index));
  }

  /** After the last transaction: the message is finished, or what is left of it is requeued. */
  async conclude(held: Held): Promise<void> {
    const { deps, activity } = this.#parts;
    const { message } = held.entry;
    const outcome = attemptOutcome(held.outcomes);
    const reply = decisiveReply(held.outcomes);
    const peer = held.peer ?? null;
    if (held.outcomes.some(({ kind }) => kind === 'rebound')) {
      return held.attempt?.end({ outcome: 'delivered', reply, peer });
    }
    if (message.recipients.length === 0) {
      held.attempt?.end({ outcome, reply, peer });
      deps.store.removeFromQueue(message);
      activity.changed();
      return;
    }
    const hasLogged = held.outcomes.some(
      ({ kind, tooManyRecipients }) => kind === 'deferred' && tooManyRecipients !== true,
    );
    const reason: InsertReason = hasLogged ? 'LoggedTransientFailure' : 'TooManyRecipients';
    await this.#requeue(held, requeueReply(held.outcomes), [reason], reply);
  }

  /** A failure of the session itself: the message is tried again later. */
  async defer(held: Held, reply: SmtpReply): Promise<void> {
    this.#ready.noteReply(reply);
    held.entry.queue.noteFailure(reply);
    await this.#log(held, 'TransientFailure', reply, NO_ADDRESS);
    await this.#requeue(held, reply, ['LoggedTransientFailure'], reply);
  }

  /** The fate of everything in the ready queue; these records name no protocol. */
  async failInBulk(
    held: Held,
    failure: {
      readonly kind: 'deferred' | 'bounced';
      readonly reply: SmtpReply;
      readonly reason: InsertReason;
    },
  ): Promise<void> {
    const { deps, activity } = this.#parts;
    const { message, queue } = held.entry;
    const { kind, reply, reason } = failure;
    this.#ready.noteReply(reply);
    if (kind === 'deferred') queue.noteFailure(reply);
    await deps.log.record({
      ...this.#shared(held, NO_ADDRESS),
      type: RECORD_TYPE[kind],
      response: reply,
      deliveryProtocol: null,
      rowSeqs: message.rowSeqs,
    });
    if (kind === 'deferred') {
      const context = withReason([reason], 'LoggedTransientFailure');
      return this.#requeue(held, reply, context, reply);
    }
    held.attempt?.end({ outcome: 'bounced', reply });
    deps.store.removeFromQueue(message);
    activity.changed();
  }

  /** The watchdog's record; what becomes of the message is another matter. */
  async logDelayed(held: Held, reply: SmtpReply): Promise<void> {
    await this.#log(held, 'Delayed', reply, NO_ADDRESS);
  }

  async #requeue(
    held: Held,
    response: SmtpReply,
    context: InsertContext,
    shown: SmtpReply | null,
  ): Promise<void> {
    const { requeue } = this.#parts;
    await requeue.requeue({
      ...held.entry,
      increment: 'count-attempt',
      delayMs: null,
      response,
      context,
      trace: held.attempt?.trace ?? null,
      onDecided: ({ nextDueMs, arithmetic }) =>
        held.attempt?.end({
          outcome: 'deferred',
          reply: shown ?? response,
          peer: held.peer ?? null,
          nextDueMs,
          arithmetic,
        }),
    });
  }

  async #logMoved(held: Held, response: SmtpReply): Promise<void> {
    const { emails, rowSeqs } = held.addressees;
    await this.#parts.deps.log.record({
      ...this.#shared(held, NO_ADDRESS),
      type: RECORD_TYPE.rebound,
      response,
      recipients: emails,
      rowSeqs,
    });
  }

  async #log(
    held: Held,
    type: RecordType,
    response: SmtpReply,
    address: SessionAddress,
    indexes?: readonly number[],
  ): Promise<void> {
    const { message } = held.entry;
    const rowSeqs = message.rowSeqs;
    await this.#parts.deps.log.record({
      ...this.#shared(held, address),
      type,
      response,
      ...(indexes === undefined
        ? { rowSeqs }
        : {
            recipients: indexes.map((index) => message.recipients[index]?.email ?? ''),
            rowSeqs: indexes.map((index) => rowSeqs[index] ?? 0),
          }),
    });
  }

  /** What every record of this session says. Deliveries inside the engine name no egress. */
  #shared(held: Held, address: SessionAddress): Omit<Disposition, 'type' | 'response'> {
    const { identity, path } = this.#ready;
    const { kind } = identity.protocol;
    const isInside = kind === 'httpInjectionGenerator' || kind === 'deferredSmtpInjection';
    return {
      message: held.entry.message,
      site: identity.name,
      deliveryProtocol: deliveryProtocolName(identity.protocol),
      ...(held.attempt === null ? {} : { attemptId: held.attempt.id }),
      ...(isInside
        ? {}
        : {
            peerAddress: address.peerAddress,
            sourceAddress: address.sourceAddress,
            tls: address.tls,
            egressPool: identity.pool,
            egressSource: identity.source.name,
            providerName: path.providerName,
            sessionId: this.#sessionId,
          }),
    };
  }
}
