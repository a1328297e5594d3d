/**
 * What a policy asks of the engine in a dry run: listeners are noted, since their parameters decide
 * how a message is received; all else is only in the log of host calls.
 */
import type { Message } from '../mail/message.ts';
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { PolicyServices } from '../policy/services.ts';
import type { EsmtpListenerSettings } from '../policy/settings.ts';

/** Lines kept of one dry run. */
const LINES_MAX = 1_000;

export class DryServices implements PolicyServices {
  readonly esmtpListeners: EsmtpListenerSettings[] = [];
  /** Printed or logged outside of any event. */
  readonly lines: { readonly level: string; readonly text: string }[] = [];
  readonly #buildV1: (request: JsonValue, auth: AuthInfo) => Promise<Message[]>;

  constructor(buildV1: (request: JsonValue, auth: AuthInfo) => Promise<Message[]>) {
    this.#buildV1 = buildV1;
  }

  startEsmtpListener(settings: EsmtpListenerSettings): Promise<void> {
    this.esmtpListeners.push(settings);
    return Promise.resolve();
  }

  startHttpListener = nothing;
  defineSpool = nothing;
  configureLocalLogs = nothing;
  configureLogHook = nothing;
  configureLogDispositionHook = nothing;
  configureBounceClassifier = nothing;
  configureAcctLog = nothing;
  configureAccountingDb = nothing;
  injectMessage = nothing;
  saveMessage = nothing;

  injectV1(request: JsonValue): Promise<JsonObject> {
    const recipients =
      typeof request === 'object' && request !== null && !Array.isArray(request)
        ? request['recipients']
        : null;
    return Promise.resolve({
      success_count: Array.isArray(recipients) ? recipients.length : 0,
      fail_count: 0,
      failed_recipients: [],
      errors: [],
    });
  }

  buildV1(request: JsonValue, auth: AuthInfo): Promise<Message[]> {
    return this.#buildV1(request, auth);
  }

  admin(): Promise<JsonValue> {
    return Promise.resolve([]);
  }

  bumpConfigEpoch(): void {
    // The dry run has one epoch.
  }

  diagnostic(level: 'error' | 'warn' | 'info' | 'debug', text: string): void {
    if (this.lines.length < LINES_MAX) this.lines.push({ level, text });
  }
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
