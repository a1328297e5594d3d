/**
 * The two header fields that reception puts on top of a message: `Received`, and the supplemental
 * one (`X-KumoRef`) by which a complaint can later be traced to its recipient.
 *
 * Source: RFC 5321 §4.4; reference `lua-api.md` §2.5, `http-logs-reception.md` §4.10.
 */
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { formatRfc2822 } from './date.ts';
import { ownValue, parseJson, sortedJsonText, type JsonObject } from './json.ts';
import type { Message } from './message.ts';
import { wrapText } from './wrap.ts';

export interface ReceivedFacts {
  /** What the client called itself; null when it said nothing. */
  readonly ehloDomain: string | null;
  readonly peerIp: string;
  readonly hostname: string;
  readonly localIp: string;
  readonly protocol: 'ESMTP' | 'ESMTPS' | 'ESMTPSA';
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  readonly id: SpoolId;
  readonly firstRecipient: string;
  readonly dateMs: EpochMs;
}

/** The field of an SMTP transaction, four lines. The blank before the first break is KumoMTA's. */
export function receivedHeader(facts: ReceivedFacts): string {
  const tls = facts.tls ? ` (${facts.tls.version}:${facts.tls.cipher}) ` : '';
  return (
    `Received: from ${facts.ehloDomain ?? 'unspecified'} (${facts.peerIp})\r\n` +
    `  by ${facts.hostname} (KumoMTA ${facts.localIp}) \r\n` +
    `  with ${facts.protocol}${tls} id ${facts.id} for <${facts.firstRecipient}>;\r\n` +
    `  ${formatRfc2822(facts.dateMs)}\r\n`
  );
}

/** The field of a message that came through the HTTP API. */
export function httpReceivedHeader(facts: {
  readonly senderDomain: string;
  readonly peerIp: string;
  readonly hostname: string;
  readonly id: SpoolId;
  readonly recipient: string;
  readonly dateMs: EpochMs;
}): string {
  return (
    `Received: from ${facts.senderDomain} (${facts.peerIp})\r\n` +
    `  by ${facts.hostname} (KumoMTA)\r\n` +
    `  with HTTP id ${facts.id} for <${facts.recipient}>;\r\n` +
    `  ${formatRfc2822(facts.dateMs)}\r\n`
  );
}

/** The key that marks the JSON as ours, and its value. */
const MARK_KEY = '_@_';
const MARK = '\\_/';

/** Base64 may be cut anywhere: blanks in it do not matter to whoever reads it. */
const BASE64_WIDTH = 75;

export interface SupplementalHeaderSettings {
  readonly headerName: string;
  readonly includeMetaNames: readonly string[];
}

/** The supplemental field: base64 of compact JSON with sorted keys; unset metadata is null. */
export function supplementalHeader(
  recipients: readonly string[],
  meta: JsonObject,
  settings: SupplementalHeaderSettings,
): string {
  const [only] = recipients;
  const recipient = recipients.length === 1 && only !== undefined ? only : [...recipients];
  const facts = withMeta({ [MARK_KEY]: MARK, recipient }, meta, settings.includeMetaNames);
  const encoded = Buffer.from(sortedJsonText(facts)).toString('base64');
  return `${settings.headerName}: ${wrapText(encoded, BASE64_WIDTH)}\r\n`;
}

/** The marked facts and the metadata that is asked for. */
function withMeta(facts: JsonObject, meta: JsonObject, names: readonly string[]): JsonObject {
  if (names.length === 0) return facts;
  const wanted = names.map((name) => [name, ownValue(meta, name) ?? null] as const);
  return { ...facts, ...Object.fromEntries(wanted) };
}

/** Puts the supplemental field on top of a message. */
export function applySupplementalHeader(
  message: Message,
  settings: SupplementalHeaderSettings,
): void {
  const emails = message.recipients.map((r) => r.email);
  const header = supplementalHeader(emails, message.meta, settings);
  message.data = Buffer.concat([Buffer.from(header), message.data]);
}

/** What a supplemental field says, the mark taken out; `undefined` when the value is none. */
export function readSupplementalTrace(value: string): JsonObject | undefined {
  let parsed: unknown;
  try {
    const text = Buffer.from(value.replace(/\s+/g, ''), 'base64').toString('utf8');
    parsed = parseJson(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const { [MARK_KEY]: mark, ...facts } = parsed as JsonObject;
  return mark === MARK ? facts : undefined;
}
