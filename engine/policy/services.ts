/**
 * What the Lua bindings need from stages that the policy may not import: listeners, queues, logs,
 * injection. `compose/` hands over the implementation. Every method may be called from any
 * context at any time after `init` began.
 */
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type {
  AcctLogSettings,
  EsmtpListenerSettings,
  HttpListenerSettings,
  LocalLogSettings,
  LogDispositionHookSettings,
  LogHookSettings,
  SpoolSettings,
} from './settings.ts';

export interface PolicyServices {
  startEsmtpListener(settings: EsmtpListenerSettings): Promise<void>;
  startHttpListener(settings: HttpListenerSettings): Promise<void>;
  defineSpool(settings: SpoolSettings): Promise<void>;
  configureLocalLogs(settings: LocalLogSettings): Promise<void>;
  configureLogHook(settings: LogHookSettings): Promise<void>;
  configureLogDispositionHook(settings: LogDispositionHookSettings): Promise<void>;
  configureBounceClassifier(settings: { files: readonly string[] }): Promise<void>;
  configureAcctLog(settings: AcctLogSettings): Promise<void>;
  configureAccountingDb(path: string): Promise<void>;
  /** Saves (unless deferred), resolves and inserts; writes no Reception record. */
  injectMessage(message: Message, deferredSpool: boolean): Promise<void>;
  /** `kumo.api.inject.inject_v1`; same request and answer as the HTTP route. */
  injectV1(request: JsonValue, auth: AuthInfo): Promise<JsonObject>;
  /** `kumo.api.inject.build_v1`: the messages, nothing queued. */
  buildV1(request: JsonValue, auth: AuthInfo): Promise<Message[]>;
  /** `kumo.api.admin.<area>.<verb>(argument)`, e.g. ('bounce', 'list', undefined). */
  admin(
    area: 'bounce' | 'suspend' | 'suspend_ready_q',
    verb: string,
    argument: JsonValue | undefined,
  ): Promise<JsonValue>;
  saveMessage(message: Message): Promise<void>;
  bumpConfigEpoch(): void;
  /** Diagnostic line of the engine (KumoMTA's diag log): stderr in strict mode, console in the window. */
  diagnostic(level: 'error' | 'warn' | 'info' | 'debug', text: string): void;
}
