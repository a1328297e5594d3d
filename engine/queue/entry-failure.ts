/**
 * Why a message could not enter the way to its destination. Not an error of ours: the message
 * goes back to waiting, with the attempt counted or not.
 */
import type { Attempt } from '../delivery/attempt.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { InsertReason } from './insert-reason.ts';

/** Counted as an attempt; `message` is what `requeue_message` reads after the fixed words. */
export class EntryFailure extends Error {
  /** Reasons that come before `FailedToInsertIntoReadyQueue`. */
  readonly reasons: readonly InsertReason[];
  /** Begun already; ended when it is known what comes next. */
  readonly attempt: Attempt | null;
  /** The reply that was logged, when one was. */
  readonly reply: SmtpReply | null;

  constructor(
    message: string,
    trail: { reasons?: readonly InsertReason[]; attempt?: Attempt; reply?: SmtpReply } = {},
  ) {
    super(message);
    this.name = 'EntryFailure';
    this.reasons = trail.reasons ?? [];
    this.attempt = trail.attempt ?? null;
    this.reply = trail.reply ?? null;
  }
}

/** Every ready queue it could go to has `max_ready` messages: it waits a moment, uncounted. */
export class ReadyQueueFull extends Error {
  constructor(name: string) {
    super(`ready queue ${name} is full`);
    this.name = 'ReadyQueueFull';
  }
}
