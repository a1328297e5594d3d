/**
 * A request to inject messages, read and checked.
 *
 * Source: reference `http-logs-reception.md` §1.1.
 */
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import type { TemplateDialect } from '../../mail/template.ts';
import type { TraceHeaderSettings } from '../../policy/settings.ts';
import { JsonFault, readJson } from './json-reader.ts';
import type { Shape } from './json-reader.ts';
import {
  anything,
  flag,
  listOf,
  mapOf,
  nullable,
  optional,
  recordOf,
  required,
  text,
  wordOf,
} from './json-shapes.ts';
import type { RecordOf } from './json-shapes.ts';

const MAILBOX = recordOf('FromHeader', {
  email: required(text),
  name: optional(nullable(text), () => null),
});

const ATTACHMENT = recordOf('Attachment', {
  data: required(text),
  content_type: required(text),
  content_id: optional(nullable(text), () => null),
  file_name: optional(nullable(text), () => null),
  base64: optional(flag, () => false),
});

const BUILDER = recordOf('Content', {
  text_body: optional(nullable(text), () => null),
  html_body: optional(nullable(text), () => null),
  amp_html_body: optional(nullable(text), () => null),
  attachments: optional(listOf(ATTACHMENT), () => []),
  headers: optional<Record<string, string>>(mapOf(text), () => ({})),
  from: optional(nullable(MAILBOX), () => null),
  subject: optional(nullable(text), () => null),
  reply_to: optional(nullable(MAILBOX), () => null),
});

const CONTENT: Shape<string | RecordOf<BuilderFields>> = (reader) =>
  reader.oneOf<string | RecordOf<BuilderFields>>(
    [text, BUILDER],
    'data did not match any variant of untagged enum Content',
  );

type BuilderFields = typeof BUILDER extends Shape<RecordOf<infer F>> ? F : never;

const RECIPIENT = recordOf('Recipient', {
  email: required(text),
  name: optional(nullable(text), () => null),
  substitutions: optional<JsonObject>(mapOf(anything), () => ({})),
  metadata: optional<JsonObject>(mapOf(anything), () => ({})),
});

/** The fields of a given table default to true; without a table there is no Received header. */
const TRACE_HEADERS = recordOf('TraceHeaders', {
  received_header: optional(flag, () => true),
  supplemental_header: optional(flag, () => true),
  header_name: optional(text, () => 'X-KumoRef'),
  include_meta_names: optional(listOf(text), () => []),
});

const DEFAULT_TRACE_HEADERS: RecordOf<TraceFields> = {
  received_header: false,
  supplemental_header: true,
  header_name: 'X-KumoRef',
  include_meta_names: [],
};

type TraceFields = typeof TRACE_HEADERS extends Shape<RecordOf<infer F>> ? F : never;

export const INJECT_REQUEST = recordOf('InjectV1Request', {
  envelope_sender: required(text),
  recipients: required(listOf(RECIPIENT)),
  content: required(CONTENT),
  substitutions: optional<JsonObject>(mapOf(anything), () => ({})),
  deferred_spool: optional(flag, () => false),
  deferred_generation: optional(flag, () => false),
  trace_headers: optional(TRACE_HEADERS, () => DEFAULT_TRACE_HEADERS),
  template_dialect: optional<TemplateDialect>(
    wordOf<TemplateDialect>(['Jinja', 'Static', 'Handlebars']),
    () => 'Jinja',
  ),
});

export type InjectMailbox = ReturnType<typeof MAILBOX>;
export type InjectAttachment = ReturnType<typeof ATTACHMENT>;
export type InjectContent = ReturnType<typeof BUILDER>;
export type InjectRecipient = ReturnType<typeof RECIPIENT>;
export type InjectRequest = ReturnType<typeof INJECT_REQUEST>;

/** @throws {JsonFault} it is no JSON, or not this request */
export function readInjectRequest(bytes: Uint8Array): InjectRequest {
  return readJson(bytes, INJECT_REQUEST);
}

/**
 * The request of a script. An empty Lua table is a map, and a list where one is wanted.
 * @throws {Error} in mlua's words: no path and no place
 */
export function injectRequestOf(value: JsonValue): InjectRequest {
  const request =
    isRecord(value) && isEmptyRecord(value['recipients']) ? { ...value, recipients: [] } : value;
  try {
    return readInjectRequest(Buffer.from(JSON.stringify(request)));
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new Error(`deserialize error: ${error.reason}`, { cause: error });
  }
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmptyRecord(value: JsonValue | undefined): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

/** The request as JSON text, to be carried out later. */
export function storedRequest(request: InjectRequest): string {
  return JSON.stringify({ ...request, deferred_generation: false } satisfies JsonLike);
}

type JsonLike = Readonly<Record<string, unknown>>;

export function traceSettings(request: InjectRequest): TraceHeaderSettings {
  const { trace_headers: t } = request;
  return {
    receivedHeader: t.received_header,
    supplementalHeader: t.supplemental_header,
    headerName: t.header_name,
    includeMetaNames: t.include_meta_names,
  };
}

/** What templates know about one recipient; later layers win. */
export function templateContext(
  request: InjectRequest,
  recipient: InjectRecipient,
  toHeader: string,
): JsonObject {
  return {
    ...request.substitutions,
    email: recipient.email,
    ...(recipient.name === null ? {} : { name: recipient.name }),
    to_header: toHeader,
    ...recipient.substitutions,
  };
}
