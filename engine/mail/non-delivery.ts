/**
 * Non-delivery reports: the message that tells a sender what became of theirs, made from the log
 * record of its end. The policy decides whether to send it (`kumo.inject_message`).
 *
 * Source: RFC 3464; reference `http-logs-reception.md` §5.4; recorded scenario `log-ndr`.
 */
import { createdMsOf } from '../base/ids.ts';
import type { SpoolId } from '../base/ids.ts';
import { formatRfc2822 } from './date.ts';
import { readHeaderBlock } from './header.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { mimeHeader } from './mime/headers.ts';
import { boundarySource } from './mime/builder.ts';
import { MimePart } from './mime/part.ts';
import type { Random } from '../base/random.ts';

export interface NonDeliveryParams {
  readonly includeOriginalMessage: 'No' | 'HeadersOnly' | 'FullContent';
  readonly enableExpiration: boolean;
  readonly enableBounce: boolean;
  readonly reportingMta: { readonly mtaType: string; readonly name: string };
  /** Same text for the same record: for tests of policies. */
  readonly stableContent: boolean;
}

export interface NonDeliveryReport {
  readonly recipient: string;
  readonly data: Uint8Array;
}

/**
 * The report about a record, or null when there is none to make: nobody to tell, or a kind of
 * record that `params` do not enable.
 *
 * @param original the message in question; null leaves it out of the report
 * @param messageId left side of the report's Message-ID
 */
export function nonDeliveryReport(
  params: NonDeliveryParams,
  original: Uint8Array | null,
  record: JsonObject,
  made: { readonly messageId: string; readonly random: Random },
): NonDeliveryReport | null {
  const recipient = text(record['sender']);
  if (recipient === '' || !isReported(params, record)) return null;
  const parts = [explanation(record), deliveryStatus(params, record)];
  const copy = original && originalPart(params, original);
  if (copy) parts.push(copy);
  const { name } = params.reportingMta;
  const boundary = boundarySource(params.stableContent ? 'stable' : made.random).next();
  const report = MimePart.multipart(
    'multipart/report',
    parts,
    boundary,
    new Map([['report-type', 'delivery-status']]),
  );
  const id = params.stableContent ? 'UUID' : made.messageId;
  report.headers.append(mimeHeader('Subject', 'Returned mail'));
  report.headers.append(mimeHeader('Mime-Version', '1.0'));
  report.headers.append(mimeHeader('Message-ID', `<${id}@${name}>`));
  report.headers.append(mimeHeader('To', recipient));
  report.headers.append(mimeHeader('From', `Mail Delivery Subsystem <mailer-daemon@${name}>`));
  return { recipient, data: report.toBytes() };
}

function isReported(params: NonDeliveryParams, record: JsonObject): boolean {
  if (record['type'] === 'Expiration') return params.enableExpiration;
  return (
    record['type'] === 'Bounce' && record['delivery_protocol'] === 'ESMTP' && params.enableBounce
  );
}

function explanation(record: JsonObject): MimePart {
  const peer = object(record['peer_address']);
  const lines = [
    `The message was received at ${receivedAt(record)}`,
    `from ${text(record['sender'])} and addressed to ${recipientsOf(record).join(', ')}.`,
    ...(peer
      ? [
          `While communicating with ${text(peer['name'])} (${text(peer['addr'])}):`,
          `Response: ${responseLine(record)}`,
        ]
      : [`Status: ${responseLine(record)}`]),
    '',
    'The message will be deleted from the queue.',
    'No further attempts will be made to deliver it.',
  ];
  return MimePart.text('text/plain', lines.join('\r\n'));
}

function deliveryStatus(params: NonDeliveryParams, record: JsonObject): MimePart {
  const { mtaType, name } = params.reportingMta;
  const peer = object(record['peer_address']);
  const blocks = recipientsOf(record).map((recipient) =>
    [
      `Final-Recipient: rfc822;${recipient}`,
      'Action: failed',
      `Status: ${statusOf(record)}`,
      ...(peer ? [`Remote-MTA: dns; ${text(peer['name'])}`] : []),
      `Diagnostic-Code: smtp; ${responseLine(record)}`,
      `Last-Attempt-Date: ${formatRfc2822(seconds(record['timestamp']))}`,
    ].join('\r\n'),
  );
  const head = `Reporting-MTA: ${mtaType}; ${name}\r\nArrival-Date: ${receivedAt(record)}`;
  const body = [head, ...blocks].map((b) => `${b}\r\n\r\n`).join('');
  return MimePart.text('message/delivery-status', body);
}

function originalPart(params: NonDeliveryParams, original: Uint8Array): MimePart | null {
  switch (params.includeOriginalMessage) {
    case 'No':
      return null;
    case 'HeadersOnly': {
      const headers = original.subarray(0, readHeaderBlock(original).end);
      return MimePart.verbatim('text/rfc822-headers', headers);
    }
    case 'FullContent':
      return MimePart.verbatim('message/rfc822', original);
  }
}

/** `5.1.1 unknown mailbox`; 5.0.0 when the reply had no enhanced code. */
function statusOf(record: JsonObject): string {
  const response = object(record['response']);
  return `${enhancedCode(response) ?? '5.0.0'} ${text(response?.['content'])}`;
}

/** The reply on one line: `550 5.1.1 unknown mailbox`. */
function responseLine(record: JsonObject): string {
  const response = object(record['response']);
  const enhanced = enhancedCode(response);
  const code = String(response?.['code'] ?? '');
  const content = text(response?.['content']).replace(/\r\n|\r|\n/g, ' ');
  return [code, ...(enhanced === undefined ? [] : [enhanced]), content].join(' ');
}

function enhancedCode(response: JsonObject | undefined): string | undefined {
  const enhanced = object(response?.['enhanced_code']);
  return (
    enhanced &&
    `${Number(enhanced['class'])}.${Number(enhanced['subject'])}.${Number(enhanced['detail'])}`
  );
}

/** When the message came, from the record or from its id. */
function receivedAt(record: JsonObject): string {
  const id = text(record['id']);
  const created = seconds(record['created']);
  if (created > 0 || !/^[0-9a-f]{32}$/.test(id)) return formatRfc2822(created);
  return formatRfc2822(createdMsOf(id as SpoolId));
}

function recipientsOf(record: JsonObject): string[] {
  const recipient = record['recipient'];
  return Array.isArray(recipient) ? recipient.map(text) : [text(recipient)];
}

function seconds(value: JsonValue | undefined): number {
  return typeof value === 'number' ? value * 1000 : 0;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function object(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
