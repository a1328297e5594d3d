/**
 * The guard: loopback is open, everything else is refused unless somebody opened that host. Each
 * owner (the workspace's settings, a route) opens its own list and replaces it as a whole.
 *
 * What went outside and what was refused becomes a ledger row; loopback does not. The strict mode
 * uses the same guard with `isPermissive`: it lets everything pass and still writes the ledger.
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { parseIp } from '../base/ip.ts';
import { describe, dialDatagram, dialStream, isUnixPath } from './dial.ts';
import { GuardRefusal } from './guard.ts';
import type { DialTarget, Guard, LedgerRow } from './guard.ts';
import { bareHost, isLoopback, parseOpenRule } from './open-hosts.ts';
import type { OpenRule } from './open-hosts.ts';

export interface LoopbackGuardOptions {
  /** Real time: timeouts of connections, moments of the ledger. */
  readonly clock: Clock;
  readonly ledger: (row: LedgerRow) => void;
  /** Lets everything pass (strict mode). */
  readonly isPermissive?: boolean;
  readonly allowUnixSockets?: boolean;
}

interface Verdict {
  readonly allowed: boolean;
  readonly why: string;
  readonly isOutside: boolean;
}

export class LoopbackGuard implements Guard {
  readonly #options: LoopbackGuardOptions;
  readonly #rules = new Map<string, readonly OpenRule[]>();

  constructor(options: LoopbackGuardOptions) {
    this.#options = options;
  }

  /**
   * Replaces what one owner has opened; an empty list closes it.
   *
   * @param owner who opened it, as the ledger names it: `workspace`, `route smarthost`
   * @throws {Error} an entry is not a host; nothing changed
   */
  open(owner: string, hosts: readonly string[]): void {
    const rules = hosts.map(parseOpenRule);
    if (rules.length === 0) this.#rules.delete(owner);
    else this.#rules.set(owner, rules);
  }

  /** What one owner has opened. */
  openedBy(owner: string): readonly string[] {
    return (this.#rules.get(owner) ?? []).map((rule) => rule.text);
  }

  openHosts(): readonly string[] {
    return [...new Set([...this.#rules.values()].flat().map((rule) => rule.text))];
  }

  allows(target: { host: string; address?: string }): boolean {
    return this.#judge(target.host, target.address ?? addressIn(target.host)).allowed;
  }

  async dial(target: DialTarget): Promise<Socket> {
    this.#enforce(target);
    return dialStream(target, this.#options.clock);
  }

  async dialDatagram(target: DialTarget): Promise<DatagramSocket> {
    this.#enforce(target);
    return dialDatagram(target);
  }

  refuse(kind: DialTarget['kind'], host: string): GuardRefusal {
    this.#write(kind, host, { allowed: false, why: 'not opened', isOutside: true });
    return new GuardRefusal(host);
  }

  #enforce(target: DialTarget): void {
    // A name server on loopback passes the question on: the name that is asked for decides.
    const isLocalDns = target.kind === 'dns' && isLoopback(target.address);
    const verdict = this.#judge(target.host, isLocalDns ? null : target.address);
    if (verdict.isOutside) this.#write(target.kind, targetText(target), verdict);
    if (!verdict.allowed) throw new GuardRefusal(target.host);
  }

  #judge(host: string, address: string | null): Verdict {
    const { isPermissive = false, allowUnixSockets = false } = this.#options;
    if (address !== null && isUnixPath(address)) {
      const allowed = allowUnixSockets || isPermissive;
      return { allowed, why: 'unix sockets are not allowed', isOutside: !allowed };
    }
    const staysHere = address === null ? isLocalName(host) : isLoopback(address);
    if (staysHere) return { allowed: true, why: 'loopback', isOutside: false };
    if (isPermissive) return { allowed: true, why: 'strict mode', isOutside: true };
    for (const [owner, rules] of this.#rules) {
      const rule = rules.find((candidate) => candidate.matches(host, address));
      if (rule) return { allowed: true, why: `${owner}: ${rule.text}`, isOutside: true };
    }
    return { allowed: false, why: 'not opened', isOutside: true };
  }

  #write(kind: DialTarget['kind'], target: string, { allowed, why }: Verdict): void {
    this.#options.ledger({ timeMs: this.#options.clock.now(), kind, target, allowed, why });
  }
}

function addressIn(host: string): string | null {
  const bare = bareHost(host);
  return parseIp(bare) || isUnixPath(bare) ? bare : null;
}

/** RFC 6761 §6.3: these names never leave the machine. */
function isLocalName(host: string): boolean {
  return /(^|\.)localhost$/.test(bareHost(host));
}

function targetText(target: DialTarget): string {
  const where = describe(target);
  return bareHost(target.host) === target.address ? where : `${target.host} (${where})`;
}
