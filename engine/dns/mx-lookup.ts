/**
 * MX of a destination: literals answer themselves, ports stick to every host, a domain without MX
 * stands for itself, and the hosts are folded into the name of the site.
 *
 * Source: RFC 5321 §5.1, RFC 7505; reference `queues-delivery.md` §1.5, §4.4.
 */
import type { Clock } from '../base/clock.ts';
import { debugDuration } from '../base/rust-duration.ts';
import { fqdn, parseDomain } from './domain-name.ts';
import type { Answer } from './records.ts';
import { DnsError } from './resolver.ts';
import type { MxResult } from './resolver.ts';
import { factorNames } from './site-name.ts';

/**
 * @param domain as a queue name spells it
 * @param ask asks for the MX records of an absolute name
 * @param clock real time, for the error text
 * @throws {DnsError} NXDOMAIN, TIMEOUT, MALFORMED, REFUSED; a SERVFAIL counts as "no MX"
 */
export async function lookupMx(
  domain: string,
  ask: (name: string) => Promise<Answer>,
  clock: Clock,
): Promise<MxResult> {
  const destination = parseDomain(domain);
  const suffix = destination.port === null ? '' : `:${destination.port}`;
  if (destination.kind === 'ip') return literalResult(domain, `${destination.ip}${suffix}`);
  const startedMs = clock.monotonic();
  const failure = (code: DnsError['code'], what: string): DnsError =>
    new DnsError(
      code,
      `MX lookup for ${destination.name} failed after ${debugDuration(clock.monotonic() - startedMs)}: ${what}`,
    );
  const name = fqdn(destination.name);
  let answer: Answer;
  try {
    answer = await ask(name);
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.code === 'TIMEOUT') throw failure('TIMEOUT', 'request timed out');
    if (error.code !== 'SERVFAIL') throw error;
    answer = { status: 'NOERROR', records: [], isSecure: false, answeredBy: error.message };
  }
  if (answer.status === 'NXDOMAIN') throw failure('NXDOMAIN', 'NXDOMAIN');
  return resultOf(name, answer, suffix);
}

function resultOf(name: string, answer: Answer, suffix: string): MxResult {
  const isMx = answer.records.length > 0;
  const byPreference = new Map<number, string[]>();
  for (const { preference, value } of isMx ? answer.records : [{ preference: 1, value: name }]) {
    const hosts = byPreference.get(preference) ?? [];
    byPreference.set(preference, hosts);
    const host = `${value}${suffix}`;
    if (!hosts.includes(host)) hosts.push(host);
  }
  const sorted = [...byPreference].sort(([a], [b]) => a - b);
  for (const [, hosts] of sorted) hosts.sort();
  const hosts = sorted.flatMap(([, list]) => list);
  return {
    domainName: name,
    hosts,
    siteName: factorNames(hosts),
    byPreference: new Map(sorted),
    isDomainLiteral: false,
    isSecure: isMx && answer.isSecure,
    isMx,
    answeredBy: answer.answeredBy,
  };
}

function literalResult(domain: string, host: string): MxResult {
  return {
    domainName: domain,
    hosts: [host],
    siteName: host,
    byPreference: new Map([[1, [host]]]),
    isDomainLiteral: true,
    isSecure: false,
    isMx: false,
    answeredBy: 'address literal',
  };
}
