/** The state whose shape stands beside a record of each type. */
import type { RowState } from '../../../engine/api/protocol.ts';

const STATES: Readonly<Record<string, RowState>> = {
  Reception: 'queued',
  Delivery: 'delivered',
  TransientFailure: 'deferred',
  Bounce: 'bounced',
  AdminBounce: 'bounced',
  OOB: 'bounced',
  Feedback: 'suppressed',
  Expiration: 'expired',
  Rejection: 'rejected',
  Delayed: 'queued',
};

export function recordState(type: string): RowState {
  return STATES[type] ?? 'null';
}
