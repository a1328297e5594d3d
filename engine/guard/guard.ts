/**
 * The only door out. Every outgoing connection of the engine (SMTP, HTTP, DNS, redis) is opened
 * here; loopback is always open, everything else only when the user opened that host.
 * Refusals are normal trouble and leave a ledger row.
 */
import type { Socket } from 'node:net';

export interface DialTarget {
  readonly kind: 'smtp' | 'http' | 'dns' | 'redis' | 'websocket';
  /** Checked after resolution: the address that is dialled. */
  readonly address: string;
  readonly port: number;
  /** The name the user would recognise, for rules and the ledger. */
  readonly host: string;
  readonly localAddress?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export class GuardRefusal extends Error {
  readonly host: string;

  constructor(host: string) {
    super(`guard: ${host} is not open`);
    this.name = 'GuardRefusal';
    this.host = host;
  }
}

export interface Guard {
  /** Whether a connection to this host and address would be allowed; writes no ledger row. */
  allows(target: { host: string; address?: string }): boolean;
  /**
   * @throws {GuardRefusal} the host is not open (no packet was sent)
   * @throws {NodeJS.ErrnoException} the connection failed, or ETIMEDOUT after `timeoutMs`
   */
  dial(target: DialTarget): Promise<Socket>;
  openHosts(): readonly string[];
}
