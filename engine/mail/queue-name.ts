/**
 * Names of scheduled queues: `campaign:tenant@domain!routing_domain`, all but the domain optional.
 *
 * `parse` is not the inverse of `format`: a campaign without tenant prints `c:@d` and reads back
 * with the tenant "" (KumoMTA does the same, and policies see it).
 *
 * Source: KumoMTA `queue_name.rs`.
 */
export interface QueueName {
  readonly campaign: string | null;
  readonly tenant: string | null;
  readonly domain: string;
  readonly routingDomain: string | null;
}

export function formatQueueName(name: QueueName): string {
  const who =
    name.campaign !== null
      ? `${name.campaign}:${name.tenant ?? ''}@`
      : name.tenant !== null
        ? `${name.tenant}@`
        : '';
  return `${who}${name.domain}${name.routingDomain !== null ? `!${name.routingDomain}` : ''}`;
}

export function parseQueueName(text: string): QueueName {
  const at = text.indexOf('@');
  const left = at < 0 ? null : text.slice(0, at);
  const right = at < 0 ? text : text.slice(at + 1);
  const colon = left === null ? -1 : left.indexOf(':');
  const bang = right.indexOf('!');
  return {
    campaign: left !== null && colon >= 0 ? left.slice(0, colon) : null,
    tenant: left === null ? null : colon >= 0 ? left.slice(colon + 1) : left,
    domain: bang < 0 ? right : right.slice(0, bang),
    routingDomain: bang < 0 ? null : right.slice(bang + 1),
  };
}
