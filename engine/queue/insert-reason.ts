/**
 * Why a message entered a scheduled queue this time. The names appear in Delayed records and in
 * the `requeue_message` event.
 *
 * Source: KumoMTA `insert_context.rs`.
 */
export const INSERT_REASONS = [
  'Received',
  'Enumerated',
  'ScheduledForLater',
  'ReadyQueueWasSuspended',
  'MessageRateThrottle',
  'ThrottledByThrottleInsertReadyQueue',
  'ReadyQueueWasFull',
  'FailedToInsertIntoReadyQueue',
  'MessageGetQueueNameFailed',
  'AdminRebind',
  'DueTimeWasReached',
  'MaxReadyWasReducedByConfigUpdate',
  'ReadyQueueWasDelayedDueToLowMemory',
  'FailedDueToNullMx',
  'MxResolvedToZeroHosts',
  'MxWasProhibited',
  'MxWasSkipped',
  'TooManyConnectionFailures',
  'TooManyRecipients',
  'ConnectionRateThrottle',
  'LoggedTransientFailure',
  'ReadyQueueWasReaped',
  'DispatcherDrop',
  'PeerClosedConnection',
  'ProtocolChanged',
  'SpoolUnhealthy',
  'SourceIsUnhealthyAndSuspended',
] as const;

export type InsertReason = (typeof INSERT_REASONS)[number];

/** The reasons of one insertion, in the order in which they came up. */
export type InsertContext = readonly InsertReason[];

/** The same with one more; a reason that just came up is not repeated. */
export function withReason(context: InsertContext, reason: InsertReason): InsertContext {
  return context.at(-1) === reason ? context : [...context, reason];
}

/** Whether a message that has to wait now gets a Delayed record: another record told already if not. */
export function isWorthDelayed(context: InsertContext): boolean {
  const isOnlyEnumerated = context.length === 1 && context[0] === 'Enumerated';
  return !isOnlyEnumerated && !context.includes('LoggedTransientFailure');
}
