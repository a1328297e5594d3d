/**
 * The second half of a reception with `deferred_queue`: the policy's word on the message, then its
 * real queue. The connection's metadata is what the message kept of it.
 *
 * Source: reference `http-logs-reception.md` §4.11; golden `reception-deferred-queue`.
 */
import { ConnectionMeta } from '../mail/connection-meta.ts';
import type { Message } from '../mail/message.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { QueueDoor } from '../queue/queue-door.ts';

/** @throws PolicyReject as the script said */
export async function injectDeferred(
  message: Message,
  policy: Pick<PolicyEvents, 'smtpServerMessageDeferredInject'>,
  queues: QueueDoor,
): Promise<void> {
  const meta = new ConnectionMeta();
  for (const [key, value] of Object.entries(message.meta))
    if (key !== 'queue') meta.set(key, value);
  message.setMeta('queue', null);
  await policy.smtpServerMessageDeferredInject(message, meta, null);
  await queues.insert(message, 'Received', null);
}
