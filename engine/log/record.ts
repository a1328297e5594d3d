/**
 * The catalogue of dispositions and the record that each writes, field by field as KumoMTA's JSON.
 *
 * Source: reference `http-logs-reception.md` §3; `queues-delivery.md` §12.
 */
import type { EpochMs } from '../base/clock.ts';
import type { JsonObject } from '../mail/json.ts';
import type { EnhancedCode } from '../mail/smtp-reply.ts';

export const RECORD_TYPES = [
  'Reception',
  'Delivery',
  'Bounce',
  'TransientFailure',
  'Expiration',
  'AdminBounce',
  'AdminRebind',
  'OOB',
  'Feedback',
  'Rejection',
  'Delayed',
  'DeferredInjectionRebind',
  'XferOut',
  'XferIn',
] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

export interface PeerAddress {
  readonly name: string;
  readonly addr: string;
  readonly is_secure?: true;
}

/** In the order in which the JSON is written; keys that KumoMTA leaves out when unset are optional. */
export interface LogRecord {
  readonly type: RecordType;
  readonly id: string;
  readonly sender: string;
  /** One text when there is exactly one recipient, else a list. */
  readonly recipient: string | readonly string[];
  readonly queue: string;
  readonly site: string;
  readonly size: number;
  readonly response: {
    readonly code: number;
    readonly enhanced_code: EnhancedCode | null;
    readonly content: string;
    readonly command: string | null;
  };
  readonly peer_address: PeerAddress | null;
  readonly timestamp: number;
  readonly event_time: string;
  readonly created: number;
  readonly created_time: string;
  readonly num_attempts: number;
  bounce_classification: string;
  readonly egress_pool: string | null;
  readonly egress_source: string | null;
  readonly source_address: {
    readonly address: string;
    readonly server?: string;
    readonly protocol?: string;
  } | null;
  readonly feedback_report: JsonObject | null;
  meta: JsonObject;
  headers: JsonObject;
  readonly delivery_protocol: string | null;
  readonly reception_protocol: string | null;
  readonly nodeid: string;
  readonly tls_cipher?: string;
  readonly tls_protocol_version?: string;
  readonly tls_peer_subject_name?: readonly string[];
  readonly provider_name?: string;
  readonly session_id?: string;
}

/** What became of a message, as a stage reports it; `disposition-log.ts` turns it into a record. */
export interface Disposition {
  readonly type: RecordType;
  /** Absent for Rejection (and it may be a report's carrier for OOB). */
  readonly message?: import('../mail/message.ts').Message;
  readonly response: import('../mail/smtp-reply.ts').SmtpReply;
  readonly site?: string;
  readonly peerAddress?: PeerAddress | null;
  /** Recipients this is about, when not all of the message's. */
  readonly recipients?: readonly string[];
  readonly egressPool?: string | null;
  readonly egressSource?: string | null;
  readonly sourceAddress?: { address: string; server?: string; protocol?: string } | null;
  readonly deliveryProtocol?: string | null;
  readonly tls?: {
    cipher: string;
    protocolVersion: string;
    peerSubjectName: readonly string[];
  } | null;
  readonly providerName?: string | null;
  readonly sessionId?: string | null;
  readonly feedbackReport?: JsonObject;
  /** Overrides for records that are not about a message of ours (Rejection, OOB). */
  readonly override?: {
    sender?: string;
    recipient?: string | readonly string[];
    size?: number;
    numAttempts?: number;
    timestampMs?: EpochMs;
    meta?: JsonObject;
    receptionProtocol?: string | null;
  };
  /** The attempt this ended, when there was one; the store joins record and attempt. */
  readonly attemptId?: number;
  /** Which recipient rows changed: `message.rowSeq + index`. Default: those of `recipients`, else all. */
  readonly rowSeqs?: readonly number[];
}

/**
 * Writes records: local logs, hooks, the store and the live tail. Resolves when the record has
 * been handed to every logger (waiting is how back pressure reaches a client), not when flushed.
 */
export interface DispositionLog {
  record(disposition: Disposition): Promise<LogRecord>;
}
