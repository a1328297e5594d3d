/**
 * From a disposition, as a stage reports it, to the record that is written: every key KumoMTA
 * writes, in its order. What is evaluated at this moment (queue name, attempts, size) is what the
 * message says now.
 *
 * Source: reference `http-logs-reception.md` §3.1; `queues-delivery.md` §12.1.
 */
import { chronoDebugUtc } from '../base/chrono-text.ts';
import type { EpochMs } from '../base/clock.ts';
import { createdTicksOf } from '../base/ids.ts';
import type { SpoolId } from '../base/ids.ts';
import { formatRfc3339Ticks } from '../mail/date.ts';
import { parseJson, type JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { flatten } from '../mail/smtp-reply.ts';
import type { Disposition, LogRecord } from './record.ts';

export function buildRecord(disposition: Disposition, now: EpochMs, nodeId: string): LogRecord {
  const { message, response, override, tls, providerName, sessionId } = disposition;
  const when = override?.timestampMs ?? now;
  const created = message?.createdMs ?? when;
  const recipients = disposition.recipients ?? message?.recipients.map((r) => r.email) ?? [];
  const reception = override?.receptionProtocol ?? message?.getMeta('reception_protocol');
  return {
    type: disposition.type,
    id: message?.id ?? '',
    sender: override?.sender ?? message?.sender.email ?? '',
    recipient: override?.recipient ?? single(recipients),
    queue: queueOf(message),
    site: disposition.site ?? '',
    size: override?.size ?? message?.residentSize ?? 0,
    response: {
      code: response.code,
      enhanced_code: response.enhanced,
      content: flatten(response.text),
      command: response.command,
    },
    peer_address: disposition.peerAddress ?? null,
    timestamp: Math.floor(when / 1000),
    event_time: chronoDebugUtc(when),
    created: Math.floor(created / 1000),
    created_time: message === undefined ? chronoDebugUtc(created) : createdTime(message.id),
    num_attempts: override?.numAttempts ?? message?.numAttempts ?? 0,
    bounce_classification: 'Uncategorized',
    egress_pool: disposition.egressPool ?? null,
    egress_source: disposition.egressSource ?? null,
    source_address: disposition.sourceAddress ?? null,
    feedback_report: disposition.feedbackReport ?? null,
    meta: {},
    headers: {},
    delivery_protocol: disposition.deliveryProtocol ?? null,
    reception_protocol: typeof reception === 'string' ? reception : null,
    nodeid: nodeId,
    ...(tls && {
      tls_cipher: tls.cipher,
      tls_protocol_version: tls.protocolVersion,
      tls_peer_subject_name: tls.peerSubjectName,
    }),
    ...(isGiven(providerName) && { provider_name: providerName }),
    ...(isGiven(sessionId) && { session_id: sessionId }),
  };
}

function isGiven(text: string | null | undefined): text is string {
  return text !== undefined && text !== null;
}

/** The moment of creation with the 100 ns that the id has and a number of milliseconds has not. */
function createdTime(id: SpoolId): string {
  const ticks = createdTicksOf(id);
  return formatRfc3339Ticks(Number(ticks / 10_000n), Number(ticks % 10_000n) * 100);
}

/** A record as plain JSON: what templates, hooks and Lua see. */
export function recordJson(record: LogRecord): JsonObject {
  return parseJson(JSON.stringify(record)) as JsonObject;
}

function single(list: readonly string[]): string | readonly string[] {
  return list.length === 1 ? (list[0] ?? '') : list;
}

function queueOf(message: Message | undefined): string {
  if (message === undefined) return '';
  try {
    return message.queueName();
  } catch {
    // A meta of the wrong kind: the record is written all the same.
    return '';
  }
}
