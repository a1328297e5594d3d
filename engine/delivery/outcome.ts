/**
 * What the outcomes of one attempt mean together: which reply stands for it, and what the attempt
 * as a whole became.
 */
import { plainReply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { AttemptEnd } from '../store/store.ts';
import type { Outcome } from './deliverer.ts';

/**
 * The reply that `requeue_message` is told for the recipients that are left: that of the
 * delivery when anybody got the message, else the first refusal.
 *
 * Source: reference `queues-delivery.md` §5.6.
 */
export function requeueReply(outcomes: readonly Outcome[]): SmtpReply {
  const delivered = outcomes.findLast((outcome) => outcome.kind === 'delivered');
  const first = delivered ?? outcomes[0];
  return first?.reply ?? plainReply(400, 'KumoMTA internal: retrying failed batch');
}

/** One word for the attempt's row: the worst that happened to any recipient it had. */
export function attemptOutcome(outcomes: readonly Outcome[]): AttemptEnd['outcome'] {
  const kinds = new Set(outcomes.map((outcome) => outcome.kind));
  if (kinds.has('deferred')) return 'deferred';
  if (kinds.has('bounced')) return 'bounced';
  return kinds.size === 0 ? 'cancelled' : 'delivered';
}

/** The outcome whose reply the attempt's row shows: the one that made it what it became. */
export function decisiveReply(outcomes: readonly Outcome[]): SmtpReply | null {
  const kind = attemptOutcome(outcomes);
  const decisive = outcomes.findLast((outcome) => outcome.kind === kind) ?? outcomes.at(-1);
  return decisive?.reply ?? null;
}
