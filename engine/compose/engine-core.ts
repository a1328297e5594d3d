/**
 * The engine without a face: every stage built and joined, from the far end back (a stage is
 * handed the door of the next one), for both modes. `strict-engine.ts` and `workspace-engine.ts`
 * decide where things are, what is remapped and what is said.
 *
 * States: made (the policy may be loaded and its `init` run), running (`run`: queues, then
 * listeners, then what waited), stopped (`stop`; final).
 */
import { hostname } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { GcraStore } from '../base/gcra.ts';
import { SpoolIdSource } from '../base/ids.ts';
import type { Random } from '../base/random.ts';
import { CallTrace } from '../delivery/attempt.ts';
import type { MaildirDeliverer } from '../delivery/maildir-delivery.ts';
import { SmtpClientDeliverer } from '../delivery/smtp-deliverer.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { Guard } from '../guard/guard.ts';
import { AuditLog } from '../log/audit-log.ts';
import type { Diagnostics } from '../log/diagnostics.ts';
import { DispositionLogger } from '../log/disposition-logger.ts';
import { Metrics } from '../log/metrics.ts';
import { queueObserver } from '../log/queue-metrics.ts';
import { countConnection, receptionMetrics } from '../log/stage-metrics.ts';
import { ScriptHost } from '../policy/script-host.ts';
import type {
  EsmtpListenerSettings,
  HttpListenerSettings,
  SpoolSettings,
} from '../policy/settings.ts';
import type { LeavingPolicy, QueueConfigOverlay } from '../queue/queue-deps.ts';
import { Queues } from '../queue/queues.ts';
import { CertificateFolder } from '../reception/certificate.ts';
import { KumoHttpListener } from '../api/kumo/http-listener.ts';
import type { KumoHttpDeps } from '../api/kumo/http-listener.ts';
import { Injector } from '../api/kumo/inject.ts';
import { EsmtpListener } from '../reception/listener.ts';
import type { ListenerOptions } from '../reception/listener.ts';
import type { ReceptionMode } from '../reception/mode.ts';
import type { ReceptionOverlay } from '../reception/overlay.ts';
import type { ReceptionDeps } from '../reception/reception-deps.ts';
import { TlsContexts } from '../reception/tls.ts';
import { TraceHub } from '../reception/trace-hub.ts';
import type { Store } from '../store/store.ts';
import { OwnMessages } from './own-messages.ts';
import { recordSink } from './record-sink.ts';
import type { RecordFollower } from './record-sink.ts';
import { injectDeferred } from './inject-deferred.ts';
import type { DeferredInjectionDeps } from './inject-deferred.ts';
import { logSetup, runningServices } from './script-services.ts';
import { SetupServices } from './setup-services.ts';
import type { RunningServices } from './setup-services.ts';

/** Of the program; the same as in package.json. */
export const VERSION = '0.1.0';

export interface CoreOptions {
  readonly mode: 'strict' | 'ordinary';
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly random: Random;
  readonly diagnostics: Diagnostics;
  readonly guard: Guard;
  readonly resolver: Resolver;
  readonly maildirs: MaildirDeliverer;
  readonly leaving: LeavingPolicy | null;
  /** Routes and suppression; null in strict mode. */
  readonly overlays: {
    readonly reception: ReceptionOverlay | null;
    readonly queueConfig: QueueConfigOverlay | null;
    /** Told of every record: suppression lists the recipients of failures. */
    readonly records?: RecordFollower;
    /** A Lua module of ours that every context of the policy loads. */
    readonly companion?: string;
  };
  readonly reception: ReceptionMode;
  readonly nodeId: string;
  readonly extrasDir: string;
  /** Where self-signed certificates are kept. */
  readonly tlsFolder: string;
  /** Authorities that deliveries trust besides the usual ones, PEM; may grow. */
  readonly authorities?: readonly string[];
  readonly isValidating?: boolean;
  /** Where a file that the policy opens, and a spool or log path, really are. */
  readonly mapPath: (path: string, mode: 'read' | 'write') => string;
  readonly mapStatePath: (path: string) => string;
  /** Opens the store when the policy says where it is; absent: it is there from the start. */
  readonly openStore?: (spools: readonly SpoolSettings[]) => Promise<Store>;
}

export class EngineCore {
  readonly options: CoreOptions;
  readonly policy: ScriptHost;
  readonly setup: SetupServices;
  readonly log: DispositionLogger;
  readonly metrics = new Metrics();
  readonly ids: SpoolIdSource;
  readonly ownMessages: OwnMessages;
  readonly hostname = hostname();
  readonly smtpListeners: EsmtpListener[] = [];
  readonly httpListeners: KumoHttpListener[] = [];
  #store: Store | null = null;
  #queues: Queues | null = null;
  #injector: Injector | null = null;
  #opening: Promise<void> | null = null;
  #isResumed = false;
  #isStopping = false;
  readonly #gcra = new GcraStore();
  readonly #audit: AuditLog;
  readonly #tracer: TraceHub;
  readonly #clientTracer: TraceHub;
  readonly #tls: TlsContexts;

  constructor(options: CoreOptions) {
    this.options = options;
    const { mailClock, clock, random, guard, resolver, diagnostics, mode } = options;
    this.ids = new SpoolIdSource(mailClock, random);
    this.ownMessages = new OwnMessages(options, this);
    this.#tracer = new TraceHub(mailClock);
    this.#clientTracer = new TraceHub(mailClock);
    this.#audit = new AuditLog(mailClock, clock, (text) => diagnostics.write('error', text));
    this.setup = new SetupServices(
      logSetup(this, this.#audit),
      options.mapStatePath,
      (level, text) => diagnostics.write(level, text),
      async () => {
        await this.open();
        return this.#services();
      },
    );
    this.policy = new ScriptHost({
      deps: {
        mailClock,
        clock,
        random,
        ids: this.ids,
        services: this.setup,
        guard,
        resolver,
        mapPath: options.mapPath,
      },
      isStrict: mode === 'strict',
      isValidating: options.isValidating ?? false,
      extrasDir: options.extrasDir,
      ...(options.overlays.companion !== undefined && { companion: options.overlays.companion }),
      gcra: this.#gcra,
      onEvent: (event, seconds) => {
        this.metrics.add('lua_event_started', [event]);
        this.metrics.observe('lua_event_latency', [event], seconds);
      },
      ...(mode === 'strict' && { exit: (code: number) => process.exit(code) }),
    });
    this.log = new DispositionLogger({
      mailClock,
      clock,
      nodeId: options.nodeId,
      ids: this.ids,
      policy: this.policy.events,
      metrics: this.metrics,
      sink: recordSink(() => this.#store, options.overlays.records),
      hookQueue: {
        enqueue: (message, deferredSpool) =>
          this.ownMessages.inject(message, deferredSpool, 'LogRecord'),
      },
      sources: { now: () => mailClock.now(), random },
      loadBody: (message) => this.store.loadBody(message),
      onError: (text) => diagnostics.write('error', text),
    });
    this.#tls = new TlsContexts(new CertificateFolder(options.tlsFolder, clock), (source) =>
      this.policy.loadKey(source),
    );
  }

  get store(): Store {
    if (this.#store === null) throw new Error('waiting for spool startup');
    return this.#store;
  }

  get queues(): Queues {
    if (this.#queues === null) throw new Error('waiting for spool startup');
    return this.#queues;
  }

  get isRunning(): boolean {
    return this.#isResumed && !this.#isStopping;
  }

  /** Runs on the store of the policy's spools, unless it does already. */
  open(): Promise<void> {
    const { openStore } = this.options;
    if (this.#queues !== null || openStore === undefined) return Promise.resolve();
    this.#opening ??= openStore(this.setup.spools)
      .then((store) => this.run(store))
      .finally(() => (this.#opening = null));
    return this.#opening;
  }

  /** Builds the queues on this store; listeners may be opened from here on. */
  run(store: Store): void {
    this.#store = store;
    this.#queues = new Queues(this.#queueDeps(store));
    this.#queues.start();
    this.#injector = this.#makeInjector(store, this.#queues);
  }

  /** `init` failed and will run again: nothing of what it set up counts. */
  forgetSetup(): void {
    this.setup.forget();
    this.log.forgetSetup();
    this.policy.world.setup.length = 0;
  }

  /** `init` has ended: what scripts ask for from here on happens at once. */
  serveScripts(): void {
    this.setup.run(this.#services());
  }

  async openSmtp(
    settings: EsmtpListenerSettings,
    placed: Pick<ListenerOptions, 'at' | 'isImplicitTls'> = {},
  ): Promise<EsmtpListener> {
    const listener = await EsmtpListener.open(
      { settings, mode: this.options.reception, ...placed },
      this.receptionDeps(),
    );
    this.smtpListeners.push(listener);
    return listener;
  }

  async openHttp(settings: HttpListenerSettings): Promise<KumoHttpListener> {
    const listener = await KumoHttpListener.open(settings, this.#httpDeps());
    this.httpListeners.push(listener);
    return listener;
  }

  /** Puts back what waited; only then are clients let in. */
  async resume(): Promise<void> {
    const report = await this.queues.resume((id) => this.ownMessages.isEarly(id));
    this.#isResumed = true;
    this.ownMessages.forgetEarly();
    if (report.messageCount === 0) return;
    const { messageCount, interruptedCount } = report;
    this.options.diagnostics.write(
      'info',
      `${messageCount} messages were waiting, ${interruptedCount} of them with an attempt under way`,
    );
  }

  /**
   * As a message travels: no new clients, running attempts end (bounded), logs complete, policy
   * told, store flushed and closed.
   */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(
      [...this.smtpListeners, ...this.httpListeners].map((listener) => listener.close()),
    );
    await this.#queues?.stop();
    if (this.policy.events.has('shutdown_logging'))
      await this.policy.events
        .shutdownLogging()
        .catch((error: unknown) => this.options.diagnostics.write('error', String(error)));
    await this.log.close();
    await this.#audit.close();
    await this.policy.close();
    await this.#store?.close();
  }

  /** What reception is given; also for connections that exist only in memory. */
  receptionDeps(): ReceptionDeps {
    const { clock, mailClock, random, diagnostics } = this.options;
    return {
      clock,
      mailClock,
      random,
      ids: this.ids,
      events: this.policy.events,
      store: this.store,
      queue: this.queues,
      log: this.log,
      tls: this.#tls,
      metrics: receptionMetrics(this.metrics),
      audit: this.#audit,
      tracer: this.#tracer,
      overlay: this.options.overlays.reception,
      refusal: () => {
        const why = this.#whyNotUp();
        return why === 'waiting for spool startup' ? `${why}. Try again soon!` : why;
      },
      diagnostic: (level, text) => diagnostics.write(level, text),
    };
  }

  /** Why nothing is taken in now; null when it is. */
  #whyNotUp(): string | null {
    if (this.#isStopping) return 'shutting down';
    return this.#isResumed ? null : 'waiting for spool startup';
  }

  #requireInjector(): Injector {
    if (this.#injector === null) throw new Error('waiting for spool startup');
    return this.#injector;
  }

  #makeInjector(store: Store, queue: Queues): Injector {
    const { mode, mailClock, clock, random, diagnostics } = this.options;
    return new Injector({
      ...(mode === 'strict' && { batchCountMax: 1 }),
      mailClock,
      clock,
      random,
      store,
      queue,
      log: this.log,
      ids: this.ids,
      events: this.policy.events,
      metrics: this.metrics,
      overlay: this.options.overlays.reception,
      refusal: () => this.#whyNotUp(),
      diagnostic: (level, text) => diagnostics.write(level, text),
    });
  }

  #services(): RunningServices {
    return runningServices(this, this.#requireInjector());
  }

  /** A new config epoch: the policy is read again, queues and paths ask for their configuration. */
  async bumpEpoch(): Promise<void> {
    await this.policy.bumpEpoch();
    await this.queues.configChanged();
  }

  #httpDeps(): KumoHttpDeps {
    const { mailClock, clock, resolver, nodeId, diagnostics } = this.options;
    return {
      mailClock,
      clock,
      events: this.policy.events,
      injector: this.#requireInjector(),
      queues: this.queues,
      store: this.store,
      mx: resolver,
      metrics: this.metrics,
      audit: this.#audit,
      tracer: this.#tracer,
      clientTracer: this.#clientTracer,
      nodeId,
      spools: () => this.setup.spools,
      logFolders: () => this.log.folders,
      liveness: () => this.#whyNotUp(),
      bumpConfigEpoch: () => this.bumpEpoch(),
      setDiagnosticFilter: (filter) => diagnostics.setFilter(filter),
      diagnostic: (level, text) => diagnostics.write(level, text),
      tls: this.#tls,
    };
  }

  #queueDeps(store: Store): ConstructorParameters<typeof Queues>[0] {
    const { mode, mailClock, clock, random, resolver, maildirs, leaving, diagnostics, guard } =
      this.options;
    return {
      mode,
      clock: mailClock,
      realClock: clock,
      random,
      events: this.policy.events,
      store,
      log: this.log,
      throttles: this.#gcra,
      mx: resolver,
      smtp: new SmtpClientDeliverer({
        clock,
        mailClock,
        random,
        guard,
        resolver,
        events: this.policy.events,
        hostname: this.hostname,
        authorities: this.options.authorities ?? [],
        isStrict: mode === 'strict',
        readKey: (source) => this.policy.loadKey(source),
        bounceClass: (reply) => this.log.classOf(reply),
        traceSink: this.#clientTracer,
        connected: (readyQueue) => countConnection(this.metrics, readyQueue),
      }),
      maildirs,
      inProcess: {
        generate: (message) => this.#requireInjector().generate(message),
        injectDeferred: (message, trace) => injectDeferred(message, this.#deferredDeps(), trace),
        newTrace: () => new CallTrace(clock),
      },
      overlay: this.options.overlays.queueConfig,
      leaving,
      observer: queueObserver(this.metrics),
      diagnostic: (level, text) => diagnostics.write(level, text),
    };
  }

  #deferredDeps(): DeferredInjectionDeps {
    const { queues, ids, store } = this;
    const overlay = this.options.overlays.reception;
    return {
      policy: this.policy.events,
      queues,
      overlay,
      ids,
      store,
      origin: () => this.ownMessages.origin('ESMTP'),
    };
  }
}
