/** Joins the engine of a workspace to its window: views, live stream, server. */
import { join } from 'node:path';
import type { ApiDoors } from '../api/doors.ts';
import { DnsView } from '../api/dns-view.ts';
import { FarEndsView } from '../api/far-ends-view.ts';
import { LiveStream } from '../api/live.ts';
import { MaildirsView } from '../api/maildirs-view.ts';
import { DeletedRows } from '../api/deleted-rows.ts';
import { MessagesView } from '../api/messages-view.ts';
import type { Count, EngineStatus } from '../api/protocol.ts';
import { QueuesView } from '../api/queues-view.ts';
import { RoutesView } from '../api/routes-view.ts';
import { RecordsView, recordRow } from '../api/records-view.ts';
import { ReleaseView } from '../api/release-view.ts';
import { RowsView } from '../api/rows-view.ts';
import { ApiProblem } from '../api/route.ts';
import { SettingsView } from '../api/settings-view.ts';
import { ShareView } from '../api/share-view.ts';
import { sendTestMessage } from '../api/send-test.ts';
import { startApiServer } from '../api/server.ts';
import type { ApiServer } from '../api/server.ts';
import { SuppressionDemo } from '../api/suppression-demo.ts';
import { SuppressionView } from '../api/suppression-view.ts';
import { Token } from '../api/token.ts';
import type { JsonObject } from '../mail/json.ts';
import { Inspector } from '../inspect/inspector.ts';
import { INDEX_READS } from '../search/index-reads.ts';
import type { WorkspaceEngine } from '../workspace-engine.ts';
import { keepToken, keptToken } from '../workspace/engine-file.ts';
import { ArrivalRate } from './arrival-rate.ts';
import { VERSION } from './engine-core.ts';
import { dryDoors } from './dry-doors.ts';
import { offeredBy } from './listeners.ts';
import { MailClockDoor } from './mail-clock-door.ts';
import { settingsProblem } from '../workspace/settings.ts';
import { splitAddress } from './placement.ts';
import { SharedWindows } from './shared-windows.ts';

const RENDERER = join(import.meta.dirname, '../../dist/renderer');
/** The status line follows the queue even when nothing else tells it to. */
const STATUS_INTERVAL_MS = 1_000;

export class EngineApi {
  readonly #engine: WorkspaceEngine;
  readonly #inspector: Inspector;
  readonly #maildirs: MaildirsView;
  readonly #queues: QueuesView;
  readonly #routes: RoutesView;
  readonly #farEnds: FarEndsView;
  readonly #live: LiveStream;
  readonly #token: Token;
  readonly #arrivals: ArrivalRate;
  readonly #clockDoor: MailClockDoor;
  readonly #rows: RowsView;
  readonly #messages: MessagesView;
  readonly #suppression: SuppressionView;
  readonly #release: ReleaseView;
  readonly #sharedWindows = new SharedWindows();
  #server: ApiServer | null = null;
  #isClosed = false;

  private constructor(engine: WorkspaceEngine) {
    this.#engine = engine;
    const { store, core, mailClock, layout } = engine;
    const { clock, random, diagnostics } = core.options;
    const given = process.env['POSTYARD_TOKEN'];
    this.#token = new Token(clock, random, given ?? keptToken(layout));
    if (given === undefined) keepToken(layout, this.#token.text);
    this.#inspector = Inspector.open({
      folder: layout.storeFolder,
      store,
      clock,
      indexReads: INDEX_READS,
      onTrouble: (text) => diagnostics.write('warn', text),
    });
    this.#farEnds = new FarEndsView(engine.farEnds);
    const deleted = new DeletedRows(store, layout.root);
    this.#rows = new RowsView({
      store,
      deleted,
      inspector: this.#inspector,
      queues: core.queues,
      mailClock,
      openHosts: () => engine.guard.openHosts(),
      workspace: layout.root,
      farEndOf: (peer, reply) => this.#farEnds.placeOf(peer, reply),
    });
    this.#messages = new MessagesView({
      ...{ store, deleted, inspector: this.#inspector, mailClock, clock },
    });
    const { suppression } = engine;
    const demo = new SuppressionDemo({
      ...{ suppression, store, rows: this.#rows, clock, mailClock, random },
      smtpAddress: () => this.#smtpAddress(),
    });
    this.#suppression = new SuppressionView(suppression, demo, mailClock);
    this.#arrivals = new ArrivalRate(clock);
    this.#queues = new QueuesView(core.queues, store, mailClock, () =>
      this.#dueTimesMoved('a whole queue is due at another time'),
    );
    this.#routes = new RoutesView({
      routes: engine.routes,
      guard: engine.guard,
      capture: engine.capture,
      farEnd: engine.routes.farEnd,
      settingsFile: layout.settingsFile,
      handled: () => core.policy.eventNames(),
    });
    this.#release = new ReleaseView({
      store,
      queues: () => core.queues,
      ownMessages: core.ownMessages,
      ids: core.ids,
      capture: engine.capture,
      routes: () => engine.routes.overlay.routes,
      farEnd: engine.routes.farEnd,
    });
    engine.routes.onChange(() => this.#live.statusChanged());
    this.#clockDoor = new MailClockDoor({
      mailClock,
      clock,
      queues: () => core.queues,
      flush: () => store.flush(),
      onShift: () => this.#dueTimesMoved('the clock was set back'),
      onTrouble: (text) => diagnostics.write('warn', text),
    });
    this.#maildirs = new MaildirsView(layout, store, clock, (path) =>
      this.#live.maildirChanged(path),
    );
    this.#live = new LiveStream(this.#token, clock, {
      status: () => this.#status(),
      total: () => this.#total(),
      queues: () => this.#queues.list(),
      watchMaildir: (path, isOpen) => this.#maildirs.watch(path, isOpen),
    });
    store.onRows((commit) => {
      this.#arrivals.add(commit.added.length);
      if (commit.added.length > 0) this.#live.rowsAdded(commit.added);
      if (commit.changed.length > 0) this.#live.rowsChanged(commit.changed);
      if (!this.#live.isWatched) return;
      for (const record of commit.records) this.#live.recordAdded(recordRow(record));
    });
    core.queues.onChange(() => this.#live.queuesChanged());
    engine.farEnds.onChange(() => this.#live.farEndsChanged());
    suppression.onChange(() => this.#live.statusChanged());
    mailClock.onChange(() => this.#live.statusChanged());
    diagnostics.follow((level, text) => this.#live.print(level, text, mailClock.now()));
    this.#tick();
  }

  static async start(engine: WorkspaceEngine): Promise<EngineApi> {
    const api = new EngineApi(engine);
    try {
      api.#server = await engine.listeners.openUi((listen) =>
        startApiServer(api.#doors(), splitAddress(listen), RENDERER),
      );
    } catch (error) {
      await api.close();
      throw error;
    }
    return api;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  get token(): string {
    return this.#token.text;
  }

  statusChanged(): void {
    this.#live.statusChanged();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sharedWindows.close();
    await this.#clockDoor.close();
    this.#live.close();
    await this.#maildirs.close();
    await this.#server?.close();
    await this.#inspector.close();
  }

  /** Windows read their lists again, once the store has the new times. */
  async #dueTimesMoved(why: string): Promise<void> {
    await this.#engine.store.flush();
    this.#live.resync(why);
  }

  #tick(): void {
    this.#engine.core.options.clock.timer(STATUS_INTERVAL_MS, () => {
      if (this.#isClosed) return;
      this.#live.statusChanged();
      this.#tick();
    });
  }

  #doors(): ApiDoors {
    const engine = this.#engine;
    const { store, core, mailClock, layout } = engine;
    return {
      ...dryDoors(engine),
      version: VERSION,
      token: this.#token,
      live: this.#live,
      rows: this.#rows,
      messages: this.#messages,
      queues: this.#queues,
      records: new RecordsView(store),
      maildirs: this.#maildirs,
      clock: this.#clockDoor,
      dns: new DnsView(engine.resolver, engine.zones),
      settings: new SettingsView({
        file: layout.settingsFile,
        remaps: () => engine.remaps.list(),
        kept: () => ({
          usedBytes: store.usedBytes,
          removedTransactions: store.totals.expiredTransactions,
          removedBytes: store.totals.expiredBytes,
        }),
        current: () => engine.settings,
        reach: engine.reach,
      }),
      routes: this.#routes,
      farEnds: this.#farEnds,
      share: new ShareView({
        ...{ store, layout, mailClock, rows: this.#rows, routes: this.#routes },
        clock: core.options.clock,
        writer: `Postyard ${VERSION}`,
        token: this.#token.text,
      }),
      shareOpen: this.#sharedWindows,
      suppression: this.#suppression,
      ledger: async (limit, cursor) => {
        const { entries, next } = await store.read('ledger', { limit, cursor });
        return { rows: entries, next };
      },
      status: () => this.#status(),
      settled: () => store.settled(),
      restart: () => this.#restart(),
      policyLines: (file, line, around) => engine.policyState.lines(file, line, around),
      remaps: () => engine.remaps.list(),
      sendTest: (request) => sendTestMessage(this.#smtpAddress(), request),
      release: (request) => this.#release.release(request),
      audit: (verb, detail) =>
        store.addAudit({
          timeMs: mailClock.now(),
          who: 'api',
          verb,
          detail: JSON.parse(JSON.stringify(detail)) as JsonObject,
        }),
      diagnostic: (level, text) => core.options.diagnostics.write(level, text),
    };
  }

  /** With broken settings the engine would come back with the defaults, at other addresses. */
  #restart(): void {
    const { layout, reach } = this.#engine;
    const problem = settingsProblem(layout.settingsFile, reach);
    if (problem !== null) throw new ApiProblem(409, 'broken-file', `Cannot restart: ${problem}`);
    this.#engine.restart();
  }

  #smtpAddress(): { host: string; port: number } | null {
    const smtp = this.#engine.listening.find((one) => one.service === 'smtp');
    return smtp === undefined ? null : splitAddress(smtp.address);
  }

  #total(): Count {
    return {
      value: this.#engine.store.totals.rows - this.#engine.store.totals.deletedRows,
      isExact: true,
    };
  }

  #status(): EngineStatus {
    const engine = this.#engine;
    const { store, core, settings } = engine;
    const { lists } = core.queues;
    return {
      version: VERSION,
      workspace: engine.layout.root,
      workspaceName: engine.layout.name,
      listeners: engine.listening.map(({ tls, ...one }) =>
        tls === null ? one : { ...one, offers: offeredBy(tls, settings) },
      ),
      policy: engine.policyState.status(core.policy.eventNames()),
      queued: lists.waitingCount,
      nextDueMs: lists.nextDueMs,
      mailCount: store.totals.rows - store.totals.deletedRows,
      mailBytes: store.totals.bodyBytes,
      receivedPerMinute: this.#arrivals.perMinute(),
      clock: this.#clockDoor.status(),
      openHosts: engine.guard.openHosts(),
      captureLeaving: engine.capture.isOn,
      routes: {
        revision: engine.routes.revision,
        problem: engine.routes.list.problem?.message ?? null,
      },
      inspectLag: this.#inspector.lag,
      suppression: this.#suppression.status(),
      flushCount: store.flushCount,
      commitSeq: store.commitSeq,
      warnings: engine.warnings.list,
    };
  }
}
