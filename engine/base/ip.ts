/**
 * IP addresses as numbers: strict text forms in, canonical text out. A bare address, nothing else;
 * `splitIpPort` takes the port off first where one may be attached.
 *
 * Source: RFC 5952; the text forms are those of Rust's `IpAddr`, whose error texts policies see.
 */

/** An address as an unsigned integer with the number of its bits. */
export interface Ip {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** The address, or `undefined` when the text is not exactly one. Octets have no leading zeros. */
export function parseIp(text: string): Ip | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** The canonical text: dotted quad, or RFC 5952 with the longest run of zeros compressed. */
export function formatIp(ip: Ip): string {
  return ip.bits === 32 ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

/** Splits `ip`, `ip:port`, `[ip]` and `[ip]:port`; `undefined` when the address part is not one. */
export function splitIpPort(text: string): { ip: string; port: number | null } | undefined {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text);
  const dotted = /^([\d.]+):(\d{1,5})$/.exec(text);
  const match = bracketed ?? dotted;
  const ip = match?.[1] ?? text;
  if (!parseIp(ip)) return undefined;
  const port = match?.[2] === undefined ? null : Number(match[2]);
  return port !== null && port > 65_535 ? undefined : { ip, port };
}

/**
 * Where to listen: `ip:port`, `localhost:port`, or `0:port` for every address; `undefined` when it
 * is none of them. Source: Rust's `ToSocketAddrs`, as far as no name has to be looked up.
 */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const named = /^(0|localhost):(\d{1,5})$/.exec(text);
  const host = named?.[1] === '0' ? '0.0.0.0' : '127.0.0.1';
  const { ip, port } = splitIpPort(named ? `${host}:${named[2]}` : text) ?? { ip: '', port: null };
  return port === null ? undefined : { host: ip, port };
}

/** Who listens here hears this machine only; `0.0.0.0` hears everybody. */
export function isOwnHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' ||
    bare === '::1' ||
    (parseIp(bare)?.bits === 32 && bare.startsWith('127.'))
  );
}

function parseIpv4(text: string): Ip | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const octet of match.slice(1)) {
    if ((octet.length > 1 && octet.startsWith('0')) || Number(octet) > 255) return undefined;
    value = value * 256 + Number(octet);
  }
  return { bits: 32, value: BigInt(value) };
}

function parseIpv6(text: string): Ip | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return { bits: 128, value: groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n) };
}

/** 16-bit groups of one side of `::`; a dotted quad may end the address. */
function groupsOf(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const words = text.split(':');
  for (const [index, word] of words.entries()) {
    if (word.includes('.')) {
      const quad = parseIpv4(word);
      if (!mayEndDotted || index !== words.length - 1 || !quad) return undefined;
      groups.push(Number(quad.value >> 16n), Number(quad.value & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(word)) return undefined;
      groups.push(parseInt(word, 16));
    }
  }
  return groups;
}

function formatIpv4(value: bigint): string {
  const number = Number(value);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

function formatIpv6(value: bigint): string {
  // RFC 5952 §5: IPv4-mapped addresses keep the dotted form.
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    Number((value >> BigInt(112 - 16 * i)) & 0xffffn),
  );
  const zeros = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(':');
  if (zeros.length < 2) return hex(groups);
  const end = zeros.start + zeros.length;
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(end))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
