/** What the admin routes need of the queues. `Queues` has it. */
import type { QueueAdmin } from '../../queue/admin.ts';
import type { QueueLists } from '../../queue/queue-lists.ts';

export interface AdminDoor {
  readonly admin: Pick<
    QueueAdmin,
    | 'bounce'
    | 'suspend'
    | 'suspendReadyQueue'
    | 'bounces'
    | 'suspensions'
    | 'readySuspensions'
    | 'removeBounce'
    | 'removeSuspension'
    | 'removeReadySuspension'
    | 'rebind'
    | 'abortSession'
  >;
  readonly lists: Pick<
    QueueLists,
    'find' | 'inspectScheduled' | 'inspectReady' | 'readyStates' | 'gauges'
  >;
}
