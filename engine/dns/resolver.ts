/**
 * Name resolution: test zones of the policy first, then `zones/` of the workspace, then the
 * system's DNS, which counts as outside and is asked only when the guard allows it.
 *
 * Source: reference `lua-api.md` §3.13; `queues-delivery.md` §1.5, §4.4, §5.1.
 */
export interface MxResult {
  readonly domainName: string;
  /** Lower-case with trailing dot; a port of the queue domain is appended (`mx.foo.com.:2025`). */
  readonly hosts: readonly string[];
  readonly siteName: string;
  readonly byPreference: ReadonlyMap<number, readonly string[]>;
  readonly isDomainLiteral: boolean;
  readonly isSecure: boolean;
  readonly isMx: boolean;
  /** Which zone or server answered, for the Journey. */
  readonly answeredBy: string;
}

/** A name and an address to connect to; `port` only when the plan entry pinned one. */
export interface ResolvedAddress {
  readonly name: string;
  readonly ip: string;
  readonly port: number | null;
}

export class DnsError extends Error {
  readonly code: 'NXDOMAIN' | 'SERVFAIL' | 'TIMEOUT' | 'REFUSED' | 'MALFORMED';

  constructor(
    code: 'NXDOMAIN' | 'SERVFAIL' | 'TIMEOUT' | 'REFUSED' | 'MALFORMED',
    message: string,
  ) {
    super(message);
    this.name = 'DnsError';
    this.code = code;
  }
}

export interface Resolver {
  /** MX of a queue domain or routing domain, literals and `:port` included. */
  lookupMx(domain: string): Promise<MxResult>;
  /** A and AAAA, IPv4 first; empty when the name has none. */
  lookupAddr(name: string, strategy?: string): Promise<string[]>;
  lookupTxt(name: string): Promise<string[]>;
  lookupPtr(ip: string): Promise<string[]>;
  /** Replaces the resolver by test zones (`kumo.dns.configure_test_resolver`). */
  configureTestResolver(
    zones: readonly { zone: string; secure: boolean }[],
    servfail: readonly string[],
  ): void;
}
