/**
 * A local log that the policy configured: which records it takes, as what text, into which
 * segments. Record types that share folder and suffix share a segment.
 *
 * Source: reference `http-logs-reception.md` §3.4; `lua-api.md` §7.4.
 */
import type { Clock } from '../base/clock.ts';
import type { JsonObject } from '../mail/json.ts';
import { TemplateError } from '../mail/template-error.ts';
import { compileTemplate } from '../mail/template.ts';
import type { TemplateSources } from '../mail/template.ts';
import type { LocalLogSettings, PerRecordSettings } from '../policy/settings.ts';
import { recordJson } from './build-record.ts';
import { captureHeaders, captureMeta } from './capture.ts';
import type { LogRecord } from './record.ts';
import { SegmentWriter, finishLeftovers } from './segment-writer.ts';

/** OOB follows Reception's switch; its own is never looked at. */
const SWITCH_OF: Readonly<Record<string, string>> = { OOB: 'Reception' };

/** The entry that decides about a record type: its own, else `Any`'s, else none. */
function perRecordOf(
  perRecord: Readonly<Record<string, PerRecordSettings>>,
  type: string,
): PerRecordSettings | undefined {
  return perRecord[type] ?? perRecord['Any'];
}

export function isEnabled(
  perRecord: Readonly<Record<string, PerRecordSettings>>,
  type: string,
): boolean {
  return perRecordOf(perRecord, SWITCH_OF[type] ?? type)?.enable ?? true;
}

/**
 * Compiles every template, so that a wrong one is found at set-up.
 * @throws {Error} `compiling template:`, its source, the record type, what is wrong
 */
export function checkTemplates(perRecord: Readonly<Record<string, PerRecordSettings>>): void {
  for (const [type, { template }] of Object.entries(perRecord)) {
    if (template === null) continue;
    try {
      compileTemplate(type, template);
    } catch (error) {
      const why = error instanceof TemplateError ? error.quoted : String(error);
      const what = `compiling template:\n${template}\nfor log record type ${type}`;
      throw new Error(`${what}: ${why}`, { cause: error });
    }
  }
}

/** The record's line: JSON, or what the type's template makes of it. */
export function recordText(
  perRecord: Readonly<Record<string, PerRecordSettings>>,
  record: LogRecord,
  sources: TemplateSources,
): string {
  const template = perRecordOf(perRecord, record.type)?.template ?? null;
  if (template === null) return `${JSON.stringify(record)}\n`;
  const json = recordJson(record);
  const text = compileTemplate(record.type, template).render(
    { ...json, log_record: json },
    sources,
  );
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Where a logger finds what it captures: a message, or a connection that has no message yet. */
export interface CaptureSource {
  readonly meta: JsonObject;
  /** Null while the body is not in memory. */
  readonly data: Uint8Array | null;
}

/** The record with what this logger wants of its source. */
export function withCaptures(
  record: LogRecord,
  source: CaptureSource,
  wanted: { readonly meta: readonly string[]; readonly headers: readonly string[] },
): LogRecord {
  return {
    ...record,
    meta: captureMeta(source.meta, wanted.meta),
    headers: source.data === null ? {} : captureHeaders(source.data, wanted.headers),
  };
}

export interface LocalLogDeps {
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly sources: TemplateSources;
  readonly onError: (text: string) => void;
}

export class LocalLog {
  readonly settings: LocalLogSettings;
  readonly #writers = new Map<string, SegmentWriter>();
  readonly #deps: LocalLogDeps;

  constructor(settings: LocalLogSettings, deps: LocalLogDeps) {
    checkTemplates(settings.perRecord);
    this.settings = settings;
    this.#deps = deps;
    const folders = [
      settings.logDir,
      ...Object.values(settings.perRecord).map((entry) => entry.logDir),
    ];
    for (const folder of folders) if (folder !== null) finishLeftovers(folder);
  }

  /** Whether headers must be read, so that the caller loads the body first. */
  get wantsHeaders(): boolean {
    return this.settings.headers.length > 0;
  }

  takes(type: string): boolean {
    return isEnabled(this.settings.perRecord, type);
  }

  write(record: LogRecord): void {
    const entry = perRecordOf(this.settings.perRecord, record.type);
    const folder = entry?.logDir ?? this.settings.logDir;
    const suffix = entry?.suffix ?? '';
    try {
      this.#writer(folder, suffix, entry?.segmentHeader ?? '').write(
        recordText(this.settings.perRecord, record, this.#deps.sources),
      );
    } catch (error) {
      this.#deps.onError(`Cannot log a ${record.type} record to ${folder}: ${String(error)}`);
    }
  }

  /** Whoever writes next has to wait. */
  get isFull(): boolean {
    return [...this.#writers.values()].some((writer) => writer.isFull);
  }

  /** Resolves when there is room for more: back pressure. */
  async ready(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.ready();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
  }

  #writer(folder: string, suffix: string, header: string): SegmentWriter {
    const key = `${folder}\0${suffix}`;
    let writer = this.#writers.get(key);
    if (writer === undefined) {
      const { maxFileSize, maxSegmentDurationMs, compressionLevel } = this.settings;
      writer = new SegmentWriter(
        { folder, suffix, header, maxFileSize, maxSegmentDurationMs, compressionLevel },
        this.#deps.mailClock,
        this.#deps.clock,
        this.#deps.onError,
      );
      this.#writers.set(key, writer);
    }
    return writer;
  }
}
