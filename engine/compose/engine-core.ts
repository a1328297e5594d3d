/**
 * The engine without a face: every stage built and joined, from the far end back (a stage is
 * handed the door of the next one), for both modes. `strict-engine.ts` and `workspace-engine.ts`
 * decide where things are, what is remapped and what is said.
 *
 * States: made (the policy may be loaded and its `init` run), running (`run`: queues, then
 * listeners, then what waited), stopped (`stop`; final).
 */
import { hostname } from 'node:os';
import { parse as parseToml } from 'smol-toml';
import type { Clock } from '../base/clock.ts';
import { GcraStore } from '../base/gcra.ts';
import { SpoolIdSource, newSessionId } from '../base/ids.ts';
import type { Random } from '../base/random.ts';
import type { MaildirDeliverer } from '../delivery/maildir-delivery.ts';
import { SmtpClientDeliverer } from '../delivery/smtp-deliverer.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { Guard } from '../guard/guard.ts';
import { BounceClassifier } from '../log/bounce-classifier.ts';
import type { Diagnostics } from '../log/diagnostics.ts';
import { DispositionLogger } from '../log/disposition-logger.ts';
import { Metrics } from '../log/metrics.ts';
import { receptionMetrics } from '../log/stage-metrics.ts';
import type { Message } from '../mail/message.ts';
import { compileRegex } from '../policy/bindings/regex-compile.ts';
import { ScriptHost } from '../policy/script-host.ts';
import type { EsmtpListenerSettings, HttpListenerSettings } from '../policy/settings.ts';
import type { LeavingPolicy } from '../queue/queue-deps.ts';
import { Queues } from '../queue/queues.ts';
import { CertificateFolder } from '../reception/certificate.ts';
import { EsmtpListener } from '../reception/listener.ts';
import type { ReceptionMode } from '../reception/mode.ts';
import type { ReceptionDeps } from '../reception/reception-deps.ts';
import { TlsContexts } from '../reception/tls.ts';
import type { SessionFacts, Store } from '../store/store.ts';
import { recordSink } from './record-sink.ts';
import { SetupServices } from './setup-services.ts';

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
  readonly reception: ReceptionMode;
  readonly nodeId: string;
  readonly extrasDir: string;
  /** Where self-signed certificates are kept. */
  readonly tlsFolder: string;
  readonly isValidating?: boolean;
  /** Where a file that the policy opens, and a spool or log path, really are. */
  readonly mapPath: (path: string, mode: 'read' | 'write') => string;
  readonly mapStatePath: (path: string) => string;
}

export class EngineCore {
  readonly options: CoreOptions;
  readonly policy: ScriptHost;
  readonly setup: SetupServices;
  readonly log: DispositionLogger;
  readonly metrics = new Metrics();
  readonly ids: SpoolIdSource;
  readonly hostname = hostname();
  readonly smtpListeners: EsmtpListener[] = [];
  #store: Store | null = null;
  #queues: Queues | null = null;
  #isResumed = false;
  #isStopping = false;
  readonly #gcra = new GcraStore();
  readonly #tls: TlsContexts;

  constructor(options: CoreOptions) {
    this.options = options;
    const { mailClock, clock, random, guard, resolver, diagnostics, mode } = options;
    this.ids = new SpoolIdSource(mailClock, random);
    this.setup = new SetupServices(this.#logSetup(), options.mapStatePath, (level, text) =>
      diagnostics.write(level, text),
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
      gcra: this.#gcra,
      ...(mode === 'strict' && { exit: (code: number) => process.exit(code) }),
    });
    this.log = new DispositionLogger({
      mailClock,
      clock,
      nodeId: options.nodeId,
      ids: this.ids,
      policy: this.policy,
      metrics: this.metrics,
      sink: recordSink(() => this.#store),
      hookQueue: {
        enqueue: (message, deferredSpool) =>
          this.injectMessage(message, deferredSpool, 'LogRecord'),
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

  /** Builds the queues on this store; listeners may be opened from here on. */
  run(store: Store): void {
    this.#store = store;
    this.#queues = new Queues(this.#queueDeps(store));
    this.#queues.start();
  }

  async openSmtp(settings: EsmtpListenerSettings, isImplicitTls = false): Promise<EsmtpListener> {
    const listener = await EsmtpListener.open(
      { settings, mode: this.options.reception, isImplicitTls },
      this.#receptionDeps(),
    );
    this.smtpListeners.push(listener);
    return listener;
  }

  openHttp(settings: HttpListenerSettings): Promise<{ address: string }> {
    return Promise.resolve({ address: settings.listen });
  }

  /** Puts back what waited; only then are clients let in. */
  async resume(): Promise<void> {
    const report = await this.queues.resume();
    this.#isResumed = true;
    if (report.messageCount === 0) return;
    const { messageCount, interruptedCount } = report;
    this.options.diagnostics.write(
      'info',
      `${messageCount} messages were waiting, ${interruptedCount} of them with an attempt under way`,
    );
  }

  /** A message that no client sent: saved (unless deferred), resolved and inserted; no Reception. */
  async injectMessage(
    message: Message,
    deferredSpool: boolean,
    protocol: SessionFacts['protocol'] = 'Lua',
  ): Promise<void> {
    const queue = message.queueName();
    if (queue === 'null') return;
    await this.queues.resolve(queue, null);
    if (!deferredSpool || this.options.mode === 'ordinary')
      await this.saveMessage(message, protocol);
    await this.queues.insert(message, 'Received', null);
  }

  async saveMessage(message: Message, protocol: SessionFacts['protocol'] = 'Lua'): Promise<void> {
    if (message.rowSeq > 0) this.store.updateMessage(message, message.queueName());
    else await this.store.saveMessage(message, message.queueName(), this.#origin(protocol));
    await this.store.flush();
  }

  /**
   * As a message travels: no new clients, running attempts end (bounded), logs complete, policy
   * told, store flushed and closed.
   */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await Promise.all(this.smtpListeners.map((listener) => listener.close()));
    await this.#queues?.stop();
    if (this.policy.has('shutdown_logging'))
      await this.policy
        .shutdownLogging()
        .catch((error: unknown) => this.options.diagnostics.write('error', String(error)));
    await this.log.close();
    await this.policy.close();
    await this.#store?.close();
  }

  #receptionDeps(): ReceptionDeps {
    const { clock, mailClock, random, diagnostics } = this.options;
    return {
      clock,
      mailClock,
      random,
      ids: this.ids,
      events: this.policy,
      store: this.store,
      queue: this.queues,
      log: this.log,
      tls: this.#tls,
      metrics: receptionMetrics(this.metrics),
      overlay: null,
      refusal: () =>
        this.#isStopping
          ? 'shutting down'
          : this.#isResumed
            ? null
            : 'waiting for spool startup. Try again soon!',
      diagnostic: (level, text) => diagnostics.write(level, text),
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
      events: this.policy,
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
        events: this.policy,
        hostname: this.hostname,
        isStrict: mode === 'strict',
        readKey: (source) => this.policy.loadKey(source),
        bounceClass: (reply) => this.log.classOf(reply),
      }),
      maildirs,
      inProcess: {
        generate: () => Promise.reject(new Error('no generator')),
        injectDeferred: () => Promise.reject(new Error('no deferred injection')),
      },
      overlay: null,
      leaving,
      diagnostic: (level, text) => diagnostics.write(level, text),
    };
  }

  #logSetup(): ConstructorParameters<typeof SetupServices>[0] {
    return {
      addLocalLog: (settings) => this.log.addLocalLog(settings),
      addHook: (settings) => this.log.addHook(settings),
      addDispositionHook: (settings) => this.log.addDispositionHook(settings),
      setClassifierFiles: (files) =>
        this.log.setClassifier(
          new BounceClassifier(
            files.map((file) => this.options.mapPath(file, 'read')),
            {
              toml: parseToml,
              json: (text) => JSON.parse(text) as unknown,
              regex: (pattern) => classifierRegex(pattern),
            },
          ),
        ),
    };
  }

  #origin(protocol: SessionFacts['protocol']): SessionFacts {
    return {
      id: newSessionId(this.options.random),
      listener: '',
      peer: '127.0.0.1',
      protocol,
      startedMs: this.options.mailClock.now(),
      startedRealMs: this.options.clock.now(),
      ehlo: null,
      tls: null,
      auth: null,
    };
  }
}

/** A new search each time: the expression remembers where it stopped. */
function classifierRegex(pattern: string): { test(text: string): boolean } {
  const { expression } = compileRegex(pattern, 'fancy');
  return { test: (text) => text.search(expression) >= 0 };
}
