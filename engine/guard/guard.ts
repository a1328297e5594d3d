/**
 * The only door out. Every outgoing connection of the engine (SMTP, HTTP, DNS, redis) is opened
 * here; loopback is always open, everything else only when the user opened that host.
 * Refusals are normal trouble and leave a ledger row.
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import type { Socket } from 'node:net';

export interface DialTarget {
  readonly kind: 'smtp' | 'http' | 'dns' | 'redis' | 'websocket';
  /** Checked after resolution: the address that is dialled, or the path of a unix socket. */
  readonly address: string;
  /** Ignored for a unix socket. */
  readonly port: number;
  /** The name the user would recognise, for rules and the ledger. */
  readonly host: string;
  readonly localAddress?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** A connection that went outside, or one that was refused. Loopback writes no row. */
export interface LedgerRow {
  readonly timeMs: number;
  readonly kind: DialTarget['kind'];
  /** `host (address:port)`, or only one of them when they are the same. */
  readonly target: string;
  readonly allowed: boolean;
  /** Which rule opened it, or why not. */
  readonly why: string;
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
  /**
   * A UDP socket connected to the target; its owner closes it. Nothing is sent before that.
   * @throws {GuardRefusal}
   */
  dialDatagram(target: DialTarget): Promise<DatagramSocket>;
  /** Writes the ledger row of something that was not even tried, and gives the error to throw. */
  refuse(kind: DialTarget['kind'], host: string): GuardRefusal;
  openHosts(): readonly string[];
}
