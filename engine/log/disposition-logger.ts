/**
 * Writes records: the one function through which everything that becomes of a message goes. In
 * this order: the store (by the sink), disposition hooks inline, local logs, log hooks, live tail.
 * A failing logger or listener is reported and never breaks the mail.
 *
 * Source: reference `http-logs-reception.md` §3; STYLE of records in `record.ts`.
 */
import { toError } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';
import { singleLine } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type {
  LocalLogSettings,
  LogDispositionHookSettings,
  LogHookSettings,
} from '../policy/settings.ts';
import { Accounting } from './accounting.ts';
import type { BounceClassifier } from './bounce-classifier.ts';
import { buildRecord, recordJson } from './build-record.ts';
import { LocalLog, isEnabled, withCaptures } from './local-log.ts';
import { LogHook } from './log-hook.ts';
import type { LogHookDeps } from './log-hook.ts';
import type { Metrics } from './metrics.ts';
import type { Disposition, DispositionLog, LogRecord } from './record.ts';
import { countRecord } from './stage-metrics.ts';

/** Keeps a record for the window and moves the rows it is about; joined to the store. */
export type RecordSink = (record: LogRecord, disposition: Disposition) => void;

export interface DispositionLoggerDeps extends LogHookDeps {
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly policy: Pick<PolicyEvents, 'shouldEnqueueLogRecord' | 'logDisposition' | 'filterLog'>;
  readonly sink: RecordSink;
  readonly metrics: Metrics;
  /** Brings a body back when a logger wants headers of a message that waits. */
  readonly loadBody: (message: Message) => Promise<void>;
}

export class DispositionLogger implements DispositionLog {
  readonly #deps: DispositionLoggerDeps;
  readonly #localLogs: LocalLog[] = [];
  readonly #hooks: LogHook[] = [];
  readonly #dispositionHooks: LogDispositionHookSettings[] = [];
  readonly #listeners = new Set<(record: LogRecord) => void>();
  readonly accounting: Accounting;
  #classifier: BounceClassifier | null = null;

  constructor(deps: DispositionLoggerDeps) {
    this.#deps = deps;
    this.accounting = new Accounting(deps);
  }

  addLocalLog(settings: LocalLogSettings): void {
    this.#localLogs.push(new LocalLog(settings, this.#deps));
  }

  /** @throws {Error} the name is taken, by a hook of either kind */
  addHook(settings: LogHookSettings): void {
    this.#refuseTakenName(settings.name);
    this.#hooks.push(new LogHook(settings, this.#deps));
  }

  /** @throws {Error} the name is taken */
  addDispositionHook(settings: LogDispositionHookSettings): void {
    this.#refuseTakenName(settings.name);
    this.#dispositionHooks.push(settings);
  }

  /** @throws {Error} there is one already */
  setClassifier(classifier: BounceClassifier): void {
    if (this.#classifier !== null) throw new Error('classifier already initialized');
    this.#classifier = classifier;
  }

  /** `init` failed and runs again later: what it configured is configured anew then. */
  forgetSetup(): void {
    this.#localLogs.length = 0;
    this.#hooks.length = 0;
    this.#dispositionHooks.length = 0;
    this.#classifier = null;
  }

  /** Where local logs are written. */
  get folders(): readonly string[] {
    return this.#localLogs.map(({ settings }) => settings.logDir);
  }

  /** What the classifier would call a failure with this reply; `Uncategorized` without one. */
  classOf(reply: SmtpReply): string {
    return this.#classifier?.classify('Bounce', singleLine(reply)) ?? 'Uncategorized';
  }

  /** Calls the listener with every record; returns how to stop. */
  follow(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async record(disposition: Disposition): Promise<LogRecord> {
    const { message } = disposition;
    const record = buildRecord(disposition, this.#deps.mailClock.now(), this.#deps.nodeId);
    if (this.#classifier !== null) {
      record.bounce_classification = this.#classifier.classify(
        record.type,
        singleLine(disposition.response),
      );
    }
    this.#deps.sink(record, disposition);
    countRecord(this.#deps.metrics, record);
    this.accounting.count(record, this.#loggerCount(record));
    if (message !== undefined && !message.isLoaded && this.#wantsHeaders())
      await this.#deps.loadBody(message);
    if (message !== undefined) await this.#callDispositionHooks(message, record);
    for (const log of this.#localLogs) await this.#toLocalLog(log, record, disposition);
    for (const hook of this.#hooks) {
      if (!hook.takes(record)) continue;
      const { name } = hook.settings;
      if (hook.isFull) this.#deps.metrics.add('log_hook_backlog_count', [name]);
      if (hook.isFull) this.#deps.metrics.add('log_submit_full', [`hook-${name}`]);
      await hook.submit(this.#captured(record, disposition, hook.settings));
    }
    for (const listener of this.#listeners) this.#tell(listener, record);
    return record;
  }

  /** Resolves when hooks were handled and every segment is complete. */
  async close(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.drain()));
    await Promise.all(this.#localLogs.map((log) => log.close()));
    this.accounting.close();
  }

  #loggerCount(record: LogRecord): number {
    const logs = this.#localLogs.filter((log) => log.takes(record.type));
    return logs.length + this.#hooks.filter((hook) => hook.takes(record)).length;
  }

  #wantsHeaders(): boolean {
    return (
      this.#localLogs.some((log) => log.wantsHeaders) ||
      this.#hooks.some((hook) => hook.wantsHeaders)
    );
  }

  /** A Rejection has no message; its metadata is the connection's. */
  #captured(
    record: LogRecord,
    disposition: Disposition,
    wanted: { meta: readonly string[]; headers: readonly string[] },
  ): LogRecord {
    const { message, override } = disposition;
    if (message === undefined) {
      return override?.meta === undefined
        ? record
        : withCaptures(record, { meta: override.meta, data: null }, wanted);
    }
    const data = wanted.headers.length > 0 && message.isLoaded ? message.data : null;
    return withCaptures(record, { meta: message.meta, data }, wanted);
  }

  async #toLocalLog(log: LocalLog, record: LogRecord, disposition: Disposition): Promise<void> {
    if (!log.takes(record.type)) return;
    const { filterEvent } = log.settings;
    const { message } = disposition;
    if (
      filterEvent !== null &&
      message !== undefined &&
      !(await this.#deps.policy.filterLog(filterEvent, message))
    )
      return;
    log.write(this.#captured(record, disposition, log.settings));
    if (log.isFull) this.#deps.metrics.add('log_submit_full', [`dir-${log.settings.logDir}`]);
    await log.ready();
  }

  async #callDispositionHooks(message: Message, record: LogRecord): Promise<void> {
    // An OOB record is about somebody else's message; its carrier is not asked about.
    if (record.reception_protocol === 'LogRecord' || record.type === 'OOB') return;
    for (const hook of this.#dispositionHooks) {
      if (!isEnabled(hook.perRecord, record.type)) continue;
      try {
        await this.#deps.policy.logDisposition(hook.name, message, recordJson(record));
      } catch (error) {
        this.#deps.onError(`log_disposition_${hook.name}: ${toError(error).message}`);
      }
    }
  }

  #tell(listener: (record: LogRecord) => void, record: LogRecord): void {
    try {
      listener(record);
    } catch (error) {
      this.#deps.onError(`a listener of the record tail failed: ${toError(error).message}`);
    }
  }

  #refuseTakenName(name: string): void {
    const isTaken =
      this.#hooks.some((hook) => hook.settings.name === name) ||
      this.#dispositionHooks.some((hook) => hook.name === name);
    if (isTaken)
      throw new Error(`A logging hook with name \`${name}\` has already been registered`);
  }
}
