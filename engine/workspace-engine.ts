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
import { EngineCore } from './compose/engine-core.ts';
import { MailClockKeeper, resumeMailClock } from './compose/mail-clock-state.ts';
import { makeNetwork } from './compose/network.ts';
import { MaildirRepair } from './compose/maildir-repair.ts';
import { firstAnswer, inOrder } from './compose/overlays.ts';
import { LiveSettings, retentionOf } from './compose/live-settings.ts';
import { Listeners, reachOf } from './compose/listeners.ts';
import type { EarlierAddresses, GivenAddresses, Listening } from './compose/listeners.ts';
import { PolicyLifecycle } from './compose/policy-lifecycle.ts';
import { PolicyState } from './compose/policy-status.ts';
import { Restarts } from './compose/restarts.ts';
import type { Restart } from './compose/restarts.ts';
import { stuckWarning } from './compose/stuck-warning.ts';
import { Warnings } from './compose/warnings.ts';
import {
  SUPPRESSED_QUEUE_MODULE,
  openSuppression,
  suppressedQueue,
  suppressionFollower,
  suppressionStep,
} from './compose/suppression-overlay.ts';
import { WorkspaceRoutes } from './compose/workspace-routes.ts';
import { SystemClock } from './base/clock.ts';
import type { Clock } from './base/clock.ts';
import type { MailClock } from './base/mail-clock.ts';
import { SystemRandom } from './base/random.ts';
import { PolicyWatcher } from './policy/policy-watcher.ts';
import { takeStuckNote } from './policy/stuck-watch.ts';
import type { StuckNote } from './policy/stuck-watch.ts';
import { WorkerMaildirs } from './delivery/maildir-delivery.ts';
import type { LocalResolver } from './dns/local-resolver.ts';
import { ZonesFolder } from './dns/zones-folder.ts';
import { FarEnds } from './farends/far-ends.ts';
import type { LoopbackGuard } from './guard/loopback-guard.ts';
import { Diagnostics } from './log/diagnostics.ts';
import { readNodeId } from './log/node-id.ts';
import { receptionMode } from './compose/reception-mode.ts';
import { SEARCH_READS } from './search/search-reads.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import type { Suppression } from './suppression/suppression.ts';
import { createMissing } from './workspace/default-workspace.ts';
import { lockWorkspace, removeEngineFile, writeEngineFile } from './workspace/engine-file.ts';
import type { WorkspaceLayout } from './workspace/layout.ts';
import { PathRemaps } from './workspace/remap.ts';
import type { Reach } from './workspace/listen-addresses.ts';
import { loadSettings } from './workspace/settings.ts';
import type { Settings } from './workspace/settings.ts';

export class WorkspaceEngine {
  readonly core: EngineCore;
  readonly layout: WorkspaceLayout;
  readonly remaps: PathRemaps;
  readonly policyState: PolicyState;
  readonly mailClock: MailClock;
  readonly store: SqliteStore;
  readonly listeners: Listeners;
  readonly warnings: Warnings;
  readonly capture: CaptureLeaving;
  readonly guard: LoopbackGuard;
  readonly suppression: Suppression;
  readonly routes: WorkspaceRoutes;
  readonly farEnds: FarEnds;
  readonly #lifecycle: PolicyLifecycle;
  readonly #stuck: StuckNote | null;
  readonly #restarts: Restarts;
  readonly #settings: LiveSettings;
  readonly reach: Reach;
  readonly #zones: ZonesFolder;
  readonly resolver: LocalResolver;
  readonly #release: () => void;
  #api: EngineApi | null = null;
  #watcher: PolicyWatcher | null = null;
  readonly #repair: MaildirRepair;
  readonly #clockKeeper: MailClockKeeper;

  private constructor(parts: {
    layout: WorkspaceLayout;
    settings: Settings;
    given: GivenAddresses;
    earlier: EarlierAddresses | null;
    onRestart: (restart: Restart) => void;
    store: SqliteStore;
    zones: ZonesFolder;
    clock: Clock;
    diagnostics: Diagnostics;
    release: () => void;
  }) {
    const { layout, settings, store, clock, diagnostics, zones } = parts;
    this.layout = layout;
    this.store = store;
    this.#stuck = takeStuckNote(layout.stuckFile);
    this.#zones = zones;
    this.#release = parts.release;
    this.#repair = new MaildirRepair(store, clock, layout.root);
    this.warnings = new Warnings(diagnostics);
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
      onTrouble: (text) => diagnostics.write('error', text),
    });
    const { guard, resolver } = makeNetwork({ clock, mailClock, random, store, zones });
    this.guard = guard;
    this.resolver = resolver;
    this.capture = new CaptureLeaving(guard, resolver, settings.captureLeaving);
    this.reach = reachOf(parts.given);
    this.#settings = new LiveSettings({
      ...{ started: settings, layout, clock, state: this.policyState, warnings: this.warnings },
      ...{ reach: this.reach, guard, capture: this.capture, remaps, store },
      onChange: () => this.#changed(),
    });
    this.farEnds = new FarEnds({
      file: layout.farEndsFile,
      stateFolder: layout.stateFolder,
      ...{ mailClock, clock },
      onTrouble: (text) => diagnostics.write('warn', text),
      onProblem: (problem) => this.warnings.set('far ends', problem),
      onAddresses: () => this.routes.neighboursChanged(),
    });
    this.routes = new WorkspaceRoutes({
      file: layout.routesFile,
      countsFile: layout.routeCountsFile,
      ...{ clock, mailClock, store, guard },
      farEnd: (name) => {
        const address = this.farEnds.addressOf(name);
        return address === null ? null : `${address.host}:${address.port}`;
      },
      onTrouble: (text) => diagnostics.write('warn', text),
    });
    this.core = new EngineCore({
      mode: 'ordinary',
      mailClock,
      clock,
      random,
      diagnostics,
      guard,
      resolver,
      maildirs: new WorkerMaildirs(
        {
          clock: mailClock,
          random,
          hostname: hostname(),
          pid: process.pid,
          mapMaildirPath: (path) => remaps.maildir(path),
          placeOf: (path) =>
            path.startsWith(`${layout.root}/`) ? path.slice(layout.root.length + 1) : path,
        },
        clock,
      ),
      leaving: this.capture,
      overlays: {
        // Routes first, suppression after them.
        reception: inOrder([this.routes.step, suppressionStep(this.suppression)]),
        queueConfig: firstAnswer([this.routes.overlay, suppressedQueue(this.suppression)]),
        records: suppressionFollower(this.suppression),
        companion: SUPPRESSED_QUEUE_MODULE,
      },
      reception: receptionMode(() => this.settings),
      nodeId: readNodeId(join(layout.stateFolder, 'nodeid'), random),
      extrasDir: join(import.meta.dirname, 'policy-extras'),
      tlsFolder: layout.tlsFolder,
      authorities: this.farEnds.authorities,
      mapPath: (path) => remaps.file(path),
      mapStatePath: (path) => remaps.state(path),
    });
    const { core } = this;
    this.listeners = new Listeners({
      core,
      remaps,
      settings,
      given: parts.given,
      earlier: parts.earlier,
    });
    this.#lifecycle = new PolicyLifecycle({
      core,
      layout,
      state: this.policyState,
      listeners: this.listeners,
      warnings: this.warnings,
      stuck: this.#stuck,
      onChange: () => this.#changed(),
    });
    this.#restarts = new Restarts({
      core,
      listeners: this.listeners,
      noteFile: layout.stuckFile,
      stuck: this.#stuck,
      token: () => this.#api?.token ?? null,
      onRestart: parts.onRestart,
    });
  }

  /**
   * @param earlier where the run before this one listened
   * @param onRestart also called while this is under way, and then it never resolves
   */
  static async start(
    layout: WorkspaceLayout,
    given: GivenAddresses,
    earlier: EarlierAddresses | null,
    onRestart: (restart: Restart) => void,
  ): Promise<WorkspaceEngine> {
    const engine = await WorkspaceEngine.openAsleep(layout, given, earlier, onRestart);
    try {
      await engine.#serve();
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  /** Everything is open and nothing happens: no listener, no window, nothing is sent. For dry runs. */
  static async openAsleep(
    layout: WorkspaceLayout,
    given: GivenAddresses = {},
    earlier: EarlierAddresses | null = null,
    onRestart: (restart: Restart) => void = () => {},
  ): Promise<WorkspaceEngine> {
    const created = createMissing(layout);
    const release = lockWorkspace(layout);
    try {
      const { settings, problem } = loadSettings(layout.settingsFile, { reach: reachOf(given) });
      const clock = new SystemClock();
      const diagnostics = new Diagnostics(clock, 'warn');
      mkdirSync(layout.storeFolder, { recursive: true });
      const store = await SqliteStore.open({
        folder: layout.storeFolder,
        clock,
        retention: retentionOf(settings),
        readModules: [SEARCH_READS],
        onTrouble: (text) => diagnostics.write('error', text),
      });
      const zones = await ZonesFolder.open(layout.zonesFolder, clock);
      const engine = new WorkspaceEngine({
        ...{
          layout,
          settings,
          given,
          earlier,
          onRestart,
          store,
          zones,
          clock,
          diagnostics,
          release,
        },
      });
      engine.warnings.set('settings', problem);
      engine.#watchZones();
      await engine.farEnds.load();
      if (engine.#stuck !== null) engine.warnings.add(stuckWarning(engine.#stuck));
      if (engine.suppression.problem !== null) engine.warnings.add(engine.suppression.problem);
      if (created.length > 0)
        diagnostics.write('info', `created ${created.join(', ')} in ${layout.root}`);
      engine.core.run(store);
      return engine;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** What is wrong in a zone file is said until it is mended. */
  #watchZones(): void {
    const tell = (): void => {
      const [first, ...others] = this.zones.problems;
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      this.warnings.set('zones', first === undefined ? null : `${first.message}${more}`);
    };
    tell();
    this.zones.onChange(() => {
      tell();
      this.#changed();
    });
  }

  get settings(): Settings {
    return this.#settings.current;
  }

  get zones(): ZonesFolder {
    return this.#zones;
  }

  get listening(): readonly Listening[] {
    return this.listeners.list;
  }

  get windowUrl(): string {
    return `${this.#requireApi().url}/#token=${this.#requireApi().token}`;
  }

  async stop(): Promise<void> {
    await this.#restarts.close();
    await this.#watcher?.close();
    await this.#settings.close();
    await this.#api?.close();
    this.#clockKeeper.close();
    await this.core.stop();
    await this.farEnds.close();
    await this.suppression.close();
    await this.routes.close();
    this.#repair.close();
    this.mailClock.close();
    await this.#zones.close();
    removeEngineFile(this.layout);
    this.#release();
  }

  async #serve(): Promise<void> {
    const { core, layout } = this;
    this.#restarts.watchForHangs();
    await this.#lifecycle.start();
    this.#api = await EngineApi.start(this);
    this.#writeEngineFile();
    await this.#repairMaildirs();
    await this.farEnds.start();
    await core.resume();
    await this.routes.join(core.queues);
    this.#watcher = new PolicyWatcher({
      folder: layout.policyFolder,
      clock: core.options.clock,
      onChange: () => this.#lifecycle.reload(),
      onError: (error) =>
        core.options.diagnostics.write('error', `policy not reloaded: ${error.message}`),
    });
    await this.#watcher.start();
    await this.#settings.follow();
    core.options.diagnostics.announce('initialization complete');
  }

  /** Begins anew once the answer to whoever asked is on its way. */
  restart(): void {
    this.#restarts.soon();
  }

  #writeEngineFile(): void {
    const { url, token } = this.#requireApi();
    writeEngineFile(this.layout, {
      pid: process.pid,
      url,
      token,
      smtp: this.listening.find((one) => one.service === 'smtp')?.address ?? null,
    });
  }

  async #repairMaildirs(): Promise<void> {
    const report = await this.#repair.repair();
    for (const { path, error } of report?.failed ?? [])
      this.warnings.add(`a file of ${path} could not be written again: ${error.message}`);
    const restored = report?.restored.length ?? 0;
    if (restored > 0)
      this.warnings.add(
        `${restored} maildir files were missing after an unclean stop and were written again`,
      );
  }

  /** Status or listeners are others now. */
  #changed(): void {
    if (this.#api === null) return;
    this.#writeEngineFile();
    this.#api.statusChanged();
  }

  #requireApi(): EngineApi {
    if (this.#api === null) throw new Error('Bug: the window is not served yet');
    return this.#api;
  }
}
