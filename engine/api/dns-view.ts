/** DNS for the window and the command line: one lookup told step by step, and the zones there are. */
import { parseHost, reverseName, fqdn } from '../dns/domain-name.ts';
import type { LocalResolver } from '../dns/local-resolver.ts';
import type { LoadedZone } from '../dns/zone-source.ts';
import type { ZonesFolder } from '../dns/zones-folder.ts';
import { toError } from '../base/assert.ts';
import type { DnsDoor } from './doors.ts';
import type { DnsAnswer, DnsType, DnsZones, SourceLink } from './protocol.ts';
import { ApiProblem } from './route.ts';

export class DnsView implements DnsDoor {
  readonly #resolver: LocalResolver;
  readonly #zones: ZonesFolder;

  constructor(resolver: LocalResolver, zones: ZonesFolder) {
    this.#resolver = resolver;
    this.#zones = zones;
  }

  /** @throws {ApiProblem} 400: neither a name nor an address */
  async ask(name: string, type: DnsType): Promise<DnsAnswer> {
    const explained = await this.#resolver.explain(askedName(name, type), type);
    return {
      ...explained,
      source:
        explained.origin === 'zone' ? zoneLink(explained.answeredBy.split(', ')[0] ?? '') : null,
      records: explained.records.map((record) => ({
        name: record.name,
        type: record.type,
        ttlSeconds: Math.round(record.ttlMs / 1000),
        value: record.value,
        preference: record.type === 'MX' ? record.preference : null,
      })),
    };
  }

  zones(): DnsZones {
    const { testZones } = this.#resolver;
    return {
      isReplaced: testZones !== null,
      zones: [
        ...(testZones ?? []).map((zone) => ({ ...shown(zone), source: null })),
        ...this.#zones.zones.map((zone) => ({ ...shown(zone), source: zoneLink(zone.label) })),
      ],
      problems: this.#zones.problems.map(({ file, line, message }) => ({
        file: `zones/${file}`,
        line,
        message,
        source: {
          label: `zones/${file}${line === null ? '' : `:${line}`}`,
          file: `zones/${file}`,
          ...(line !== null && { line }),
        },
      })),
    };
  }
}

function shown({ label, zone, isSecure }: LoadedZone): Omit<DnsZones['zones'][number], 'source'> {
  const recordCount = [...zone.records.values()].reduce((sum, { length }) => sum + length, 0);
  return { label, origins: zone.origins, recordCount, isSecure };
}

function zoneLink(label: string): SourceLink {
  return { label, file: label };
}

function askedName(text: string, type: DnsType): string {
  try {
    const host = parseHost(text.trim());
    if (host.kind === 'name') return fqdn(host.name);
    const reverse = type === 'PTR' ? reverseName(host.ip) : undefined;
    if (reverse !== undefined) return reverse;
  } catch (error) {
    throw new ApiProblem(400, 'invalid', toError(error).message);
  }
  throw new ApiProblem(
    400,
    'invalid',
    `Cannot ask for the ${type} records of ${text}: it is an address, expected PTR or a name`,
  );
}
