/**
 * Names of ready queues: `{source}->{site}@{protocol}`. The site stands for the set of hosts, so
 * that domains with the same hosts share a ready queue and its limits. The whole name is the
 * `site` of every record that a delivery writes.
 *
 * Source: reference `queues-delivery.md` §4.3.
 */
import type { QueueName } from '../mail/queue-name.ts';
import type { DeliveryProtocol } from '../policy/settings.ts';
import type { MxResult, Resolver } from '../dns/resolver.ts';
import { mxListSite } from './smtp-target.ts';

/** What the queue needs of name resolution. */
export type MxLookup = Pick<Resolver, 'lookupMx'>;

/** The part after `@`; maildirs and `null` have one too, but never a ready queue. */
export function protocolSuffix(protocol: DeliveryProtocol): string {
  switch (protocol.kind) {
    case 'smtp':
      return 'smtp_client';
    case 'maildir':
      return `maildir:${protocol.path}`;
    case 'lua':
      return `lua:${protocol.constructor_}`;
    case 'httpInjectionGenerator':
      return 'httpinject:generator';
    case 'deferredSmtpInjection':
      return 'defersmtpinject';
    case 'xfer':
      return 'xfer';
    case 'null':
      return 'null';
  }
}

/** `delivery_protocol` of the records. */
export function deliveryProtocolName(protocol: DeliveryProtocol): string {
  switch (protocol.kind) {
    case 'smtp':
      return 'ESMTP';
    case 'maildir':
      return 'Maildir';
    case 'lua':
      return 'Lua';
    case 'httpInjectionGenerator':
      return 'HttpInjectionGenerator';
    case 'deferredSmtpInjection':
      return 'DeferredSmtpInjection';
    case 'xfer':
      return 'Xfer';
    case 'null':
      return 'Null';
  }
}

/** What a recipient row shows for a queue that no route answered for. */
export function protocolRoute(protocol: DeliveryProtocol): string {
  switch (protocol.kind) {
    case 'lua':
      return `lua:${protocol.constructor_}`;
    case 'httpInjectionGenerator':
    case 'deferredSmtpInjection':
      return 'internal';
    default:
      return protocol.kind;
  }
}

export function readyQueueName(source: string, site: string, protocol: DeliveryProtocol): string {
  return `${source}->${site}@${protocolSuffix(protocol)}`;
}

/** The domain whose hosts get the mail of this queue. */
export function routingDomainOf(name: QueueName): string {
  return name.routingDomain ?? name.domain;
}

/** Where the mail of a scheduled queue goes. */
export interface EgressSite {
  readonly name: string;
  /** Set when the hosts come from an MX lookup. */
  readonly mx: MxResult | null;
}

/** Whether these hosts are still what a changed protocol leads to, as far as it says them itself. */
export function isSiteOf(site: EgressSite, protocol: DeliveryProtocol): boolean {
  if (protocol.kind !== 'smtp') return true;
  return protocol.mxList.length > 0 ? mxListSite(protocol.mxList) === site.name : site.mx !== null;
}

/**
 * The site of a scheduled queue's messages.
 * @throws {DnsError} the MX lookup failed
 */
export async function siteOf(
  name: QueueName,
  protocol: DeliveryProtocol,
  mx: MxLookup,
): Promise<EgressSite> {
  const domain = routingDomainOf(name);
  if (protocol.kind !== 'smtp') return { name: domain, mx: null };
  if (protocol.mxList.length > 0) return { name: mxListSite(protocol.mxList), mx: null };
  const found = await mx.lookupMx(domain);
  return { name: found.siteName, mx: found };
}
