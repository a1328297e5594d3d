/**
 * Opens the session that a ready queue's protocol needs. Nothing is touched yet: planning and
 * connecting are steps of their own.
 */
import type { DeliverySession } from '../delivery/deliverer.ts';
import { openInProcessSession } from '../delivery/in-process-delivery.ts';
import { openLuaSession } from '../delivery/lua-delivery.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ReadyQueue } from './ready-queue.ts';

export function openSession(parts: QueueParts, ready: ReadyQueue, id: string): DeliverySession {
  const { deps } = parts;
  const { protocol, creator, source, name } = ready.identity;
  // A connection object is told of some queue that feeds this one.
  const { domain, routingDomain, tenant, campaign } = (ready.messages.nextFeeder ?? creator).parsed;
  switch (protocol.kind) {
    case 'smtp':
      return deps.smtp.open({
        sessionId: id,
        readyQueue: name,
        domain: creator.parsed.domain,
        routingDomain: creator.parsed.routingDomain,
        tenant,
        campaign,
        mxList: protocol.mxList,
        treatMxListAsSecure: protocol.treatMxListAsSecure,
        source,
        pool: ready.identity.pool,
        path: ready.path,
      });
    case 'lua':
      return openLuaSession(deps, {
        sessionId: id,
        constructorEvent: protocol.constructor_,
        batchSize: protocol.batchSize,
        domain,
        tenant,
        campaign,
      });
    case 'httpInjectionGenerator':
    case 'deferredSmtpInjection':
      return openInProcessSession(protocol.kind, deps.inProcess, id);
    default:
      throw new Error(`Bug: no session for protocol ${protocol.kind} (${routingDomain ?? domain})`);
  }
}
