/**
 * Complaint reports (ARF): a mailbox provider tells that its user called a message of ours
 * unwanted. Reception turns one into a Feedback record.
 *
 * Source: RFC 5965; reference `http-logs-reception.md` §5.2.
 */
import { formatRfc3339Ticks, parseRfc2822 } from './date.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { MimePart } from './mime/part.ts';
import {
  extensionsOf,
  findChild,
  originalHeaders,
  originalMessage,
  readReportBlocks,
  takeText,
  takeValues,
  typedValue,
} from './report-fields.ts';
import type { ReportFields } from './report-fields.ts';
import { readSupplementalTrace } from './trace-headers.ts';

/**
 * The report as the `feedback_report` of a record and as `msg:parse_rfc5965()` show it;
 * `undefined` when the message is none.
 */
export function parseFeedbackReport(data: Uint8Array): JsonObject | undefined {
  const message = MimePart.parse(data);
  const type = message.headers.parameterized('Content-Type');
  if (
    message.contentType !== 'multipart/report' ||
    type?.parameters.get('report-type')?.toLowerCase() !== 'feedback-report'
  ) {
    return undefined;
  }
  const part = findChild(message, 'message/feedback-report');
  const [fields] = part ? readReportBlocks(part.decodedBytes) : [];
  return fields && feedbackJson(fields, message);
}

function feedbackJson(fields: ReportFields, message: MimePart): JsonObject | undefined {
  const [feedbackType] = takeValues(fields, 'feedback-type');
  const [userAgent] = takeValues(fields, 'user-agent');
  const [version] = takeValues(fields, 'version');
  if (feedbackType === undefined || userAgent === undefined || version === undefined) {
    return undefined;
  }
  const mta = typedValue(takeText(fields, 'reporting-mta'));
  const incidents = Number(takeText(fields, 'incidents') ?? Number.NaN);
  return {
    feedback_type: feedbackType,
    user_agent: userAgent,
    version: String(version),
    arrival_date: arrivalDate(fields),
    incidents: Number.isInteger(incidents) ? incidents : null,
    original_envelope_id: first(fields, 'original-envelope-id'),
    original_mail_from: bare(first(fields, 'original-mail-from')),
    reporting_mta: mta ? { mta_type: mta.type, name: mta.value } : null,
    source_ip: first(fields, 'source-ip'),
    authentication_results: takeValues(fields, 'authentication-results'),
    original_rcpto_to: takeValues(fields, 'original-rcpt-to').map(bare),
    reported_domain: takeValues(fields, 'reported-domain'),
    reported_uri: takeValues(fields, 'reported-uri'),
    extensions: extensionsOf(fields),
    original_message: originalMessage(message),
    supplemental_trace: supplementalTrace(message),
  };
}

function first(fields: ReportFields, name: string): JsonValue {
  return takeValues(fields, name)[0] ?? null;
}

/** An address without its brackets. */
function bare(value: JsonValue): JsonValue {
  return typeof value === 'string' ? value.replace(/^<([\s\S]*)>$/, '$1') : value;
}

/** Arrival-Date, or Received-Date as older reports have it. */
function arrivalDate(fields: ReportFields): string | null {
  const [arrival, received] = [takeText(fields, 'arrival-date'), takeText(fields, 'received-date')];
  const timeMs = parseRfc2822(arrival ?? received ?? '');
  return timeMs === undefined ? null : formatRfc3339Ticks(timeMs, 0);
}

function supplementalTrace(message: MimePart): JsonValue {
  for (const [name, value] of originalHeaders(message)) {
    const trace = /^x-/i.test(name) ? readSupplementalTrace(value) : undefined;
    if (trace) return trace;
  }
  return null;
}
