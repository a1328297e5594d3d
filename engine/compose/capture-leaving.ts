/**
 * "Capture what would leave": an SMTP delivery whose hosts are neither loopback nor opened is
 * written into a maildir instead, so that any production policy captures everything at its first
 * start. It is decided with what this machine knows by itself: a name that no zone answers counts
 * as a host outside.
 */
import { isLoopback } from '../guard/open-hosts.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { Guard } from '../guard/guard.ts';
import type { MxListEntry } from '../policy/settings.ts';
import type { LeavingPlan, LeavingPolicy } from '../queue/queue-deps.ts';

export const CAPTURE_TEMPLATE = 'mail/{{ domain_part }}/{{ local_part }}';
const ROUTE = 'captured';

export interface PlannedHost {
  readonly host: string;
  readonly addresses: readonly string[];
}

export class CaptureLeaving implements LeavingPolicy {
  isOn: boolean;
  readonly #guard: Guard;
  readonly #resolver: Resolver;

  constructor(guard: Guard, resolver: Resolver, isOn: boolean) {
    this.#guard = guard;
    this.#resolver = resolver;
    this.isOn = isOn;
  }

  async captureInstead(plan: LeavingPlan): ReturnType<LeavingPolicy['captureInstead']> {
    if (!this.isOn) return null;
    const hosts = await this.#hostsOf(plan);
    if (hosts.every((host) => this.#staysOrIsOpen(host))) return null;
    return {
      protocol: { kind: 'maildir', path: CAPTURE_TEMPLATE, dirMode: null, fileMode: null },
      route: ROUTE,
      details: {
        capturedInsteadOfLeaving: 'yes: this mail would have left the machine',
        wouldHaveGoneTo: hosts
          .map(({ host, addresses }) =>
            addresses.length > 0 ? `${host} (${addresses.join(', ')})` : host,
          )
          .join(', '),
      },
    };
  }

  /** The hosts of a plan that are outside and not open. */
  async leavingHosts(plan: LeavingPlan): Promise<readonly PlannedHost[]> {
    const hosts = await this.#hostsOf(plan);
    return hosts.filter((host) => !this.#staysOrIsOpen(host));
  }

  #staysOrIsOpen({ host, addresses }: PlannedHost): boolean {
    if (this.#guard.allows({ host })) return true;
    return (
      addresses.length > 0 &&
      addresses.every((address) => isLoopback(address) || this.#guard.allows({ host, address }))
    );
  }

  async #hostsOf(plan: LeavingPlan): Promise<PlannedHost[]> {
    if (plan.mxList.length > 0)
      return Promise.all(plan.mxList.map((entry) => this.#entryHost(entry)));
    const domain = plan.routingDomain ?? plan.domain;
    try {
      const mx = await this.#resolver.lookupMx(domain);
      return await Promise.all(mx.hosts.map((host) => this.#named(host)));
    } catch {
      return [{ host: domain, addresses: [] }];
    }
  }

  #entryHost(entry: MxListEntry): Promise<PlannedHost> {
    return entry.kind === 'name'
      ? this.#named(entry.label)
      : Promise.resolve({ host: entry.name, addresses: [withoutPort(entry.addr)] });
  }

  async #named(label: string): Promise<PlannedHost> {
    const host = withoutPort(label);
    try {
      return { host, addresses: await this.#resolver.lookupAddr(host) };
    } catch {
      return { host, addresses: [] };
    }
  }
}

/** `mx.example.com.:2025`, `[::1]:25`, `10.0.0.1:25` without port, brackets and final dot. */
function withoutPort(label: string): string {
  const bracketed = /^\[(?:ipv6:)?([^\]]+)\](?::\d+)?$/i.exec(label)?.[1];
  if (bracketed !== undefined) return bracketed;
  const colons = label.split(':').length - 1;
  const host = colons === 1 ? label.slice(0, label.indexOf(':')) : label;
  return host.replace(/\.$/, '');
}
