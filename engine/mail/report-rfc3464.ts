/**
 * Delivery status reports: what another host says became of our mail. Reception turns each failed
 * recipient of one into an OOB record.
 *
 * Source: RFC 3464; reference `http-logs-reception.md` §5.1.
 */
import type { EpochMs } from '../base/clock.ts';
import { formatRfc3339Ticks, parseRfc2822 } from './date.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { MimePart } from './mime/part.ts';
import {
  extensionsOf,
  findChild,
  originalMessage,
  readReportBlocks,
  takeText,
  typedValue,
} from './report-fields.ts';
import type { ReportFields } from './report-fields.ts';
import type { EnhancedCode, SmtpReply } from './smtp-reply.ts';

export interface ReportStatus extends EnhancedCode {
  readonly comment: string | null;
}

export interface TypedName {
  readonly type: string;
  readonly value: string;
}

export interface RecipientReport {
  readonly finalRecipient: TypedName;
  readonly originalRecipient: TypedName | null;
  /** `failed`, `delayed`, `delivered`, `relayed` or `expanded`. */
  readonly action: string;
  readonly status: ReportStatus;
  readonly remoteMta: TypedName | null;
  readonly diagnosticCode: TypedName | null;
  readonly lastAttemptMs: EpochMs | null;
  readonly finalLogId: string | null;
  readonly willRetryUntilMs: EpochMs | null;
  readonly extensions: JsonObject;
}

export interface DeliveryReport {
  readonly reportingMta: TypedName;
  readonly originalEnvelopeId: string | null;
  readonly dsnGateway: TypedName | null;
  readonly receivedFromMta: TypedName | null;
  readonly arrivalMs: EpochMs | null;
  readonly extensions: JsonObject;
  readonly recipients: readonly RecipientReport[];
  /** LF line ends; octets when it is not text. */
  readonly originalMessage: JsonValue;
}

/** The report that a message is; `undefined` when it is none, or none that can be read. */
export function parseDeliveryReport(data: Uint8Array): DeliveryReport | undefined {
  const message = MimePart.parse(data);
  if (message.contentType !== 'multipart/report') return undefined;
  const part = findChild(message, 'message/delivery-status', 'message/global-delivery-status');
  const [head, ...rest] = part ? readReportBlocks(part.decodedBytes) : [];
  const reportingMta = head && typedValue(takeText(head, 'reporting-mta'));
  if (!head || !reportingMta) return undefined;
  const recipients = rest.map(recipientReport);
  if (recipients.includes(undefined)) return undefined;
  return {
    reportingMta,
    originalEnvelopeId: takeText(head, 'original-envelope-id') ?? null,
    dsnGateway: typedValue(takeText(head, 'dsn-gateway')) ?? null,
    receivedFromMta: typedValue(takeText(head, 'received-from-mta')) ?? null,
    arrivalMs: dateOf(head, 'arrival-date'),
    extensions: extensionsOf(head),
    recipients: recipients.filter((r) => r !== undefined),
    originalMessage: originalMessage(message),
  };
}

function recipientReport(fields: ReportFields): RecipientReport | undefined {
  const finalRecipient = typedValue(takeText(fields, 'final-recipient'));
  const action = takeText(fields, 'action')?.toLowerCase();
  const status = statusOf(takeText(fields, 'status'));
  if (!finalRecipient || action === undefined || !status) return undefined;
  return {
    finalRecipient,
    action,
    status,
    originalRecipient: typedValue(takeText(fields, 'original-recipient')) ?? null,
    remoteMta: typedValue(takeText(fields, 'remote-mta')) ?? null,
    diagnosticCode: typedValue(takeText(fields, 'diagnostic-code')) ?? null,
    lastAttemptMs: dateOf(fields, 'last-attempt-date'),
    finalLogId: takeText(fields, 'final-log-id') ?? null,
    willRetryUntilMs: dateOf(fields, 'will-retry-until'),
    extensions: extensionsOf(fields),
  };
}

function statusOf(text: string | undefined): ReportStatus | undefined {
  const match = /^(\d)\.(\d{1,3})\.(\d{1,3})(?:\s+([\s\S]*))?$/.exec(text?.trim() ?? '');
  if (!match) return undefined;
  return {
    class: Number(match[1]),
    subject: Number(match[2]),
    detail: Number(match[3]),
    comment: match[4]?.trim() || null,
  };
}

function dateOf(fields: ReportFields, name: string): EpochMs | null {
  return parseRfc2822(takeText(fields, name) ?? '') ?? null;
}

/** The report as `msg:parse_rfc3464()` shows it. */
export function deliveryReportJson(report: DeliveryReport): JsonObject {
  return {
    per_message: {
      original_envelope_id: report.originalEnvelopeId,
      reporting_mta: mtaJson(report.reportingMta),
      dsn_gateway: mtaJson(report.dsnGateway),
      received_from_mta: mtaJson(report.receivedFromMta),
      arrival_date: dateJson(report.arrivalMs),
      extensions: report.extensions,
    },
    per_recipient: report.recipients.map((r) => ({
      final_recipient: recipientJson(r.finalRecipient),
      action: r.action,
      status: statusJson(r.status),
      original_recipient: recipientJson(r.originalRecipient),
      remote_mta: mtaJson(r.remoteMta),
      diagnostic_code: r.diagnosticCode && {
        diagnostic_type: r.diagnosticCode.type,
        diagnostic: r.diagnosticCode.value,
      },
      last_attempt_date: dateJson(r.lastAttemptMs),
      final_log_id: r.finalLogId,
      will_retry_until: dateJson(r.willRetryUntilMs),
      extensions: r.extensions,
    })),
    original_message: report.originalMessage,
  };
}

function mtaJson(name: TypedName | null): JsonValue {
  return name && { mta_type: name.type, name: name.value };
}

function recipientJson(name: TypedName | null): JsonValue {
  return name && { recipient_type: name.type, recipient: name.value };
}

function statusJson(status: ReportStatus): JsonObject {
  const { class: class_, subject, detail, comment } = status;
  return { class: class_, subject, detail, comment };
}

function dateJson(timeMs: EpochMs | null): string | null {
  return timeMs === null ? null : formatRfc3339Ticks(timeMs, 0);
}

/** A recipient that the report says is lost, with the reply its host gave. */
export interface ReportedFailure {
  readonly recipient: string;
  readonly response: SmtpReply;
  readonly reportingMta: string;
  readonly timeMs: EpochMs | null;
}

/** One per recipient whose action is `failed`: what an OOB record is made of. */
export function reportedFailures(report: DeliveryReport): ReportedFailure[] {
  return report.recipients
    .filter((r) => r.action === 'failed')
    .map((r) => ({
      recipient: (r.originalRecipient ?? r.finalRecipient).value,
      response: failureReply(r),
      reportingMta: report.reportingMta.value,
      timeMs: r.lastAttemptMs,
    }));
}

/** The diagnostic's code and text; an enhanced code at its start stays in the text. */
function failureReply(recipient: RecipientReport): SmtpReply {
  const { class: class_, subject, detail } = recipient.status;
  const enhanced = { class: class_, subject, detail };
  const diagnostic = recipient.diagnosticCode;
  const text = diagnostic?.type.toLowerCase() === 'smtp' ? diagnostic.value : '';
  const [, code, content] = /^(\d{1,5}) ([\s\S]*)$/.exec(text) ?? [];
  return { code: Number(code ?? 550), enhanced, text: content ?? text, command: null };
}
