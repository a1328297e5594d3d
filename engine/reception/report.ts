/**
 * Whether a received message is a report about earlier mail that the recipient's domain wants
 * logged: a complaint (ARF) or a delivery report (OOB). A complaint is looked for first.
 *
 * Source: RFC 5965, RFC 3464; `log_arf` and `log_oob` of `kumo.make_listener_domain`.
 */
import type { JsonObject } from '../mail/json.ts';
import { parseDeliveryReport, reportedFailures } from '../mail/report-rfc3464.ts';
import type { ReportedFailure } from '../mail/report-rfc3464.ts';
import { parseFeedbackReport } from '../mail/report-rfc5965.ts';
import type { LogDispositionMode } from '../policy/settings.ts';
import type { RelayDecision } from './relay.ts';

export type Report =
  | {
      readonly kind: 'complaint';
      /** What becomes of the report itself; decides about relaying, whoever sent it. */
      readonly disposition: LogDispositionMode;
      readonly feedback: JsonObject;
    }
  | {
      readonly kind: 'failures';
      readonly disposition: LogDispositionMode;
      readonly failures: readonly ReportedFailure[];
    };

/** Null for ordinary mail, and for any mail to a domain that logs no reports. */
export function readReport(data: Uint8Array, decision: RelayDecision): Report | null {
  const { logArf, logOob } = decision;
  if (logArf !== 'Ignore') {
    const feedback = parseFeedbackReport(data);
    if (feedback) return { kind: 'complaint', disposition: logArf, feedback };
  }
  if (logOob !== 'Ignore') {
    const report = parseDeliveryReport(data);
    if (report) {
      return { kind: 'failures', disposition: logOob, failures: reportedFailures(report) };
    }
  }
  return null;
}
