/**
 * Messages released by hand: copies that somebody sends to a host of their choice. Such a copy is
 * bound to a queue of its own by a routing domain that says where it goes, so that a restart finds
 * the way again; neither routes nor the policy are asked for that queue.
 */
import { formatIp, parseIp, splitIpPort } from '../base/ip.ts';
import type { QueueConfig } from '../policy/settings.ts';
import { queueConfigOf } from './parameters.ts';

/** Meta of a released copy: the row it is a copy of. */
export const RELEASE_META = 'postyard_release_of';
/** What rows and attempts of such a copy show as their route. */
export const RELEASE_ROUTE = 'release';

interface ReleaseHost {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

const NAME = /^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/;

/** @returns null when the text is no `host:port`, `ip:port` or `[ip]:port` */
export function parseReleaseHost(text: string): ReleaseHost | null {
  const address = splitIpPort(text);
  const named = /^([^:[\]]+):(\d{1,5})$/.exec(text.toLowerCase());
  const host = address?.ip ?? named?.[1] ?? '';
  const port = address?.port ?? Number(named?.[2]);
  if (!(port >= 1 && port <= 65_535)) return null;
  const ip = parseIp(host);
  if (ip !== undefined) return { host: formatIp(ip), port };
  // What looks like an address and is none would be asked for as a name.
  if (/^[\d.]+$/.test(host)) return null;
  return NAME.test(host) ? { host: host.replace(/\.$/, ''), port } : null;
}

export function releaseHostText({ host, port }: ReleaseHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The routing domain of the queue that goes there. */
export function releaseRoutingDomain({ host, port }: ReleaseHost): string {
  return `release-${host}-${port}.invalid`;
}

/** Where a queue with this routing domain goes; null for all other ones. */
export function releaseOfRoutingDomain(routingDomain: string | null): ReleaseHost | null {
  const found = /^release-(.+)-(\d{1,5})\.invalid$/.exec(routingDomain ?? '');
  if (found === null) return null;
  const [, host = '', port = ''] = found;
  return parseReleaseHost(releaseHostText({ host, port: Number(port) }));
}

/** The configuration of such a queue: that host, the usual retries. */
export function releaseQueueConfig(to: ReleaseHost): QueueConfig {
  const { host } = to;
  const entry = releaseHostText(to);
  const hosts = [parseIp(host) === undefined ? entry : { name: host, addr: entry }];
  const route = { name: RELEASE_ROUTE, enabled: true, match: {} };
  return queueConfigOf({ ...route, to: { kind: 'mxList', hosts } }, () => null);
}
