/**
 * Networks in CIDR notation and a map from networks to values: relay hosts, prohibited hosts,
 * trusted hosts, and `kumo.cidr.make_map`.
 *
 * A binary trie per address family. A later insertion replaces what it overlaps, and neighbouring
 * halves with the same value become one network, so a set prints the way KumoMTA prints it
 * (`::` and `::1` are shown as `::/127`). Looking up walks at most 32 or 128 bits.
 *
 * Source: RFC 4632, RFC 4291 §2.3; error texts as KumoMTA's policies see them.
 */
import { formatIp, parseIp, splitIpPort } from './ip.ts';
import type { Ip } from './ip.ts';

export interface Network {
  readonly ip: Ip;
  /** Number of leading bits that count; 32 or 128 for a single host. */
  readonly prefixBits: number;
}

/**
 * A network or a host written as `ip`, `ip/len`, `ip:port` or `[ip]:port` (the port is dropped).
 *
 * @throws {Error} `X is not a valid CIDR: …` when it is none of these or host bits are set
 */
export function parseNetwork(text: string): Network {
  const bare = splitIpPort(text);
  if (bare) {
    const ip = parseIp(bare.ip) as Ip;
    return { ip, prefixBits: ip.bits };
  }
  const fail = (why: string): Error => new Error(`${text} is not a valid CIDR: ${why}`);
  const slash = text.lastIndexOf('/');
  const ip = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (!ip) throw fail("couldn't parse address in network: invalid IP address syntax");
  const digits = text.slice(slash + 1);
  if (!/^\+?\d+$/.test(digits)) {
    const why =
      digits === '' ? 'cannot parse integer from empty string' : 'invalid digit found in string';
    throw fail(`couldn't parse length in network: ${why}`);
  }
  const prefixBits = Number(digits);
  if (prefixBits > 255) {
    throw fail("couldn't parse length in network: number too large to fit in target type");
  }
  if (prefixBits > ip.bits) {
    const family = ip.bits === 32 ? 'Ipv4' : 'Ipv6';
    throw fail(
      `invalid length for network: Network length ${prefixBits} is too long for ${family} (maximum: ${ip.bits})`,
    );
  }
  const hostBits = BigInt(ip.bits - prefixBits);
  const network = { bits: ip.bits, value: (ip.value >> hostBits) << hostBits };
  if (network.value !== ip.value) {
    throw fail(
      `host part of address was not zero. Did you mean ${formatIp(network)}/${prefixBits}?`,
    );
  }
  return { ip, prefixBits };
}

/** `10.0.0.0/8`; a single host is printed without its length. */
export function formatNetwork(network: Network): string {
  const ip = formatIp(network.ip);
  return network.prefixBits === network.ip.bits ? ip : `${ip}/${network.prefixBits}`;
}

/** Values by network. The value type must not contain `undefined`. */
export class CidrMap<V> {
  readonly #roots: { [bits in 32 | 128]: Node<V> } = { 32: {}, 128: {} };

  set(network: Network, value: V): void {
    insert(this.#roots[network.ip.bits], network, 0, value);
  }

  get(ip: Ip): V | undefined {
    let node: Node<V> | undefined = this.#roots[ip.bits];
    for (let bit = ip.bits - 1; node; bit--) {
      if (node.leaf) return node.leaf.value;
      node = (ip.value >> BigInt(Math.max(bit, 0))) & 1n ? node.one : node.zero;
    }
    return undefined;
  }

  /** Every network with its value: IPv4 first, by address. */
  *entries(): Generator<readonly [Network, V]> {
    for (const bits of [32, 128] as const) yield* walk(this.#roots[bits], bits, 0n, 0);
  }
}

/** An immutable set of networks. */
export class CidrSet {
  /** As given. */
  readonly entries: readonly string[];
  readonly #map = new CidrMap<true>();

  /** @throws {Error} the problems of all entries that are not networks, joined by `, ` */
  constructor(entries: readonly string[]) {
    this.entries = [...entries];
    const problems: string[] = [];
    for (const entry of entries) {
      try {
        this.#map.set(parseNetwork(entry), true);
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    if (problems.length > 0) throw new Error(problems.join(', '));
  }

  /** Whether a bare address is in one of the networks; false for anything that is not one. */
  contains(ip: string): boolean {
    const parsed = parseIp(ip);
    return parsed !== undefined && this.#map.get(parsed) === true;
  }

  /** The merged networks in Rust's debug form: `{"127.0.0.0/8", "::/127"}`. */
  debug(): string {
    return `{${this.networks()
      .map((text) => JSON.stringify(text))
      .join(', ')}}`;
  }

  /** The merged networks as texts, IPv4 first. */
  networks(): string[] {
    return [...this.#map.entries()].map(([network]) => formatNetwork(network));
  }
}

export const EMPTY_CIDR_SET = new CidrSet([]);

interface Node<V> {
  leaf?: { readonly value: V };
  zero?: Node<V>;
  one?: Node<V>;
}

function insert<V>(node: Node<V>, network: Network, depth: number, value: V): void {
  if (depth === network.prefixBits) {
    node.leaf = { value };
    delete node.zero;
    delete node.one;
    return;
  }
  if (node.leaf) {
    // A larger network held this range: both halves keep its value, one of them is replaced below.
    node.zero = { leaf: node.leaf };
    node.one = { leaf: node.leaf };
    delete node.leaf;
  }
  const side = (network.ip.value >> BigInt(network.ip.bits - 1 - depth)) & 1n ? 'one' : 'zero';
  const child = (node[side] ??= {});
  insert(child, network, depth + 1, value);
  if (node.zero?.leaf && node.one?.leaf && node.zero.leaf.value === node.one.leaf.value) {
    node.leaf = node.zero.leaf;
    delete node.zero;
    delete node.one;
  }
}

function* walk<V>(
  node: Node<V> | undefined,
  bits: 32 | 128,
  value: bigint,
  depth: number,
): Generator<readonly [Network, V]> {
  if (!node) return;
  if (node.leaf) yield [{ ip: { bits, value }, prefixBits: depth }, node.leaf.value];
  yield* walk(node.zero, bits, value, depth + 1);
  yield* walk(node.one, bits, value | (1n << BigInt(bits - 1 - depth)), depth + 1);
}
