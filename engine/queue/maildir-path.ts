/**
 * From a due message to its maildir files: no ready queue, no connection. In strict mode inside
 * the insertion, so that the file is there before the client has its answer; otherwise behind it.
 *
 * Both records list all recipients; the next attempt has the failed ones only.
 *
 * Source: reference `queues-delivery.md` §6; golden `maildir-*`.
 */
import { toError } from '../base/assert.ts';
import { newSessionId } from '../base/ids.ts';
import { Attempt } from '../delivery/attempt.ts';
import type { MaildirProtocol, MaildirResult } from '../delivery/maildir-delivery.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { plainReply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { EntryFailure } from './entry-failure.ts';
import type { InsertContext } from './insert-reason.ts';
import type { QueueParts } from './queue-deps.ts';
import { retryDelayMs } from './retry-schedule.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

export interface MaildirDestination {
  readonly protocol: MaildirProtocol;
  readonly context: InsertContext;
  readonly trace: EventTrace | null;
  /** Set when it is captured instead of leaving: the route's name and the plan it had. */
  readonly route?: string;
  readonly details?: JsonObject;
}

export class MaildirPath {
  readonly #parts: QueueParts;
  /** The newest row of an earlier run. */
  #earlierRow = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** The row is of an earlier run, which may have delivered it and ended before it could say so. */
  resumed(rowSeq: number): void {
    this.#earlierRow = Math.max(this.#earlierRow, rowSeq);
  }

  /** One without a row was made by this run. */
  #isOfEarlierRun({ rowSeq }: Message): boolean {
    return rowSeq > 0 && rowSeq <= this.#earlierRow;
  }

  /** @throws {EntryFailure} in strict mode; otherwise a failure is dealt with later */
  async deliver(
    queue: ScheduledQueue,
    message: Message,
    destination: MaildirDestination,
  ): Promise<void> {
    const { deps, insertion, activity } = this.#parts;
    if (deps.maildirs.isImmediate) return this.#deliver(queue, message, destination);
    await deps.maildirs.room();
    queue.outsideCount++;
    const { context, trace } = destination;
    const delivering = activity.during(async () => {
      try {
        await this.#deliver(queue, message, destination);
      } catch (error) {
        await insertion.entryFailed(queue, message, context, toError(error), trace);
      } finally {
        queue.outsideCount--;
      }
    });
    delivering.catch((error: unknown) => {
      deps.diagnostic('error', `Maildir delivery of ${message.id}: ${toError(error).message}`);
    });
  }

  async #deliver(
    queue: ScheduledQueue,
    message: Message,
    destination: MaildirDestination,
  ): Promise<void> {
    const { deps } = this.#parts;
    const { protocol, details } = destination;
    const isRepeat = message.numAttempts > 0 || this.#isOfEarlierRun(message);
    if (!message.isLoaded) await deps.store.loadBody(message);
    message.wake();
    const attempt = Attempt.begin(deps, message, {
      protocol: 'Maildir',
      site: protocol.path,
      pool: null,
      source: null,
      route: destination.route ?? message.routeName ?? queue.route,
      nextDueMs: deps.clock.now() + retryDelayMs(message.numAttempts, queue.config),
    });
    if (details !== undefined) attempt.add({ details });
    let result: MaildirResult;
    try {
      result = await deps.maildirs.deliver({
        message,
        queue: queueNameOf(message, queue),
        queueName: queue.parsed,
        protocol,
        isRepeat,
      });
    } catch (error) {
      throw new EntryFailure(toError(error).message, { attempt });
    }
    await this.#conclude(queue, message, attempt, result);
  }

  async #conclude(
    queue: ScheduledQueue,
    message: Message,
    attempt: Attempt,
    { written, failed }: MaildirResult,
  ): Promise<void> {
    const { deps, activity } = this.#parts;
    const email = (index: number): string => message.recipients[index]?.email ?? '';
    const rowSeqs = message.rowSeqs;
    const rowOf = ({ recipient }: { recipient: number }): number => rowSeqs[recipient] ?? 0;
    const sessionId = newSessionId(deps.random);
    const shared = { message, deliveryProtocol: 'Maildir', sessionId, attemptId: attempt.id };
    let delivered: SmtpReply | null = null;
    if (written.length > 0) {
      const text = written
        .map(({ recipient, unique }) => `${email(recipient)}: wrote to maildir with id=${unique}`)
        .join(', ');
      delivered = plainReply(200, text);
      await deps.log.record({
        ...shared,
        type: 'Delivery',
        response: delivered,
        rowSeqs: written.map(rowOf),
      });
    }
    const maildirs = written.map(({ recipient, place, unique }) => ({
      rowSeq: rowSeqs[recipient] ?? 0,
      path: place,
      unique,
    }));
    attempt.add({ maildirs });
    if (failed.length === 0) {
      attempt.end({ outcome: 'delivered', reply: delivered });
      deps.store.removeFromQueue(message);
      activity.changed();
      return;
    }
    const status = failed
      .map(({ recipient, text }) => `${email(recipient)}: failed to write to maildir: ${text}`)
      .join(', ');
    const response = plainReply(400, status);
    await deps.log.record({
      ...shared,
      type: 'TransientFailure',
      response,
      rowSeqs: failed.map(rowOf),
    });
    const left = new Set(failed.map(({ recipient }) => recipient));
    message.keepRecipients((index) => left.has(index));
    throw new EntryFailure(`failed maildir store: ${status}`, {
      reasons: ['LoggedTransientFailure'],
      attempt,
      reply: response,
    });
  }
}

function queueNameOf(message: Message, queue: ScheduledQueue): string {
  try {
    return message.queueName();
  } catch {
    return queue.name;
  }
}
