/**
 * Entries of an `mx_list` in all the forms a policy may write, and where the port comes from.
 * Pure; `smtp-plan.ts` does the lookups.
 *
 * Source: reference `queues-delivery.md` §4.3, §5.1, §5.3.
 */
import { parseIp, splitIpPort } from '../base/ip.ts';
import { parseHost, splitColonPort } from '../dns/domain-name.ts';
import { DnsError } from '../dns/resolver.ts';
import type { ResolvedAddress } from '../dns/resolver.ts';
import type { MxListEntry } from '../policy/settings.ts';

/** An address at once, or a name whose addresses (never its MX) are looked up. */
type MxListTarget =
  | {
      readonly kind: 'address';
      readonly name: string;
      readonly ip: string;
      readonly port: number | null;
    }
  | { readonly kind: 'lookup'; readonly name: string; readonly port: number | null };

/**
 * `host`, `host:port`, `[ip]`, `[ip]:port`, `ip`, `/path/to.sock`, or a name with its address.
 *
 * @throws {DnsError} MALFORMED: `[::1]:25` as text, a port inside brackets, a name as address
 */
export function parseMxListEntry(entry: MxListEntry): MxListTarget {
  if (entry.kind === 'resolved') return { kind: 'address', ...resolvedEntry(entry) };
  const { host, port } = splitColonPort(entry.label);
  if (host.startsWith('/')) return { kind: 'address', name: entry.label, ip: host, port: null };
  const parsed = parseHost(host);
  if (parsed.kind === 'ip') return { kind: 'address', name: host, ip: parsed.ip, port };
  return { kind: 'lookup', name: host, port };
}

function resolvedEntry(entry: { name: string; addr: string }): {
  name: string;
  ip: string;
  port: number | null;
} {
  const { name, addr } = entry;
  if (addr.startsWith('/')) return { name, ip: addr, port: null };
  const socket = parseIp(addr) ? { ip: addr, port: null } : splitIpPort(addr);
  if (!socket) {
    throw new DnsError('MALFORMED', `invalid address: \`${addr}\`: invalid IP address syntax`);
  }
  return { name, ip: parsedIp(socket.ip), port: socket.port };
}

function parsedIp(text: string): string {
  const host = parseHost(text);
  return host.kind === 'ip' ? host.ip : text;
}

/** The site of a list: its labels as written, an address for entries that carry one. */
export function mxListSite(mxList: readonly MxListEntry[]): string {
  const labels = mxList.map((entry) => (entry.kind === 'name' ? entry.label : entry.addr));
  return `mx_list:${labels.join(',')}`;
}

export interface ChosenPort {
  readonly port: number;
  readonly rule: 'remote_port' | 'entry' | 'smtp_port';
}

/** The source's `remote_port`, else the port of the entry or domain, else the path's `smtp_port`. */
export function choosePort(
  address: ResolvedAddress,
  remotePort: number | null,
  smtpPort: number,
): ChosenPort {
  if (remotePort !== null) return { port: remotePort, rule: 'remote_port' };
  if (address.port !== null) return { port: address.port, rule: 'entry' };
  return { port: smtpPort, rule: 'smtp_port' };
}
