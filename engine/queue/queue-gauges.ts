/**
 * What the queues hold at this moment, as the gauges of `/metrics` show it. A provider is the name
 * that the policy gave, else the site that the mail goes to.
 *
 * Source: reference `http-logs-reception.md` §9.2.
 */
import { protocolSuffix, routingDomainOf } from '../delivery/ready-queue-name.ts';
import { mxListSite } from '../delivery/smtp-target.ts';
import type { QueueGauges, ReadyGauge, ScheduledGauge } from '../log/queue-metrics.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

export function queueGauges({ registry, readyQueues }: QueueParts): QueueGauges {
  const sites = new Map<ScheduledQueue, string>();
  const ready = [...readyQueues.all()].map((queue): ReadyGauge => {
    const { name, site, pool, protocol, creator } = queue.identity;
    sites.set(creator, site.name);
    return {
      name,
      service: protocolSuffix(protocol).split(':')[0] ?? '',
      provider: queue.path.providerName ?? site.name,
      pool,
      messages: queue.count,
      connections: queue.dispatchers.size,
    };
  });
  const scheduled = [...registry.all()].map((queue): ScheduledGauge => {
    const { domain, tenant, campaign } = queue.parsed;
    const { providerName, egressPool } = queue.config;
    return {
      ...{ queue: queue.name, domain, tenant, campaign },
      provider: providerName ?? sites.get(queue) ?? siteOf(queue),
      pool: egressPool ?? 'unspecified',
      messages: queue.depth,
      held: queue.depth + queue.outsideCount,
    };
  });
  return { ready, scheduled };
}

/** As far as it is known without asking the DNS. */
function siteOf({ config, parsed }: ScheduledQueue): string {
  const { protocol } = config;
  return protocol.kind === 'smtp' && protocol.mxList.length > 0
    ? mxListSite(protocol.mxList)
    : routingDomainOf(parsed);
}
