/**
 * What the engine of a workspace may reach, and what names mean to it: the guard, which keeps the
 * ledger; the resolver, which looks into the workspace's zones and this machine's names first and
 * asks the system's name servers through the guard.
 */
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { LocalResolver } from '../dns/local-resolver.ts';
import { SystemDns } from '../dns/system-dns.ts';
import type { ZonesFolder } from '../dns/zones-folder.ts';
import { LoopbackGuard } from '../guard/loopback-guard.ts';
import type { SqliteStore } from '../store/sqlite-store.ts';
import { systemNameServers } from './name-servers.ts';

export interface Network {
  readonly guard: LoopbackGuard;
  readonly resolver: LocalResolver;
}

export function makeNetwork(parts: {
  readonly clock: Clock;
  readonly mailClock: Clock;
  readonly random: Random;
  readonly store: SqliteStore;
  readonly zones: ZonesFolder;
}): Network {
  const { clock, mailClock, random, store, zones } = parts;
  const guard = new LoopbackGuard({
    clock,
    ledger: ({ timeMs, kind, target, allowed, why }) =>
      store.addLedger({ timeMs, kind, target, allowed, why }),
  });
  const system = new SystemDns({ guard, clock, mailClock, random, servers: systemNameServers });
  const resolver = new LocalResolver({
    clock,
    zonesFolder: zones,
    hostsPath: '/etc/hosts',
    system,
  });
  return { guard, resolver };
}
