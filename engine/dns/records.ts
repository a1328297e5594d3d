/**
 * Records and answers, whoever gave them: a zone of the policy, a file of the workspace, the hosts
 * file or the system's DNS. `local-resolver.ts` asks the sources in that order.
 *
 * Source: RFC 1035 §3.2, RFC 3596.
 */
export const RECORD_TYPES = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'NS', 'SOA'] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** Names are lower case with a trailing dot. */
export interface ResourceRecord {
  readonly name: string;
  readonly type: RecordType;
  readonly ttlMs: number;
  /** Canonical address, target name, joined text, or the exchange of an MX. */
  readonly value: string;
  /** Of an MX; 0 for all others. */
  readonly preference: number;
}

export interface Answer {
  readonly status: 'NOERROR' | 'NXDOMAIN';
  /** Of the type that was asked; a lone CNAME when the name has nothing else. */
  readonly records: readonly ResourceRecord[];
  readonly isSecure: boolean;
  /** Which zone or server, as the Journey shows it. */
  readonly answeredBy: string;
}

export interface RecordSource {
  /**
   * The answer, or null when this source knows nothing about that part of the tree.
   * @param name lower case with trailing dot
   * @throws {DnsError} SERVFAIL, TIMEOUT, REFUSED
   */
  query(name: string, type: RecordType): Promise<Answer | null>;
}
