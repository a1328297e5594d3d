/**
 * Messages made by scripts: `kumo.make_message`, `kumo.inject_message`, the Lua side of the HTTP
 * injection API, non-delivery reports.
 *
 * Source: reference `lua-api.md` §3.4; `http-logs-reception.md` §5.4.
 */
import { uuidV4 } from '../../base/ids.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import { NULL_SENDER } from '../../mail/envelope.ts';
import type { JsonObject } from '../../mail/json.ts';
import { Message } from '../../mail/message.ts';
import { nonDeliveryReport } from '../../mail/non-delivery.ts';
import { parseEnvelopeAddress } from '../../mail/path.ts';
import { applySupplementalHeader } from '../../mail/trace-headers.ts';
import { TRACE_HEADERS, traceHeaders } from '../config-esmtp.ts';
import { deserialize } from '../config-read.ts';
import { bool, defaulted, enumeration, required, struct, text } from '../config-serde.ts';
import type { HostCall, HostFunction, HostResult } from '../lua/host-function.ts';
import { luaToJson } from '../lua-json.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';
import { MessageObject } from './message-object.ts';

/** Who a script is when it injects: KumoMTA's own identity. */
const SCRIPT_IDENTITY: AuthInfo = {
  peerAddress: '127.0.0.1',
  identities: [{ identity: 'kumomta.internal', context: 'LocalSystem' }],
  groups: [],
};

const NON_DELIVERY = struct('NdrParams', {
  include_original_message: defaulted(
    enumeration('No', 'HeadersOnly', 'FullContent'),
    'FullContent',
  ),
  enable_expiration: defaulted(bool, false),
  enable_bounce: defaulted(bool, false),
  reporting_mta: required(struct('RemoteMta', { mta_type: required(text), name: required(text) })),
  stable_content: defaulted(bool, false),
});

export function injectionBindings(deps: CoreDeps): Bindings {
  const { services } = deps;
  const fn = (
    effect: HostFunction['effect'],
    signature: string,
    doc: string,
    run: HostFunction['run'],
  ): HostFunction => ({ effect, signature, doc, run });
  return {
    modules: [
      {
        path: ['kumo'],
        functions: {
          make_message: fn(
            'read',
            'make_message(sender, recipient, body) -> Message',
            'A new message that belongs to no queue yet.',
            (call) => makeMessage(deps, call),
          ),
          inject_message: fn(
            'write',
            'inject_message(msg, deferred_spool?)',
            'Puts a message into its queue.',
            async (call) => {
              const { message } = call.object(1, MessageObject);
              await services.injectMessage(message, call.boolean(2));
              return undefined;
            },
          ),
          apply_supplemental_trace_header: fn(
            'write',
            'apply_supplemental_trace_header(msg, params?)',
            'Adds the header that identifies the message in reports.',
            (call) => {
              const { message } = call.object(1, MessageObject);
              const given = call.isNil(2) ? {} : call.value(2);
              const read = deserialize(TRACE_HEADERS, given, (o) => call.context.pairsOf(o));
              applySupplementalHeader(message, traceHeaders(read));
              return undefined;
            },
          ),
          generate_rfc3464_message: fn(
            'read',
            'generate_rfc3464_message(params, msg | nil, log_record) -> Message',
            'A non-delivery report; nil when none is due.',
            (call) => generateReport(deps, call),
          ),
        },
      },
      {
        path: ['kumo', 'api', 'inject'],
        functions: {
          inject_v1: fn(
            'write',
            'inject_v1(request) -> table',
            'What the HTTP route /api/inject/v1 does.',
            (call) => services.injectV1(luaToJson(call.value(1)), SCRIPT_IDENTITY),
          ),
          build_v1: fn(
            'read',
            'build_v1(request) -> array',
            'The messages of a request, not injected.',
            async (call) => {
              const messages = await services.buildV1(luaToJson(call.value(1)), SCRIPT_IDENTITY);
              return messages.map((message) => new MessageObject(message));
            },
          ),
        },
      },
    ],
    types: [],
  };
}

function makeMessage(deps: CoreDeps, call: HostCall): HostResult {
  const [sender, recipient] = [call.string(1), call.string(2)].map(parseEnvelopeAddress);
  const message = new Message({
    id: deps.ids.next(),
    sender: sender ?? NULL_SENDER,
    recipients: recipient ? [recipient] : [],
    meta: {},
    data: call.bytes(3),
  });
  return new MessageObject(message);
}

/** @throws {Error} the third argument is not a log record */
function recordOf(call: HostCall): JsonObject {
  const record = luaToJson(call.value(3));
  if (typeof record === 'object' && record !== null && !Array.isArray(record)) return record;
  const type = call.isNil(3) ? 'nil' : call.typeName(3);
  throw new Error(
    `deserialize error: invalid type: ${type}, expected table, while processing ${JSON.stringify(record)}`,
  );
}

function generateReport(deps: CoreDeps, call: HostCall): HostResult {
  const params = deserialize(NON_DELIVERY, call.value(1), (o) => call.context.pairsOf(o));
  const original = call.isNil(2) ? null : call.object(2, MessageObject).message;
  const report = nonDeliveryReport(
    {
      includeOriginalMessage: params.include_original_message,
      enableExpiration: params.enable_expiration,
      enableBounce: params.enable_bounce,
      reportingMta: { mtaType: params.reporting_mta.mta_type, name: params.reporting_mta.name },
      stableContent: params.stable_content,
    },
    original?.data ?? null,
    recordOf(call),
    { messageId: uuidV4(deps.random), random: deps.random },
  );
  if (!report) return undefined;
  const message = new Message({
    id: deps.ids.next(),
    sender: NULL_SENDER,
    recipients: [parseEnvelopeAddress(report.recipient)],
    meta: {},
    data: report.data,
  });
  return new MessageObject(message);
}
