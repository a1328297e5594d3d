/**
 * Ordinary mode: the engine of a workspace, with its window. Remaps what an unmodified policy says
 * about ports and paths, captures what would leave, keeps the mail clock, reloads the policy when
 * it is saved.
 *
 * States: starting, serving (also with a broken policy: the window shows what is wrong with it),
 * stopped.
 */
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EngineApi } from './compose/engine-api.ts';
import { CaptureLeaving } from './compose/capture-leaving.ts';
import { EngineCore, VERSION } from './compose/engine-core.ts';
import { MailClockKeeper, resumeMailClock } from './compose/mail-clock-state.ts';
import { systemNameServers } from './compose/name-servers.ts';
import { MaildirRepair } from './compose/maildir-repair.ts';
import { inOrder } from './compose/overlays.ts';
import { PolicyState } from './compose/policy-status.ts';
import { addressBehind, openAtFreePort, relocated } from './compose/placement.ts';
import type { Placed } from './compose/placement.ts';
import {
  SUPPRESSED_QUEUE_MODULE,
  openSuppression,
  suppressedQueue,
  suppressionFollower,
  suppressionStep,
} from './compose/suppression-overlay.ts';
import { SystemClock } from './base/clock.ts';
import type { Clock } from './base/clock.ts';
import type { MailClock } from './base/mail-clock.ts';
import { SystemRandom } from './base/random.ts';
import { PolicyWatcher } from './policy/policy-watcher.ts';
import { WorkerMaildirs } from './delivery/maildir-delivery.ts';
import { LocalResolver } from './dns/local-resolver.ts';
import { SystemDns } from './dns/system-dns.ts';
import { ZonesFolder } from './dns/zones-folder.ts';
import { LoopbackGuard } from './guard/loopback-guard.ts';
import { Diagnostics } from './log/diagnostics.ts';
import { readNodeId } from './log/node-id.ts';
import { ORDINARY_MODE } from './reception/mode.ts';
import { SEARCH_READS } from './search/search-reads.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import type { Suppression } from './suppression/suppression.ts';
import { createMissing } from './workspace/default-workspace.ts';
import { lockWorkspace, removeEngineFile, writeEngineFile } from './workspace/engine-file.ts';
import type { WorkspaceLayout } from './workspace/layout.ts';
import { PathRemaps } from './workspace/remap.ts';
import { loadSettings } from './workspace/settings.ts';
import type { Settings } from './workspace/settings.ts';

/** Addresses given on the command line; they win over `postyard.json`, and a port other than 0 is fixed. */
export interface GivenAddresses {
  readonly smtp?: string;
  readonly http?: string;
  readonly ui?: string;
}

export interface Listening {
  readonly service: 'smtp' | 'http' | 'ui';
  readonly address: string;
  /** Where it should have been, when that was taken. */
  readonly wanted: string | null;
}

export class WorkspaceEngine {
  readonly core: EngineCore;
  readonly layout: WorkspaceLayout;
  readonly settings: Settings;
  readonly remaps: PathRemaps;
  readonly policyState: PolicyState;
  readonly mailClock: MailClock;
  readonly store: SqliteStore;
  readonly listening: Listening[] = [];
  readonly warnings: string[] = [];
  readonly capture: CaptureLeaving;
  readonly guard: LoopbackGuard;
  readonly suppression: Suppression;
  readonly #given: GivenAddresses;
  readonly #zones: ZonesFolder;
  readonly #release: () => void;
  #api: EngineApi | null = null;
  #watcher: PolicyWatcher | null = null;
  readonly #repair: MaildirRepair;
  readonly #clockKeeper: MailClockKeeper;
  #hasInit = false;

  private constructor(parts: {
    layout: WorkspaceLayout;
    settings: Settings;
    given: GivenAddresses;
    store: SqliteStore;
    zones: ZonesFolder;
    clock: Clock;
    release: () => void;
  }) {
    const { layout, settings, store, clock, zones } = parts;
    this.layout = layout;
    this.settings = settings;
    this.store = store;
    this.#given = parts.given;
    this.#zones = zones;
    this.#release = parts.release;
    this.#repair = new MaildirRepair(store, clock, layout.root);
    this.remaps = new PathRemaps(layout, settings.allowFolders);
    this.policyState = new PolicyState(layout, clock);
    this.mailClock = resumeMailClock(clock, store);
    this.#clockKeeper = new MailClockKeeper(this.mailClock, clock, store);
    const { mailClock, remaps } = this;
    const random = new SystemRandom();
    this.suppression = openSuppression({
      file: layout.suppressionFile,
      store,
      ...{ mailClock, clock },
      onTrouble: (text) => this.core.options.diagnostics.write('error', text),
    });
    this.guard = new LoopbackGuard({
      clock,
      ledger: (row) =>
        store.addLedger({
          timeMs: row.timeMs,
          kind: row.kind,
          target: row.target,
          allowed: row.allowed,
          why: row.why,
        }),
    });
    if (settings.openHosts.length > 0) this.guard.open('workspace', settings.openHosts);
    const resolver = new LocalResolver({
      clock,
      zonesFolder: zones,
      hostsPath: '/etc/hosts',
      system: new SystemDns({
        guard: this.guard,
        clock,
        mailClock,
        random,
        servers: systemNameServers,
      }),
    });
    this.capture = new CaptureLeaving(this.guard, resolver, settings.captureLeaving);
    this.core = new EngineCore({
      mode: 'ordinary',
      mailClock,
      clock,
      random,
      diagnostics: new Diagnostics(clock, 'warn'),
      guard: this.guard,
      resolver,
      maildirs: new WorkerMaildirs({
        clock: mailClock,
        random,
        hostname: hostname(),
        pid: process.pid,
        mapMaildirPath: (path) => remaps.maildir(path),
        placeOf: (path) =>
          path.startsWith(`${layout.root}/`) ? path.slice(layout.root.length + 1) : path,
      }),
      leaving: this.capture,
      overlays: {
        // Routes first, suppression after them.
        reception: inOrder([suppressionStep(this.suppression)]),
        queueConfig: suppressedQueue(this.suppression),
        records: suppressionFollower(this.suppression),
        companion: SUPPRESSED_QUEUE_MODULE,
      },
      reception: {
        ...ORDINARY_MODE,
        offerFriendlyAuth: settings.acceptAnyAuth,
        acceptAnyLogin: settings.acceptAnyAuth,
      },
      nodeId: readNodeId(join(layout.stateFolder, 'nodeid'), random),
      extrasDir: join(import.meta.dirname, 'policy-extras'),
      tlsFolder: layout.tlsFolder,
      mapPath: (path) => remaps.file(path),
      mapStatePath: (path) => remaps.state(path),
    });
  }

  static async start(layout: WorkspaceLayout, given: GivenAddresses): Promise<WorkspaceEngine> {
    const created = createMissing(layout);
    const release = lockWorkspace(layout);
    try {
      const { settings, problem } = loadSettings(layout.settingsFile);
      const clock = new SystemClock();
      mkdirSync(layout.storeFolder, { recursive: true });
      const store = await SqliteStore.open({
        folder: layout.storeFolder,
        clock,
        retention: { maxBytes: settings.keepBytes, maxAgeMs: settings.keepDays * 86_400_000 },
        readModules: [SEARCH_READS],
        onTrouble: (text) => engine.core.options.diagnostics.write('error', text),
      });
      const zones = await ZonesFolder.open(layout.zonesFolder);
      const engine = new WorkspaceEngine({ layout, settings, given, store, zones, clock, release });
      if (problem !== null) engine.#warn(problem);
      if (engine.suppression.problem !== null) engine.#warn(engine.suppression.problem);
      if (created.length > 0)
        engine.core.options.diagnostics.write(
          'info',
          `created ${created.join(', ')} in ${layout.root}`,
        );
      try {
        await engine.#serve();
      } catch (error) {
        await engine.stop();
        throw error;
      }
      return engine;
    } catch (error) {
      release();
      throw error;
    }
  }

  get windowUrl(): string {
    return `${this.#requireApi().url}/#token=${this.#requireApi().token}`;
  }

  /** What a person reads after the start. */
  greeting(): string {
    const at = (service: Listening['service'], fallback: string): string =>
      this.listening
        .filter((one) => one.service === service)
        .map((one) =>
          one.wanted === null ? one.address : `${one.address}   (${one.wanted} was taken)`,
        )
        .join(', ') || fallback;
    const lines = [
      `Postyard ${VERSION} · workspace ${this.layout.root}`,
      `  SMTP    ${at('smtp', 'none: the policy started no ESMTP listener')}`,
      `  HTTP    ${at('http', 'none')}`,
      `  Window  ${this.windowUrl}`,
      ...this.warnings.map((warning) => `  Note    ${warning}`),
    ];
    const { problem } = this.policyState;
    if (problem !== null)
      lines.push(
        `  Policy  ${problem.file}:${problem.line ?? '?'}: ${problem.message.split('\n')[0] ?? ''}`,
      );
    return lines.join('\n');
  }

  async stop(): Promise<void> {
    await this.#watcher?.close();
    await this.#api?.close();
    this.#clockKeeper.close();
    await this.core.stop();
    await this.suppression.close();
    this.#repair.close();
    this.mailClock.close();
    await this.#zones.close();
    removeEngineFile(this.layout);
    this.#release();
  }

  async #serve(): Promise<void> {
    const { core, layout } = this;
    core.run(this.store);
    await this.#loadPolicy();
    this.#api = await EngineApi.start(
      this,
      this.#given.ui ?? this.settings.ui,
      isFixed(this.#given.ui),
    );
    this.#listens('ui', this.#api.address, this.#api.wanted);
    writeEngineFile(layout, {
      pid: process.pid,
      url: this.#api.url,
      token: this.#api.token,
      smtp: this.listening.find((one) => one.service === 'smtp')?.address ?? null,
    });
    await this.#repairMaildirs();
    await core.resume();
    this.#watcher = new PolicyWatcher({
      folder: layout.policyFolder,
      clock: core.options.clock,
      onChange: () => this.#loadPolicy(),
      onError: (error) =>
        core.options.diagnostics.write('error', `policy not reloaded: ${error.message}`),
    });
    await this.#watcher.start();
    core.options.diagnostics.announce('initialization complete');
  }

  /** Loads the policy, at the start and after a save; `init` runs once, as soon as it can. */
  async #loadPolicy(): Promise<void> {
    const { core, layout, policyState } = this;
    const loaded = await core.policy.load(layout.policyFile);
    if (!loaded.ok) {
      policyState.failed(loaded.error);
      return this.#policyChanged();
    }
    policyState.loaded();
    if (!this.#hasInit) await this.#runInit();
    else await core.bumpEpoch();
    this.#policyChanged();
  }

  async #runInit(): Promise<void> {
    const { core, policyState, layout } = this;
    try {
      await core.policy.init();
    } catch (error) {
      const { message, file, line } = error as Error & {
        file?: string | null;
        line?: number | null;
      };
      policyState.failed({ file: file ?? layout.policyFile, line: line ?? null, message });
      return;
    }
    this.#hasInit = true;
    core.serveScripts();
    await this.#openListeners();
  }

  async #openListeners(): Promise<void> {
    const { core, settings } = this;
    const { esmtpListeners, httpListeners } = core.setup;
    for (const [index, wanted] of esmtpListeners.entries()) {
      const address = addressBehind(this.#given.smtp ?? settings.smtp, index);
      const placed = await openAtFreePort(
        address,
        isFixed(this.#given.smtp) && index === 0,
        (listen) => core.openSmtp(relocated(wanted, listen)),
      );
      this.remaps.note('ESMTP listener', wanted.listen, placed.opened.address);
      this.#placed('smtp', placed);
    }
    for (const [index, wanted] of httpListeners.entries()) {
      const address = addressBehind(this.#given.http ?? settings.http, index);
      const placed = await openAtFreePort(
        address,
        isFixed(this.#given.http) && index === 0,
        (listen) => core.openHttp({ ...wanted, listen }),
      );
      this.remaps.note('HTTP listener', wanted.listen, placed.opened.address);
      this.#placed('http', placed);
    }
    const [first] = esmtpListeners;
    if (settings.smtps !== undefined && first !== undefined) {
      this.#placed(
        'smtp',
        await openAtFreePort(settings.smtps, false, (listen) =>
          core.openSmtp(relocated(first, listen), true),
        ),
      );
    }
  }

  #placed(
    service: 'smtp' | 'http',
    { opened, wanted }: Placed<{ readonly address: string }>,
  ): void {
    this.#listens(service, opened.address, wanted);
  }

  #listens(service: Listening['service'], address: string, wanted: string): void {
    const isElsewhere = !wanted.endsWith(':0') && wanted !== address;
    this.listening.push({ service, address, wanted: isElsewhere ? wanted : null });
    this.core.options.diagnostics.announce(`${service} listener on ${address}`);
  }

  async #repairMaildirs(): Promise<void> {
    const report = await this.#repair.repair();
    for (const { path, error } of report?.failed ?? [])
      this.#warn(`a file of ${path} could not be written again: ${error.message}`);
    const restored = report?.restored.length ?? 0;
    if (restored > 0)
      this.#warn(
        `${restored} maildir files were missing after an unclean stop and were written again`,
      );
  }

  #policyChanged(): void {
    this.#api?.statusChanged();
  }

  #warn(text: string): void {
    this.warnings.push(text);
    this.core.options.diagnostics.write('warn', text);
  }

  #requireApi(): EngineApi {
    if (this.#api === null) throw new Error('Bug: the window is not served yet');
    return this.#api;
  }
}

/** A port that was asked for by number is meant; 0 and the defaults may move. */
function isFixed(given: string | undefined): boolean {
  return given !== undefined && !given.endsWith(':0');
}
