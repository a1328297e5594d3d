/**
 * Reads what may stand for a destination: a queue domain or routing domain with its literals and
 * ports, and an entry of a host list. The two differ in small ways that policies depend on, see
 * the two functions.
 *
 * Source: reference `queues-delivery.md` §1.5, §5.1; RFC 5321 §4.1.3.
 */
import { domainToASCII } from 'node:url';
import { formatIp, parseIp } from '../base/ip.ts';
import { DnsError } from './resolver.ts';

type Destination =
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null }
  | { readonly kind: 'ip'; readonly ip: string; readonly port: number | null };

/** Lower case, A-labels, with the trailing dot: the form in which names are compared and asked. */
export function fqdn(name: string): string {
  const isAscii = /^\p{ASCII}*$/u.test(name);
  const ascii = isAscii ? name : domainToASCII(name) || name;
  return `${ascii.toLowerCase().replace(/\.$/, '')}.`;
}

/**
 * Splits `host:port` at the last colon. No port when the left part has a colon itself, which is
 * why `[::1]:25` is not understood.
 */
export function splitColonPort(text: string): { host: string; port: number | null } {
  const match = /^([^:]*):(\d+)$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) return { host: text, port: null };
  return { host: match[1] ?? '', port };
}

/**
 * A queue domain: `foo.com`, `foo.com:2025`, `[10.0.0.1]`, `[10.0.0.1]:2025`, `[10.0.0.1:2025]`,
 * `[IPv6:::1]`. A bare address is a name here.
 *
 * @throws {DnsError} MALFORMED
 */
export function parseDomain(domain: string): Destination {
  const { host, port } = splitColonPort(domain);
  if (!host.startsWith('[')) return { kind: 'name', name: host, port };
  const inner = literalContent(host);
  const ip = canonicalIp(inner);
  if (ip !== undefined) return { kind: 'ip', ip, port };
  const inside = splitColonPort(inner);
  const insideIp = canonicalIp(inside.host);
  if (port === null && inside.port !== null && insideIp !== undefined) {
    return { kind: 'ip', ip: insideIp, port: inside.port };
  }
  throw invalidAddress(inner);
}

/**
 * A host to look up by address only: `foo.com`, `[10.0.0.1]`, `10.0.0.1`, `::1`, `[IPv6:::1]`.
 * Ports are split off before, and not from inside brackets.
 *
 * @throws {DnsError} MALFORMED
 */
export function parseHost(label: string): Destination {
  if (label.startsWith('[')) {
    const inner = literalContent(label);
    const ip = canonicalIp(inner);
    if (ip === undefined) throw invalidAddress(inner);
    return { kind: 'ip', ip, port: null };
  }
  const ip = canonicalIp(label);
  return ip === undefined
    ? { kind: 'name', name: label, port: null }
    : { kind: 'ip', ip, port: null };
}

/** `1.2.0.192.in-addr.arpa.` or the nibbles of an IPv6 address; undefined when it is neither. */
export function reverseName(ip: string): string | undefined {
  const parsed = parseIp(ip);
  if (!parsed) return undefined;
  if (parsed.bits === 32) return `${ip.split('.').reverse().join('.')}.in-addr.arpa.`;
  const nibbles = parsed.value.toString(16).padStart(32, '0');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa.`;
}

function literalContent(literal: string): string {
  if (!literal.endsWith(']')) {
    throw new DnsError(
      'MALFORMED',
      `domain_name \`${literal}\` is a malformed literal domain with no trailing \`]\``,
    );
  }
  return literal.slice(1, -1);
}

function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text.replace(/^ipv6:/i, ''));
  return ip && formatIp(ip);
}

function invalidAddress(text: string): DnsError {
  return new DnsError('MALFORMED', `invalid address: \`${text}\`: invalid IP address syntax`);
}
