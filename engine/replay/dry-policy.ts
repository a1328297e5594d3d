/**
 * A policy run dry: its own Lua contexts with copies of what the running engine's contexts share,
 * its own clock and dice, files that are copied before they are written, a network that answers
 * from stubs. Nothing outside of it changes (`test/engine/replay/dry-run.property.test.ts`).
 *
 * States: made, ready (`start`: the policy ran and its `init` too), closed.
 */
import { SpoolIdSource } from '../base/ids.ts';
import type { Clock } from '../base/clock.ts';
import { SeededRandom } from '../base/random.ts';
import type { Random } from '../base/random.ts';
import { LocalResolver } from '../dns/local-resolver.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { ZonesFolder } from '../dns/zones-folder.ts';
import type { Guard } from '../guard/guard.ts';
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { PolicyError, PolicyEvents } from '../policy/events.ts';
import type { Heartbeat } from '../policy/heartbeat.ts';
import type { HostCall } from '../policy/lua/host-function.ts';
import type { PolicyWorld } from '../policy/policy-world.ts';
import { ScriptHost } from '../policy/script-host.ts';
import type { PolicyProblem } from '../policy/script-host.ts';
import { DryClock } from './dry-clock.ts';
import { DryNetwork } from './dry-network.ts';
import type { NetworkExchange, Stub } from './dry-network.ts';
import { DryServices } from './dry-services.ts';
import { FileOverlay } from './file-overlay.ts';
import { HostCallLog } from './host-call-log.ts';
import type { HostCallEntry } from './host-call-log.ts';

/** What a dry run borrows from the engine or the workspace; it changes none of it. */
export interface DrySurroundings {
  readonly policyFile: string;
  readonly extrasDir: string | null;
  /** A module that every context loads after the policy. */
  readonly companion: string | null;
  /** Of the running policy, so that a hang is noticed; null when nobody watches. */
  readonly heartbeat: Heartbeat | null;
  readonly clock: Clock;
  readonly mailClock: Clock;
  readonly zones: ZonesFolder | null;
  readonly hostsPath: string | null;
  /** The real guard, for far ends on loopback. */
  readonly guard: Guard;
  /** Shared state of the running policy; null when none runs. */
  readonly world: PolicyWorld | null;
  readonly mapPath: (path: string, mode: 'read' | 'write') => string;
  readonly buildV1: (request: JsonValue, auth: AuthInfo) => Promise<Message[]>;
}

export interface DryOptions {
  readonly seed?: number | undefined;
  readonly stubs?: readonly Stub[] | undefined;
  readonly recording?: readonly NetworkExchange[] | undefined;
  readonly http?: 'stubs' | 'far-ends' | undefined;
  /** Unsaved texts of policy files, by absolute path. */
  readonly edited?: ReadonlyMap<string, string> | undefined;
}

/** Statements that open further files, past the copy. */
const OPENS_FILES =
  /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/|explain\b|query\b|plan\b)*(?:attach\b|vacuum\b[\s\S]*\binto\b)/i;

export class DryPolicy {
  readonly clock: Clock;
  readonly mailClock: DryClock;
  readonly random: Random;
  readonly ids: SpoolIdSource;
  readonly resolver: Resolver;
  readonly services: DryServices;
  readonly host: ScriptHost;
  readonly files: FileOverlay;
  readonly network: DryNetwork;
  readonly calls: HostCallLog;
  readonly #surroundings: DrySurroundings;

  constructor(surroundings: DrySurroundings, options: DryOptions) {
    const { clock, mapPath } = surroundings;
    this.#surroundings = surroundings;
    this.clock = clock;
    this.mailClock = new DryClock(surroundings.mailClock, clock);
    this.random = new SeededRandom(options.seed ?? 1);
    this.ids = new SpoolIdSource(this.mailClock, this.random);
    this.services = new DryServices(surroundings.buildV1);
    this.files = new FileOverlay(mapPath);
    this.calls = this.#makeCallLog();
    this.network = new DryNetwork({
      stubs: options.stubs ?? [],
      recording: options.recording ?? [],
      farEnds: options.http === 'far-ends' ? surroundings.guard : null,
      calls: () => this.calls,
    });
    this.resolver = new LocalResolver({
      clock,
      zonesFolder: surroundings.zones,
      hostsPath: surroundings.hostsPath,
      system: this.network,
    });
    this.host = this.#makeHost(options);
  }

  get events(): PolicyEvents {
    return this.host.events;
  }

  /** Runs the policy file and `init`. Null: it is ready; else what is wrong with it. */
  async start(): Promise<PolicyProblem | null> {
    const { policyFile } = this.#surroundings;
    const loaded = await this.host.load(policyFile);
    if (!loaded.ok) return loaded.error;
    try {
      await this.host.init();
      return null;
    } catch (error) {
      const { message, file, line } = error as PolicyError;
      return { file: file ?? policyFile, line: line ?? null, message };
    }
  }

  /** The calls made since the last time. */
  takeCalls(): HostCallEntry[] {
    return this.calls.take();
  }

  async close(): Promise<void> {
    this.mailClock.end();
    await this.host.close();
    this.files.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #makeHost(options: DryOptions): ScriptHost {
    const { extrasDir, world, companion, heartbeat } = this.#surroundings;
    return new ScriptHost({
      deps: {
        mailClock: this.mailClock,
        clock: this.clock,
        random: this.random,
        ids: this.ids,
        services: this.services,
        guard: this.network.guard,
        resolver: this.resolver,
        network: this.network,
        mapPath: this.files.mapPath,
      },
      isStrict: false,
      extrasDir,
      gate: this.calls.gate,
      ...(world && { forkOf: world }),
      ...(companion !== null && { companion }),
      ...(heartbeat && { heartbeat }),
      ...(options.edited && { edited: options.edited }),
    });
  }

  #makeCallLog(): HostCallLog {
    return new HostCallLog({
      clock: this.clock,
      eventOf: (call) => this.host.world.contextOf(call.context)?.currentEvent ?? '',
      replacements: { '_G.os.tmpname': () => this.files.temporaryFile() },
      guards: { 'Conn.execute': refuseFurtherFiles },
    });
  }
}

/** @throws {Error} the statement would reach a file that is not a copy */
function refuseFurtherFiles(call: HostCall): void {
  if (!OPENS_FILES.test(call.string(1))) return;
  throw new Error('ATTACH and VACUUM INTO are refused in a dry run: they open further files');
}
