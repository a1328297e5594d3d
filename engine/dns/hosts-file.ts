/**
 * Names the machine knows by itself: `localhost` and what stands in the hosts file. Looking there
 * sends nothing, so the guard is not asked; the address found is still checked when dialled.
 *
 * Source: RFC 6761 §6.3; hosts(5).
 */
import { readFile, stat } from 'node:fs/promises';
import { formatIp, parseIp } from '../base/ip.ts';
import { fqdn, reverseName } from './domain-name.ts';
import type { Answer, RecordSource, RecordType } from './records.ts';

/** A block list kept as a hosts file can be long; beyond this it is not read. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

export class HostsFile implements RecordSource {
  readonly #path: string | null;
  #stamp = '';
  #addresses: ReadonlyMap<string, readonly string[]> = new Map();

  /** @param path usually `/etc/hosts`; null knows `localhost` only */
  constructor(path: string | null) {
    this.#path = path;
  }

  async query(name: string, type: RecordType): Promise<Answer | null> {
    if (name === 'localhost.' || name.endsWith('.localhost.')) {
      return answer(type, addressesOf(['127.0.0.1', '::1'], type), name, 'this machine');
    }
    if (type === 'PTR' && (name === LOOPBACK_V4 || name === LOOPBACK_V6)) {
      return answer(type, ['localhost.'], name, 'this machine');
    }
    if (type !== 'A' && type !== 'AAAA') return null;
    await this.#refresh();
    const known = this.#addresses.get(name);
    return known ? answer(type, addressesOf(known, type), name, 'hosts file') : null;
  }

  async #refresh(): Promise<void> {
    if (this.#path === null) return;
    try {
      const { mtimeMs, size } = await stat(this.#path);
      const stamp = `${mtimeMs} ${size}`;
      if (stamp === this.#stamp || size > FILE_BYTES_MAX) return;
      this.#addresses = parseHosts(await readFile(this.#path, 'utf8'));
      this.#stamp = stamp;
    } catch {
      // No hosts file on this machine: nothing is known.
      this.#addresses = new Map();
    }
  }
}

const LOOPBACK_V4 = reverseName('127.0.0.1');
const LOOPBACK_V6 = reverseName('::1');

/** Names, lower case with trailing dot, and their addresses. Lines that are none are read over. */
function parseHosts(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const ip = parseIp(address);
    if (!ip) continue;
    for (const name of names.map(fqdn)) {
      const list = found.get(name) ?? [];
      found.set(name, list);
      if (!list.includes(formatIp(ip))) list.push(formatIp(ip));
    }
  }
  return found;
}

function addressesOf(addresses: readonly string[], type: RecordType): string[] {
  if (type !== 'A' && type !== 'AAAA') return [];
  return addresses.filter((address) => address.includes(':') === (type === 'AAAA'));
}

function answer(
  type: RecordType,
  values: readonly string[],
  name: string,
  answeredBy: string,
): Answer {
  const records = values.map((value) => ({ name, type, ttlMs: 60_000, value, preference: 0 }));
  return { status: 'NOERROR', records, isSecure: false, answeredBy };
}
