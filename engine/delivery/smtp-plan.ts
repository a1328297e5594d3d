/**
 * The plan of a session: which addresses are tried, in which order, on which port. Made before a
 * message is taken; a plan that cannot be made decides the fate of the whole ready queue.
 *
 * Source: reference `queues-delivery.md` §4.4, §5.1-5.3, §3.11 rows 22-25; RFC 5321 §5.1, RFC 7505.
 */
import type { Random } from '../base/random.ts';
import { splitIpPort } from '../base/ip.ts';
import { splitColonPort } from '../dns/domain-name.ts';
import { DnsError } from '../dns/resolver.ts';
import type { MxResult, ResolvedAddress, Resolver } from '../dns/resolver.ts';
import type { JsonObject } from '../mail/json.ts';
import { isLoopback } from '../guard/open-hosts.ts';
import { reply } from '../mail/smtp-reply.ts';
import { PlanFailure } from './deliverer.ts';
import type { SmtpSessionSettings } from './deliverer.ts';
import { guardReply } from './guard-reply.ts';
import { addressText } from './smtp-debug-text.ts';
import { choosePort, parseMxListEntry } from './smtp-target.ts';
import type { ChosenPort } from './smtp-target.ts';

export interface Candidate extends ChosenPort {
  readonly address: ResolvedAddress;
}

interface SmtpPlan {
  readonly candidates: readonly Candidate[];
  /** For the Journey: entries with port and rule, who answered, what was left out and why. */
  readonly details: JsonObject;
}

interface Lookup {
  readonly addresses: ResolvedAddress[];
  readonly notes: string[];
  /** What the guard would not let us ask. */
  refused: DnsError | null;
}

/**
 * @throws {PlanFailure} null MX, no hosts, a prohibited host, only hosts to skip, nothing is open
 * @throws {DnsError} MALFORMED entry of the `mx_list`
 */
export async function makePlan(
  settings: SmtpSessionSettings,
  resolver: Resolver,
  random: Random,
): Promise<SmtpPlan> {
  const lookup: Lookup = { addresses: [], notes: [], refused: null };
  if (settings.mxList.length > 0) await expandMxList(settings, resolver, lookup);
  else await expandMx(settings, resolver, random, lookup);
  const addresses = checkAddresses(settings, lookup);
  const { remotePort } = settings.source;
  const candidates = addresses.map((address) => ({
    address,
    ...choosePort(address, remotePort, settings.path.smtpPort),
  }));
  const plan = candidates.map(({ address, port, rule }) => ({
    name: address.name,
    ip: address.ip,
    port,
    portFrom: rule,
  }));
  return { candidates, details: { plan, lookups: lookup.notes } };
}

async function expandMxList(
  settings: SmtpSessionSettings,
  resolver: Resolver,
  lookup: Lookup,
): Promise<void> {
  const isSecure = settings.treatMxListAsSecure ?? false;
  for (const target of settings.mxList.map(parseMxListEntry)) {
    const { name, port } = target;
    const ips =
      target.kind === 'address' ? [target.ip] : await ipsOf(name, settings, resolver, lookup);
    for (const ip of ips) lookup.addresses.push({ name, ip, port, isSecure });
  }
}

/** Preferences in order; the addresses of one preference shuffled. */
async function expandMx(
  settings: SmtpSessionSettings,
  resolver: Resolver,
  random: Random,
  lookup: Lookup,
): Promise<void> {
  const mx = await lookupMx(settings, resolver, lookup);
  if (mx === null) return;
  const { isSecure } = mx;
  if (mx.isDomainLiteral) {
    const literal = mx.hosts.flatMap((host) => splitIpPort(host) ?? { ip: host, port: null });
    lookup.addresses.push(...literal.map(({ ip, port }) => ({ name: ip, ip, port, isSecure })));
    return;
  }
  for (const hosts of mx.byPreference.values()) {
    const group: ResolvedAddress[] = [];
    for (const { host: name, port } of hosts.map(splitColonPort)) {
      if (name === '.') throw planFailure('FailedDueToNullMx', lookup);
      const ips = await ipsOf(name, settings, resolver, lookup);
      group.push(...ips.map((ip) => ({ name, ip, port, isSecure })));
    }
    lookup.addresses.push(...shuffled(group, random));
  }
}

async function lookupMx(
  settings: SmtpSessionSettings,
  resolver: Resolver,
  lookup: Lookup,
): Promise<MxResult | null> {
  try {
    const mx = await resolver.lookupMx(settings.routingDomain ?? settings.domain);
    lookup.notes.push(`${mx.isMx ? 'MX' : 'no MX'} of ${mx.domainName}: ${mx.answeredBy}`);
    return mx;
  } catch (error) {
    // It was there when the ready queue was made: treated as a name without hosts.
    noteFailure(error, lookup);
    return null;
  }
}

/** Errors contribute nothing, as an empty answer does. */
async function ipsOf(
  name: string,
  settings: SmtpSessionSettings,
  resolver: Resolver,
  lookup: Lookup,
): Promise<readonly string[]> {
  try {
    const answer = await resolver.lookupHost(name, settings.path.ipLookupStrategy);
    const found = answer.addresses.join(', ') || 'no address';
    lookup.notes.push(`${name}: ${found} (${answer.answeredBy})`);
    return answer.addresses;
  } catch (error) {
    noteFailure(error, lookup);
    return [];
  }
}

function noteFailure(error: unknown, lookup: Lookup): void {
  if (!(error instanceof DnsError)) throw error;
  lookup.notes.push(error.message);
  if (error.code === 'REFUSED') lookup.refused ??= error;
}

function checkAddresses(settings: SmtpSessionSettings, lookup: Lookup): ResolvedAddress[] {
  const { prohibitedHosts, skipHosts } = settings.path;
  const { addresses } = lookup;
  if (addresses.length === 0) throw planFailure('MxResolvedToZeroHosts', lookup);
  const prohibited = addresses.find(
    ({ ip }) =>
      prohibitedHosts.contains(ip) && !(settings.reachesLoopback === true && isLoopback(ip)),
  );
  if (prohibited) {
    const where = `${prohibited.name}/${addressText(prohibited.ip, prohibited.port)}`;
    const text = `5.4.4 ${where} is on the list of prohibited_hosts ${prohibitedHosts.debug()}`;
    const details = { lookups: lookup.notes };
    throw new PlanFailure(reply(550, text), 'bounced', 'MxWasProhibited', details);
  }
  const kept = addresses.filter(({ ip }) => !skipHosts.contains(ip));
  for (const { name, ip } of addresses) {
    if (skipHosts.contains(ip)) lookup.notes.push(`${name}/${ip} is on the list of skip_hosts`);
  }
  if (kept.length === 0) throw planFailure('MxWasSkipped', lookup);
  return kept;
}

function planFailure(
  reason: Exclude<PlanFailure['reason'], 'MxWasProhibited'>,
  lookup: Lookup,
): PlanFailure {
  const details = { lookups: lookup.notes };
  switch (reason) {
    case 'FailedDueToNullMx': {
      const nullMx = reply(556, '5.1.10 Recipient address has a null MX');
      return new PlanFailure(nullMx, 'bounced', reason, details);
    }
    case 'MxResolvedToZeroHosts': {
      const noHosts = reply(451, "4.4.4 MX didn't resolve to any hosts");
      return new PlanFailure(guardReply(lookup.refused) ?? noHosts, 'deferred', reason, details);
    }
    case 'MxWasSkipped': {
      const text = '4.4.4 KumoMTA internal: MX consisted solely of hosts on the skip_hosts list';
      return new PlanFailure(reply(451, text), 'deferred', reason, details);
    }
  }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random.next() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
