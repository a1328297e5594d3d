/**
 * The catalogue of calls into Lua, typed. `EventCalls` (event-calls.ts) implements it. Stages
 * call these and nothing else of the policy.
 *
 * Each method resolves to what the handler returned, checked, or to the event's default when no
 * handler is registered (then it costs next to nothing; `has` tells beforehand).
 *
 * Errors: `PolicyReject` for `kumo.reject`/`kumo.disconnect`; `PolicyError` for anything else the
 * script raised, a return value of the wrong kind, or a budget that ran out.
 *
 * Source: reference `lua-api.md` §2; `events/` pages in `docs/reference`.
 */
import type { AuthInfo, ConnectionMeta } from '../mail/connection-meta.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { EventTrace } from './event-call.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  ListenerDomain,
  QueueConfig,
} from './settings.ts';

/** `kumo.reject(code, text)` or `kumo.disconnect(code, text, mode)`. */
export class PolicyReject extends Error {
  readonly code: number;
  readonly text: string;
  readonly mode: 'If421' | 'FollowWith421' | 'ForceDisconnect';

  constructor(code: number, text: string, mode: 'If421' | 'FollowWith421' | 'ForceDisconnect') {
    super(`${code} ${text}`);
    this.name = 'PolicyReject';
    this.code = code;
    this.text = text;
    this.mode = mode;
  }
}

/** Any other failure of a handler. `message` is KumoMTA's text including `stack traceback:`. */
export class PolicyError extends Error {
  readonly event: string | null;
  readonly file: string | null;
  readonly line: number | null;

  constructor(
    message: string,
    place: { event?: string; file?: string; line?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: place.cause });
    this.name = 'PolicyError';
    this.event = place.event ?? null;
    this.file = place.file ?? null;
    this.line = place.line ?? null;
  }
}

/** `bool` or an AuthInfo table, as the auth events may return. */
export type AuthResult = boolean | AuthInfo;

/** One custom-Lua connection: what a constructor returned, in a context of its own. */
export interface LuaConnection {
  /**
   * Calls `send` (batch size 1) or `send_batch`; resolves to the returned text.
   * @throws PolicyReject as the script said; PolicyError with KumoMTA's chain of contexts
   */
  send(messages: readonly Message[], batchSize: number, trace: EventTrace | null): Promise<string>;
  /** Calls `close` when the object has one. Errors are logged, never thrown. */
  close(): Promise<void>;
  /** Gives the context back without calling anything. */
  release(): void;
}

export interface PolicyEvents {
  /** Whether the current policy registered a handler for this event. */
  has(event: string): boolean;

  smtpServerGetDynamicParameters(
    listener: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<JsonObject | null>;
  smtpServerConnectionAccepted(meta: ConnectionMeta, trace: EventTrace | null): Promise<void>;
  /** `extensions` is null for HELO. Resolves to the replacement list or null. */
  smtpServerEhlo(
    domain: string,
    meta: ConnectionMeta,
    extensions: readonly string[] | null,
    trace: EventTrace | null,
  ): Promise<string[] | null>;
  smtpServerAuthPlain(
    authz: string,
    authc: string,
    password: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<AuthResult>;
  smtpServerMailFrom(
    address: EnvelopeAddress,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void>;
  getListenerDomain(
    domain: string,
    listener: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<ListenerDomain | null>;
  smtpServerRcptTo(
    address: EnvelopeAddress,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void>;
  smtpServerData(message: Message, meta: ConnectionMeta, trace: EventTrace | null): Promise<void>;
  /** Null: the listener's `batch_handling` decides. */
  smtpServerSplitTransaction(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<EnvelopeAddress[][] | null>;
  smtpServerMessageReceived(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void>;
  smtpServerMessageDeferredInject(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void>;
  /** Called for every reply; errors are logged and give nulls. */
  smtpServerRewriteResponse(
    status: number,
    text: string,
    command: string | null,
    meta: ConnectionMeta,
    trace?: EventTrace | null,
  ): Promise<{ status: number | null; text: string | null }>;

  httpServerValidateAuthBasic(user: string, password: string | null): Promise<AuthResult>;
  httpServerValidateAuthBearer(token: string): Promise<AuthResult>;
  httpMessageGenerated(message: Message, auth: AuthInfo, trace: EventTrace | null): Promise<void>;

  getQueueConfig(
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string | null,
    trace: EventTrace | null,
  ): Promise<QueueConfig>;
  /** Never asked for `unspecified`: that pool and source are built in. */
  getEgressPool(name: string, trace: EventTrace | null): Promise<EgressPool>;
  getEgressSource(name: string, trace: EventTrace | null): Promise<EgressSource>;
  getEgressPathConfig(
    routingDomain: string,
    source: string,
    site: string,
    trace: EventTrace | null,
  ): Promise<EgressPathConfig>;

  throttleInsertReadyQueue(message: Message, trace: EventTrace | null): Promise<void>;
  /** `delayMs` null when KumoMTA passes nil. */
  requeueMessage(
    message: Message,
    response: string,
    context: readonly string[],
    increment: boolean,
    delayMs: number | null,
    trace: EventTrace | null,
  ): Promise<void>;
  rebindMessage(message: Message, data: Readonly<Record<string, string>>): Promise<void>;
  spoolMessageEnumerated(message: Message): Promise<void>;
  smtpClientRewriteDeliveryStatus(
    response: string,
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string,
    trace: EventTrace | null,
  ): Promise<number | null>;

  shouldEnqueueLogRecord(message: Message, hook: string): Promise<boolean>;
  logDisposition(hook: string, message: Message, record: JsonObject): Promise<void>;
  /** A local log's `filter_event`: false when the handler is missing or fails. */
  filterLog(event: string, message: Message): Promise<boolean>;
  getAclDefinition(resource: string): Promise<JsonValue | null>;
  shutdownLogging(): Promise<void>;

  /**
   * Takes a context for one custom-Lua session and calls the constructor with
   * (domain, tenant, campaign).
   * @throws PolicyError when it is not registered or raises; a reject is no different
   */
  construct(
    constructor: string,
    domain: string,
    tenant: string | null,
    campaign: string | null,
    trace: EventTrace | null,
  ): Promise<LuaConnection>;
}
