/**
 * The resolver: test zones of the policy, then the workspace's zones, then the names this machine
 * knows by itself, then the system's DNS. A policy that configures test zones replaces what comes
 * after the workspace's zones, as it does in KumoMTA: names outside do not exist then.
 *
 * Source: reference `lua-api.md` §3.13, `queues-delivery.md` §4.4, §5.1.
 */
import type { Clock } from '../base/clock.ts';
import { fqdn, parseHost, reverseName } from './domain-name.ts';
import { explainLookup } from './explain.ts';
import type { ExplainedLookup, LookupPlace } from './explain.ts';
import { HostsFile } from './hosts-file.ts';
import { lookupMx } from './mx-lookup.ts';
import type { Answer, RecordSource, RecordType } from './records.ts';
import { DnsError } from './resolver.ts';
import type { HostAnswer, IpLookupStrategy, MxResult, Resolver } from './resolver.ts';
import { parseZone } from './zone-file.ts';
import { ZoneSource } from './zone-source.ts';
import type { LoadedZone } from './zone-source.ts';
import type { ZonesFolder } from './zones-folder.ts';

export interface LocalResolverOptions {
  /** Real time, for the elapsed time in error texts. */
  readonly clock: Clock;
  /** The workspace's zones; none in strict mode. */
  readonly zonesFolder?: ZonesFolder | null;
  /** Usually `/etc/hosts`; null asks only for `localhost`. */
  readonly hostsPath?: string | null;
  /** Asked last; null answers NXDOMAIN instead. */
  readonly system: RecordSource | null;
}

const NOWHERE: Answer = {
  status: 'NXDOMAIN',
  records: [],
  isSecure: false,
  answeredBy: 'no zone has this name',
};

export class LocalResolver implements Resolver {
  readonly #options: LocalResolverOptions;
  readonly #hosts: HostsFile;
  #testZones: ZoneSource | null = null;
  #loadedTestZones: readonly LoadedZone[] | null = null;
  #folderZones: ZoneSource | null = null;

  constructor(options: LocalResolverOptions) {
    this.#options = options;
    this.#hosts = new HostsFile(options.hostsPath ?? null);
    const folder = options.zonesFolder;
    if (!folder) return;
    const load = (): void => {
      this.#folderZones = new ZoneSource(folder.zones, { wildcards: true });
    };
    load();
    folder.onChange(load);
  }

  configureTestResolver(
    zones: readonly { zone: string; secure: boolean }[],
    servfail: readonly string[],
  ): void {
    const loaded = zones.map(({ zone: text, secure }) => {
      const zone = parseZone(text);
      const name = (zone.origins[0] ?? '.').replace(/(.)\.$/, '$1');
      return { zone, isSecure: secure, label: `test zone ${name}` };
    });
    this.#testZones = new ZoneSource(loaded, { servfail });
    this.#loadedTestZones = loaded;
  }

  /** The zones that the policy configured; null when it did not. */
  get testZones(): readonly LoadedZone[] | null {
    return this.#loadedTestZones;
  }

  /** The same lookup as everywhere, told step by step. @param name lower case with trailing dot */
  explain(name: string, type: RecordType): Promise<ExplainedLookup> {
    const places: LookupPlace[] = [];
    const add = (
      origin: LookupPlace['origin'],
      place: string,
      source: RecordSource | null,
    ): void => {
      if (source !== null) places.push({ origin, place, source });
    };
    add('test zone', 'test zones of the policy', this.#testZones);
    add('zone', 'zones of the workspace', this.#folderZones);
    if (this.#testZones === null) {
      add('hosts file', 'this machine’s own names', this.#hosts);
      add('system', 'system DNS', this.#options.system);
    }
    return explainLookup(places, name, type);
  }

  async lookupMx(domain: string): Promise<MxResult> {
    return lookupMx(domain, (name) => this.#query(name, 'MX'), this.#options.clock);
  }

  async lookupAddr(name: string, strategy?: IpLookupStrategy): Promise<string[]> {
    return [...(await this.lookupHost(name, strategy)).addresses];
  }

  async lookupHost(name: string, strategy: IpLookupStrategy = 'Ipv4AndIpv6'): Promise<HostAnswer> {
    const host = parseHost(name);
    if (host.kind === 'ip') return { addresses: [host.ip], answeredBy: 'address literal' };
    const [first, second, mode] = STRATEGIES[strategy];
    const asked = fqdn(host.name);
    if (second === null) return hostAnswer([await this.#query(asked, first)]);
    if (mode === 'first-that-has-any') {
      const answer = hostAnswer([await this.#query(asked, first)]);
      return answer.addresses.length > 0 ? answer : hostAnswer([await this.#query(asked, second)]);
    }
    const settled = await Promise.allSettled([
      this.#query(asked, first),
      this.#query(asked, second),
    ]);
    const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (answers.length === 0) throw settled.find((one) => one.status === 'rejected')?.reason;
    return hostAnswer(answers);
  }

  /** What no source may be asked for does not exist for a policy's own lookups. */
  async lookupTxt(name: string): Promise<string[]> {
    const { records } = await this.#queryOrNothing(fqdn(name), 'TXT');
    return records.map((record) => record.value);
  }

  async lookupPtr(ip: string): Promise<string[]> {
    const host = parseHost(ip);
    const name = host.kind === 'ip' ? reverseName(host.ip) : undefined;
    if (name === undefined) {
      throw new DnsError('MALFORMED', `invalid address: \`${ip}\`: invalid IP address syntax`);
    }
    const { records } = await this.#queryOrNothing(name, 'PTR');
    return records.map((record) => record.value);
  }

  async #queryOrNothing(name: string, type: RecordType): Promise<Answer> {
    try {
      return await this.#query(name, type);
    } catch (error) {
      if (error instanceof DnsError && error.code === 'REFUSED') return NOWHERE;
      throw error;
    }
  }

  /** Follows one alias, also into another source. */
  async #query(name: string, type: RecordType): Promise<Answer> {
    const answer = await this.#queryOnce(name, type);
    const [alias] = answer.records;
    if (alias?.type !== 'CNAME' || type === 'CNAME') return answer;
    const target = await this.#queryOnce(alias.value, type);
    return {
      status: 'NOERROR',
      records: target.records.filter((record) => record.type === type),
      isSecure: answer.isSecure && target.isSecure,
      answeredBy: [...new Set([answer.answeredBy, target.answeredBy])].join(', '),
    };
  }

  async #queryOnce(name: string, type: RecordType): Promise<Answer> {
    for (const source of this.#sources()) {
      const answer = await source?.query(name, type);
      if (answer) return answer;
    }
    return NOWHERE;
  }

  #sources(): readonly (RecordSource | null)[] {
    if (this.#testZones) return [this.#testZones, this.#folderZones];
    return [this.#folderZones, this.#hosts, this.#options.system];
  }
}

type Family = 'A' | 'AAAA';
type Strategy = readonly [Family, Family | null, 'both' | 'first-that-has-any'];

const STRATEGIES: Readonly<Record<IpLookupStrategy, Strategy>> = {
  Ipv4AndIpv6: ['A', 'AAAA', 'both'],
  Ipv4Only: ['A', null, 'both'],
  Ipv6Only: ['AAAA', null, 'both'],
  Ipv4ThenIpv6: ['A', 'AAAA', 'first-that-has-any'],
  Ipv6ThenIpv4: ['AAAA', 'A', 'first-that-has-any'],
};

function hostAnswer(answers: readonly Answer[]): HostAnswer {
  return {
    addresses: answers.flatMap((answer) => answer.records.map((record) => record.value)),
    answeredBy: [...new Set(answers.map((answer) => answer.answeredBy))].join(', '),
  };
}
