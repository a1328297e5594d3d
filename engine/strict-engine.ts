/**
 * Strict mode: a policy exactly as KumoMTA runs it. Its own listeners and paths, the real clock,
 * no overlay, no window, an open guard; KumoMTA's lines on stderr.
 *
 * The store is in the folder of the `meta` spool, so that a stop and a start in the same folders
 * find what waited.
 */
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { toError } from './base/assert.ts';
import { SystemClock } from './base/clock.ts';
import { SystemRandom } from './base/random.ts';
import { EngineCore } from './compose/engine-core.ts';
import { DirectMaildirs } from './delivery/maildir-delivery.ts';
import { LocalResolver } from './dns/local-resolver.ts';
import { SystemDns } from './dns/system-dns.ts';
import { LoopbackGuard } from './guard/loopback-guard.ts';
import { Diagnostics } from './log/diagnostics.ts';
import { readNodeId } from './log/node-id.ts';
import { EpochMonitor } from './policy/epoch-monitor.ts';
import { STRICT_MODE } from './reception/mode.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { systemNameServers } from './compose/name-servers.ts';

export interface RunningEngine {
  stop(): Promise<void>;
}

/** Null: the start failed, and why is on stderr. */
export async function startStrictEngine(
  policyFile: string,
  options: { isValidating: boolean },
): Promise<RunningEngine | null> {
  const core = makeCore(policyFile, options.isValidating);
  const { diagnostics } = core.options;
  try {
    const loaded = await core.policy.load(policyFile);
    if (!loaded.ok)
      throw new Error(`Error evaluating policy file "${policyFile}": ${loaded.error.message}`);
    await core.policy.init();
    if (options.isValidating) {
      const isValid = await core.policy.validate();
      if (!isValid) diagnostics.announce('Validation failed');
      await core.stop();
      return isValid ? { stop: () => Promise.resolve() } : null;
    }
    await open(core);
  } catch (error) {
    // KumoMTA says this even when init failed, and leaves then.
    diagnostics.announce('initialization complete');
    diagnostics.announce(`Error: ${toError(error).message}`);
    await core.stop();
    return null;
  }
  diagnostics.announce('initialization complete');
  const monitor = new EpochMonitor(core.policy.world, core.options.clock, () => {
    void core.bumpEpoch();
  });
  monitor.start();
  return {
    stop: () => {
      monitor.close();
      return core.stop();
    },
  };
}

async function open(core: EngineCore): Promise<void> {
  const { esmtpListeners, httpListeners } = core.setup;
  const { diagnostics } = core.options;
  await core.open();
  for (const { path } of core.setup.spools) mkdirSync(path, { recursive: true });
  core.serveScripts();
  for (const settings of esmtpListeners) {
    const { address } = await core.openSmtp(settings);
    diagnostics.announce(`smtp listener on ${address}`);
  }
  for (const settings of httpListeners) {
    const { address } = await core.openHttp(settings);
    diagnostics.announce(`${settings.useTls ? 'https' : 'http'} listener on ${address}`);
  }
  await core.resume();
}

function makeCore(policyFile: string, isValidating: boolean): EngineCore {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const diagnostics = new Diagnostics(clock, 'error');
  const filter = process.env['KUMOD_LOG'];
  if (filter) diagnostics.setFilter(filter);
  const guard = new LoopbackGuard({
    clock,
    ledger: () => {},
    isPermissive: true,
    allowUnixSockets: true,
  });
  const same = (path: string): string => path;
  return new EngineCore({
    mode: 'strict',
    openStore: async (spools) => {
      const spool = spools.find((candidate) => candidate.name === 'meta') ?? spools[0];
      if (spool === undefined) throw new Error('No spools have been defined');
      mkdirSync(spool.path, { recursive: true });
      return SqliteStore.open({
        folder: spool.path,
        clock,
        onTrouble: (text) => diagnostics.write('error', text),
      });
    },
    mailClock: clock,
    clock,
    random,
    diagnostics,
    guard,
    resolver: new LocalResolver({
      clock,
      zonesFolder: null,
      hostsPath: '/etc/hosts',
      system: new SystemDns({ guard, clock, mailClock: clock, random, servers: systemNameServers }),
    }),
    maildirs: new DirectMaildirs({
      clock,
      random,
      hostname: hostname(),
      pid: process.pid,
      mapMaildirPath: same,
    }),
    leaving: null,
    overlays: { reception: null, queueConfig: null },
    reception: STRICT_MODE,
    nodeId: readNodeId(process.env['KUMO_NODE_ID_PATH'] ?? '/opt/kumomta/etc/.nodeid', random),
    extrasDir: join(import.meta.dirname, 'policy-extras'),
    tlsFolder: join(
      process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? '/tmp', '.cache'),
      'postyard-tls',
    ),
    isValidating,
    mapPath: same,
    mapStatePath: same,
  });
}
