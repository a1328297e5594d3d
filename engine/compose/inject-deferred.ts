/**
 * The second half of a reception with `deferred_queue`: the policy's word on the message, that of
 * routes and suppression, then its real queue. The connection's metadata is what the message kept
 * of it. Nobody waits for a reply any more: what an overlay refuses is an outcome of this attempt.
 *
 * Source: reference `http-logs-reception.md` §4.11; golden `reception-deferred-queue`.
 */
import type { SpoolIdSource } from '../base/ids.ts';
import { ConnectionMeta } from '../mail/connection-meta.ts';
import { Message } from '../mail/message.ts';
import { cloneJson } from '../mail/json.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { PolicyReject } from '../policy/events.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { QueueDoor } from '../queue/queue-door.ts';
import type { OverlayVerdict, ReceptionOverlay } from '../reception/overlay.ts';
import type { SessionFacts, Store } from '../store/store.ts';

export interface DeferredInjectionDeps {
  readonly policy: Pick<PolicyEvents, 'smtpServerMessageDeferredInject'>;
  readonly queues: QueueDoor;
  /** Routes and suppression; null in strict mode. */
  readonly overlay: ReceptionOverlay | null;
  readonly ids: Pick<SpoolIdSource, 'next'>;
  readonly store: Pick<Store, 'saveMessage' | 'deleteRows'>;
  /** Who a message made here comes from. */
  readonly origin: () => SessionFacts;
}

/** @throws {PolicyReject} as the script or the overlay said */
export async function injectDeferred(
  message: Message,
  deps: DeferredInjectionDeps,
  trace: EventTrace,
): Promise<void> {
  const meta = new ConnectionMeta();
  for (const [key, value] of Object.entries(message.meta))
    if (key !== 'queue') meta.set(key, value);
  message.setMeta('queue', null);
  await deps.policy.smtpServerMessageDeferredInject(message, meta, trace);
  if (deps.overlay !== null && message.getMeta('queue') !== 'null')
    await askOverlay(message, deps.overlay, deps, trace);
  await deps.queues.insert(message, 'Received', trace);
}

async function askOverlay(
  message: Message,
  overlay: ReceptionOverlay,
  deps: DeferredInjectionDeps,
  trace: EventTrace,
): Promise<void> {
  const verdict = await overlay.apply(message, {
    sessionId: '',
    listener: String(message.getMeta('received_via') ?? ''),
    peerIp: String(message.getMeta('received_from') ?? '').replace(/:\d+$/, ''),
    trace,
  });
  if (verdict === 'keep' || verdict.kind !== 'divide') return obey(message, verdict);
  const apart = await takeApart(message, verdict.apart, deps);
  obey(apart, verdict.decide(apart));
  await deps.queues.insert(apart, 'Received', trace);
}

/** @throws {PolicyReject} */
function obey(message: Message, verdict: Exclude<OverlayVerdict, { kind: 'divide' }>): void {
  if (verdict === 'keep') return;
  if (verdict.kind === 'discard') return message.setMeta('queue', 'null');
  // The mark makes the row a suppressed one instead of one that bounced.
  if (verdict.state === 'suppressed') message.setMeta('suppressed', verdict.text);
  throw new PolicyReject(verdict.code, verdict.text, 'If421');
}

/** These recipients leave the message and become one of their own; its rows replace theirs. */
async function takeApart(
  message: Message,
  places: readonly number[],
  { ids, store, origin }: DeferredInjectionDeps,
): Promise<Message> {
  const { sender, recipients, rowSeqs } = message;
  const apart = new Message({
    id: ids.next(),
    sender,
    recipients: recipients.filter((_, index) => places.includes(index)),
    meta: cloneJson(message.meta),
    data: message.data,
  });
  await store.saveMessage(apart, apart.queueName(), origin());
  await store.deleteRows(places.flatMap((index) => rowSeqs[index] ?? []));
  message.keepRecipients((index) => !places.includes(index));
  return apart;
}
