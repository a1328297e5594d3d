/** `GET /dns?name=&type=` and `GET /dns/zones`: what the engine's resolver knows, and from where. */
import type { SourceLink } from './journey.ts';

export type DnsType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'CNAME' | 'NS' | 'SOA';

/** Where an answer came from. */
export type DnsOrigin = 'test zone' | 'zone' | 'hosts file' | 'system' | 'none';

export interface DnsAnswer {
  /** As it was asked: lower case with trailing dot; an address as its reverse name. */
  readonly name: string;
  readonly type: DnsType;
  readonly status: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL' | 'TIMEOUT' | 'REFUSED' | 'MALFORMED';
  readonly origin: DnsOrigin;
  /** `zones/corp.zone`, `hosts file`, `DNS server 192.0.2.53`; what refused or failed, else. */
  readonly answeredBy: string;
  readonly source: SourceLink | null;
  readonly isSecure: boolean;
  readonly records: readonly DnsRecord[];
  /** The places that were asked, in order, with what each said. */
  readonly asked: readonly { readonly place: string; readonly said: string }[];
  /** One sentence when there is no answer: why. */
  readonly problem: string | null;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: DnsType;
  readonly ttlSeconds: number;
  readonly value: string;
  /** Of an MX. */
  readonly preference: number | null;
}

export interface DnsZones {
  /** The policy configured test zones: names outside all zones do not exist then. */
  readonly isReplaced: boolean;
  readonly zones: readonly {
    readonly label: string;
    readonly origins: readonly string[];
    readonly recordCount: number;
    readonly isSecure: boolean;
    readonly source: SourceLink | null;
  }[];
  readonly problems: readonly {
    readonly file: string;
    readonly line: number | null;
    readonly message: string;
    readonly source: SourceLink;
  }[];
}
