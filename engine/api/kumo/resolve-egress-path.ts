/**
 * The path that mail to a domain would take: queue and path configuration, site and hosts, asked
 * of the policy and the resolver as a delivery would ask. Nothing is sent.
 *
 * Source: reference `http-logs-reception.md` §2.9.
 */
import { readyQueueName, routingDomainOf, siteOf } from '../../delivery/ready-queue-name.ts';
import type { MxResult } from '../../dns/resolver.ts';
import type { JsonObject } from '../../mail/json.ts';
import { parseQueueName } from '../../mail/queue-name.ts';
import { egressConstraints } from '../../queue/egress-constraints.ts';
import type { KumoApiDeps } from './route.ts';

/** @throws {PolicyError} from the policy's handlers */
export async function resolveEgressPath(
  domain: string,
  source: string,
  deps: Pick<KumoApiDeps, 'events' | 'mx'>,
): Promise<JsonObject> {
  const name = parseQueueName(domain);
  const queue = await deps.events.getQueueConfig(
    name.domain,
    name.tenant,
    name.campaign,
    name.routingDomain,
    null,
  );
  const routingDomain = routingDomainOf(name);
  // A lookup that fails leaves the domain itself as the site.
  const { name: site, mx } = await siteOf(name, queue.protocol, deps.mx).catch(() => ({
    name: routingDomain,
    mx: null,
  }));
  const path = await deps.events.getEgressPathConfig(routingDomain, source, site, null);
  return {
    domain,
    source,
    mx: mx && mxJson(mx),
    queue_name: readyQueueName(source, site, queue.protocol),
    queue_config: queue.json,
    path_config: path.json,
    constraints: egressConstraints(path, queue.maxMessageRate),
  };
}

function mxJson(mx: MxResult): JsonObject {
  return {
    domain_name: mx.domainName,
    hosts: [...mx.hosts],
    site_name: mx.siteName,
    by_preference: Object.fromEntries(
      [...mx.byPreference].map(([preference, hosts]) => [String(preference), [...hosts]]),
    ),
    is_domain_literal: mx.isDomainLiteral,
    is_secure: mx.isSecure,
    is_mx: mx.isMx,
  };
}
