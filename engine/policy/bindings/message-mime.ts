/**
 * Message methods on the content: MIME structure, conformance, reports, footers.
 *
 * Source: reference `lua-api.md` §4.1.
 */
import { uuidV4 } from '../../base/ids.ts';
import { checkFixConformance, parseConformanceFlags } from '../../mail/conformance.ts';
import type { Message } from '../../mail/message.ts';
import { appendTextHtml, appendTextPlain } from '../../mail/mime/append-text.ts';
import { boundarySource } from '../../mail/mime/builder.ts';
import { MimePart } from '../../mail/mime/part.ts';
import { deliveryReportJson, parseDeliveryReport } from '../../mail/report-rfc3464.ts';
import { parseFeedbackReport } from '../../mail/report-rfc5965.ts';
import { deserialize } from '../config-read.ts';
import { bool, defaulted, list, optional, struct, text } from '../config-serde.ts';
import type { HostCall, HostResult } from '../lua/host-function.ts';
import type { CoreDeps } from './core-deps.ts';
import { replaceData } from './message-headers.ts';
import { method, type MessageMethods } from './message-object.ts';
import { MimePartObject } from './mimepart.ts';

const CONFORMANCE_SETTINGS = struct('CheckFixSettings', {
  detect_encoding: defaulted(bool, false),
  include_encodings: defaulted(list(text), []),
  exclude_encodings: defaulted(list(text), []),
  message_id: optional(text),
});

export function mimeMethods(deps: CoreDeps): MessageMethods {
  return {
    parse_mime: method(
      'read',
      'parse_mime() -> MimePart',
      'The parts of the message as they are now; changing them does not change the message.',
      (m) => new MimePartObject(MimePart.parse(m.data)),
    ),
    parse_rfc3464: method(
      'read',
      'parse_rfc3464() -> table',
      'The delivery report in the message, if it is one.',
      (m) => {
        const report = parseDeliveryReport(m.data);
        return report && deliveryReportJson(report);
      },
    ),
    parse_rfc5965: method(
      'read',
      'parse_rfc5965() -> table',
      'The feedback report in the message, if it is one.',
      (m) => parseFeedbackReport(m.data),
    ),
    append_text_plain: method(
      'write',
      'append_text_plain(text) -> boolean',
      'Adds text to the plain part.',
      (m, call) => append(m, appendTextPlain(m.data, call.string(1))),
    ),
    append_text_html: method(
      'write',
      'append_text_html(html) -> boolean',
      'Adds HTML to the HTML part.',
      (m, call) => append(m, appendTextHtml(m.data, call.string(1))),
    ),
    check_fix_conformance: method(
      'write',
      'check_fix_conformance(checks, fixes, settings?) -> string',
      'Checks and mends the message; nil when all is well.',
      (m, call) => checkFix(deps, m, call),
    ),
  };
}

function append(message: Message, changed: Uint8Array | undefined): HostResult {
  if (changed) message.data = changed;
  return changed !== undefined;
}

function checkFix(deps: CoreDeps, message: Message, call: HostCall): HostResult {
  const checks = parseConformanceFlags(call.string(1));
  const fixes = parseConformanceFlags(call.string(2));
  const settings = deserialize(CONFORMANCE_SETTINGS, call.isNil(3) ? {} : call.value(3), (object) =>
    call.context.pairsOf(object),
  );
  const boundaries = boundarySource(deps.random);
  const { complaint, data } = checkFixConformance(message.data, checks, fixes, {
    messageId: settings.message_id ?? `${uuidV4(deps.random)}@${message.sender.domain}`,
    dateMs: deps.mailClock.now(),
    makeBoundary: () => boundaries.next(),
    detectEncoding: settings.detect_encoding,
    includeEncodings: settings.include_encodings,
    excludeEncodings: settings.exclude_encodings,
  });
  replaceData(message, data);
  return complaint ?? undefined;
}
