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
  /** An IP address, or the path of a unix socket. */
  readonly ip: string;
  readonly port: number | null;
  /** The answer was signed, or the policy vouches for the list (`treat_mx_list_as_secure`). */
  readonly isSecure: boolean;
}

export type IpLookupStrategy =
  'Ipv4AndIpv6' | 'Ipv4Only' | 'Ipv6Only' | 'Ipv4ThenIpv6' | 'Ipv6ThenIpv4';

/** The addresses of a host with their origin, for the plan and the Journey. */
export interface HostAnswer {
  /** IPv4 first unless the strategy says otherwise; empty when the name has none. */
  readonly addresses: readonly string[];
  readonly answeredBy: string;
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
  /**
   * MX of a queue domain or routing domain, literals and `:port` included.
   * @throws {DnsError} NXDOMAIN and TIMEOUT (`MX lookup for D failed after …: NXDOMAIN`),
   *   MALFORMED literals, REFUSED (`guard: D is not open`) when only the system's DNS would know
   */
  lookupMx(domain: string): Promise<MxResult>;
  /**
   * A and AAAA, IPv4 first; empty when the name has none. `[ip]` and bare addresses are answered
   * without a lookup.
   * @throws {DnsError} SERVFAIL, TIMEOUT, MALFORMED, REFUSED
   */
  lookupAddr(name: string, strategy?: IpLookupStrategy): Promise<string[]>;
  /** Like `lookupAddr`, and who answered. */
  lookupHost(name: string, strategy?: IpLookupStrategy): Promise<HostAnswer>;
  lookupTxt(name: string): Promise<string[]>;
  lookupPtr(ip: string): Promise<string[]>;
  /** Replaces the resolver by test zones (`kumo.dns.configure_test_resolver`). */
  configureTestResolver(
    zones: readonly { zone: string; secure: boolean }[],
    servfail: readonly string[],
  ): void;
}
