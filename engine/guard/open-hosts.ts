/**
 * What the user opened, as rules: a host name, a name with a leading `*.`, an address, a network,
 * or `*` for everything. A name opens whatever it resolves to; an address opens itself under any
 * name.
 *
 * Source: RFC 6890 for what never leaves the machine.
 */
import { CidrSet, parseNetwork } from '../base/cidr.ts';
import { parseIp, splitIpPort } from '../base/ip.ts';

export interface OpenRule {
  /** As the user wrote it. */
  readonly text: string;
  matches(host: string, address: string | null): boolean;
}

/**
 * @param text `smtp.example.com`, `*.example.com`, `192.0.2.7`, `10.0.0.0/8`, `*`; a port is
 *   accepted and ignored, since a rule is about a host
 * @throws {Error} when it is none of these
 */
export function parseOpenRule(text: string): OpenRule {
  const trimmed = text.trim();
  if (trimmed === '*') return { text, matches: () => true };
  if (isNetwork(trimmed)) {
    const set = new CidrSet([trimmed]);
    return { text, matches: (_host, address) => address !== null && set.contains(unmap(address)) };
  }
  const name = bareHost(trimmed.replace(/:\d{1,5}$/, ''));
  if (!/^(\*\.)?[\p{L}\p{M}\p{N}._-]+$/u.test(name)) {
    throw new Error(
      `Cannot open host: found "${text}", expected a name, *.name, an address or a network`,
    );
  }
  if (!name.startsWith('*.')) return { text, matches: (host) => bareHost(host) === name };
  return { text, matches: (host) => bareHost(host).endsWith(name.slice(1)) };
}

/** A host as rules compare it: lower case, without brackets and final dot. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(?:ipv6:)?(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

const LOOPBACK = new CidrSet(['127.0.0.0/8', '::1', '0.0.0.0', '::']);

/** Whether a connection to this address stays on the machine; the unspecified address does too. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.contains(unmap(address));
}

/** `::ffff:10.0.0.1` is `10.0.0.1` on the wire. */
function unmap(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function isNetwork(text: string): boolean {
  if (parseIp(text) || splitIpPort(text)) return true;
  if (!/^[\da-f.:]+\/\d+$/i.test(text)) return false;
  parseNetwork(text);
  return true;
}
