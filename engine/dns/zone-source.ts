/**
 * Answers from zones. A name belongs to the nearest zone above it; outside of all zones nothing is
 * said (the resolver decides), inside a zone a missing name is "no such record", never NXDOMAIN.
 *
 * Source: reference `lua-api.md` §3.13; wildcards RFC 4592.
 */
import { fqdn } from './domain-name.ts';
import type { Answer, RecordSource, RecordType, ResourceRecord } from './records.ts';
import { DnsError } from './resolver.ts';
import type { Zone } from './zone-file.ts';

export interface LoadedZone {
  readonly zone: Zone;
  readonly isSecure: boolean;
  /** As the Journey names it: `test zone corp.test`, `zones/corp.zone`. */
  readonly label: string;
}

interface ZoneSourceOptions {
  /** Names that answer SERVFAIL. */
  readonly servfail?: readonly string[];
  /** Whether `*.corp.test` stands for names without records of their own. */
  readonly wildcards?: boolean;
}

export class ZoneSource implements RecordSource {
  readonly #byOrigin = new Map<string, LoadedZone>();
  readonly #servfail: ReadonlySet<string>;
  readonly #wildcards: boolean;

  constructor(zones: readonly LoadedZone[], options: ZoneSourceOptions = {}) {
    for (const loaded of zones) {
      for (const origin of loaded.zone.origins) this.#byOrigin.set(origin, loaded);
    }
    this.#servfail = new Set((options.servfail ?? []).map(fqdn));
    this.#wildcards = options.wildcards ?? false;
  }

  async query(name: string, type: RecordType): Promise<Answer | null> {
    if (this.#servfail.has(name)) {
      throw new DnsError('SERVFAIL', `${name} ${type}: SERVFAIL, as the test resolver was told`);
    }
    const found = this.#zoneOf(name);
    if (!found) return null;
    const { loaded, origin } = found;
    const all = this.#recordsAt(name, loaded.zone, origin);
    const wanted = all.filter((record) => record.type === type);
    const records = wanted.length > 0 ? wanted : all.filter((record) => record.type === 'CNAME');
    return {
      status: 'NOERROR',
      records,
      isSecure: loaded.isSecure,
      answeredBy: loaded.label,
    };
  }

  #zoneOf(name: string): { loaded: LoadedZone; origin: string } | null {
    for (const origin of parents(name)) {
      const loaded = this.#byOrigin.get(origin);
      if (loaded) return { loaded, origin };
    }
    return null;
  }

  #recordsAt(name: string, zone: Zone, origin: string): readonly ResourceRecord[] {
    const own = zone.records.get(name);
    if (own || !this.#wildcards) return own ?? [];
    for (const parent of parents(name).slice(1)) {
      const wild = zone.records.get(`*.${parent}`);
      if (wild) return wild;
      // A name that exists cuts the wildcard above it off.
      if (zone.records.has(parent) || parent === origin) return [];
    }
    return [];
  }
}

/** The name and everything above it: `a.b.`, `b.`, `.`. */
function parents(name: string): string[] {
  const labels = name.replace(/\.$/, '').split('.');
  return [...labels.map((_, index) => `${labels.slice(index).join('.')}.`), '.'];
}
