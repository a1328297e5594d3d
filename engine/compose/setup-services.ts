/**
 * What a policy sets up and asks for (`PolicyServices`), joined to the stages. During `init` the
 * listeners and spools are only noted: the engine opens them, in the order given, when `init` has
 * ended. A message or a rule does not wait: the first one makes the queues, on the spools that
 * there are by then.
 */
import { parseListen } from '../base/ip.ts';
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { PolicyServices } from '../policy/services.ts';
import type {
  AcctLogSettings,
  EsmtpListenerSettings,
  HttpListenerSettings,
  LocalLogSettings,
  LogDispositionHookSettings,
  LogHookSettings,
  SpoolSettings,
} from '../policy/settings.ts';

/** What the running engine does for a policy; absent until it runs. */
export interface RunningServices {
  startEsmtpListener(settings: EsmtpListenerSettings): Promise<void>;
  startHttpListener(settings: HttpListenerSettings): Promise<void>;
  injectMessage(message: Message, deferredSpool: boolean): Promise<void>;
  injectV1(request: JsonValue, auth: AuthInfo): Promise<JsonObject>;
  buildV1(request: JsonValue, auth: AuthInfo): Promise<Message[]>;
  admin: PolicyServices['admin'];
  saveMessage(message: Message): Promise<void>;
  bumpConfigEpoch(): void;
}

/** Logs and classifier: ready before `init`, since records may be written at any time. */
export interface LogSetup {
  addLocalLog(settings: LocalLogSettings): void;
  addHook(settings: LogHookSettings): void;
  addDispositionHook(settings: LogDispositionHookSettings): void;
  setClassifierFiles(files: readonly string[]): void;
  setAcctLog(settings: AcctLogSettings): void;
  setAccountingDb(path: string): void;
}

export class SetupServices implements PolicyServices {
  readonly esmtpListeners: EsmtpListenerSettings[] = [];
  readonly httpListeners: HttpListenerSettings[] = [];
  readonly spools: SpoolSettings[] = [];
  readonly #log: LogSetup;
  readonly #mapStatePath: (path: string) => string;
  readonly #diagnostic: PolicyServices['diagnostic'];
  readonly #early: () => Promise<RunningServices>;
  #running: RunningServices | null = null;

  /**
   * @param mapStatePath where a spool or log path of the policy really is
   * @param early what serves a script while `init` still runs
   */
  constructor(
    log: LogSetup,
    mapStatePath: (path: string) => string,
    diagnostic: PolicyServices['diagnostic'],
    early: () => Promise<RunningServices>,
  ) {
    this.#log = log;
    this.#mapStatePath = mapStatePath;
    this.#diagnostic = diagnostic;
    this.#early = early;
  }

  /** `init` failed and runs again later. */
  forget(): void {
    this.esmtpListeners.length = 0;
    this.httpListeners.length = 0;
    this.spools.length = 0;
  }

  /** From here on calls go to the running engine. */
  run(running: RunningServices): void {
    this.#running = running;
  }

  async startEsmtpListener(settings: EsmtpListenerSettings): Promise<void> {
    refuseBadAddress(settings.listen);
    if (this.#running === null) this.esmtpListeners.push(settings);
    else await this.#running.startEsmtpListener(settings);
  }

  async startHttpListener(settings: HttpListenerSettings): Promise<void> {
    refuseBadAddress(settings.listen);
    if (this.#running === null) this.httpListeners.push(settings);
    else await this.#running.startHttpListener(settings);
  }

  defineSpool(settings: SpoolSettings): Promise<void> {
    this.spools.push({ ...settings, path: this.#mapStatePath(settings.path) });
    return Promise.resolve();
  }

  configureLocalLogs(settings: LocalLogSettings): Promise<void> {
    const perRecord = Object.entries(settings.perRecord).map(
      ([type, entry]) =>
        [
          type,
          { ...entry, logDir: entry.logDir === null ? null : this.#mapStatePath(entry.logDir) },
        ] as const,
    );
    this.#log.addLocalLog({
      ...settings,
      logDir: this.#mapStatePath(settings.logDir),
      perRecord: Object.fromEntries(perRecord),
    });
    return Promise.resolve();
  }

  configureLogHook(settings: LogHookSettings): Promise<void> {
    this.#log.addHook(settings);
    return Promise.resolve();
  }

  configureLogDispositionHook(settings: LogDispositionHookSettings): Promise<void> {
    this.#log.addDispositionHook(settings);
    return Promise.resolve();
  }

  configureBounceClassifier({ files }: { files: readonly string[] }): Promise<void> {
    this.#log.setClassifierFiles(files);
    return Promise.resolve();
  }

  configureAcctLog(settings: AcctLogSettings): Promise<void> {
    this.#log.setAcctLog({ ...settings, logDir: this.#mapStatePath(settings.logDir) });
    return Promise.resolve();
  }

  configureAccountingDb(path: string): Promise<void> {
    this.#log.setAccountingDb(this.#mapStatePath(path));
    return Promise.resolve();
  }

  async injectMessage(message: Message, deferredSpool: boolean): Promise<void> {
    await (await this.#server()).injectMessage(message, deferredSpool);
  }

  async injectV1(request: JsonValue, auth: AuthInfo): Promise<JsonObject> {
    return (await this.#server()).injectV1(request, auth);
  }

  async buildV1(request: JsonValue, auth: AuthInfo): Promise<Message[]> {
    return (await this.#server()).buildV1(request, auth);
  }

  async admin(...call: Parameters<PolicyServices['admin']>): Promise<JsonValue> {
    return (await this.#server()).admin(...call);
  }

  async saveMessage(message: Message): Promise<void> {
    await (await this.#server()).saveMessage(message);
  }

  bumpConfigEpoch(): void {
    this.#running?.bumpConfigEpoch();
  }

  diagnostic(level: 'error' | 'warn' | 'info' | 'debug', text: string): void {
    this.#diagnostic(level, text);
  }

  #server(): RunningServices | Promise<RunningServices> {
    return this.#running ?? this.#early();
  }
}

/** The address is wrong when the script says it, not when the socket is opened. */
function refuseBadAddress(listen: string): void {
  if (parseListen(listen) === undefined)
    throw new Error(`failed to bind to ${listen}: invalid socket address`);
}
