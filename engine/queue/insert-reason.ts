/**
 * Why a message entered a scheduled queue this time. The names appear in Delayed records and in
 * the `requeue_message` event.
 *
 * Source: KumoMTA `insert_context.rs`.
 */
export type InsertReason =
  | 'Received'
  | 'Enumerated'
  | 'ScheduledForLater'
  | 'ReadyQueueWasSuspended'
  | 'MessageRateThrottle'
  | 'ThrottledByThrottleInsertReadyQueue'
  | 'ReadyQueueWasFull'
  | 'FailedToInsertIntoReadyQueue'
  | 'MessageGetQueueNameFailed'
  | 'AdminRebind'
  | 'DueTimeWasReached'
  | 'MaxReadyWasReducedByConfigUpdate'
  | 'ReadyQueueWasDelayedDueToLowMemory'
  | 'FailedDueToNullMx'
  | 'MxResolvedToZeroHosts'
  | 'MxWasProhibited'
  | 'MxWasSkipped'
  | 'TooManyConnectionFailures'
  | 'TooManyRecipients'
  | 'ConnectionRateThrottle'
  | 'LoggedTransientFailure'
  | 'ReadyQueueWasReaped'
  | 'DispatcherDrop'
  | 'PeerClosedConnection'
  | 'ProtocolChanged'
  | 'SpoolUnhealthy'
  | 'SourceIsUnhealthyAndSuspended';
