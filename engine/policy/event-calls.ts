/**
 * The catalogue of events, called: each method makes the Lua arguments of its event, says what kind
 * of answer is wanted and what holds when no handler is registered. How a context is found and
 * given back is the present policy's matter (present-policy.ts).
 *
 * Long because it has one method for each event of `PolicyEvents`.
 *
 * Source: reference `lua-api.md` §2.
 */
import type { AuthInfo, ConnectionMeta } from '../mail/connection-meta.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { AddressObject } from './bindings/address.ts';
import { authInfoForLua, ConnectionMetaObject } from './bindings/connection-meta.ts';
import { MessageObject } from './bindings/message-object.ts';
import { DEFAULT_EGRESS_PATH, DEFAULT_QUEUE_CONFIG } from './bindings/settings.ts';
import { TimeDelta } from './bindings/time-values.ts';
import type { AuthResult, LuaConnection, PolicyEvents } from './events.ts';
import type { EventTrace } from './event-call.ts';
import type { LuaValue } from './lua/lua-value.ts';
import { jsonWithNulls } from './lua-json.ts';
import { notRegistered, type PresentPolicy } from './present-policy.ts';
import {
  aclDefinition,
  addressBatches,
  authResult,
  egressPath,
  egressPool,
  egressSource,
  isTrue,
  listenerDomain,
  optionalInteger,
  optionalStrings,
  overrides,
  queueConfig,
  rewrittenResponse,
} from './returned-values.ts';
import type { PolicyServices } from './services.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  ListenerDomain,
  QueueConfig,
} from './settings.ts';

export class EventCalls implements PolicyEvents {
  readonly #policy: PresentPolicy;
  readonly #diagnostic: PolicyServices['diagnostic'];

  /** @param diagnostic is told of failures that change nothing */
  constructor(policy: PresentPolicy, diagnostic: PolicyServices['diagnostic']) {
    this.#policy = policy;
    this.#diagnostic = diagnostic;
  }

  has(event: string): boolean {
    return this.#policy.has(event);
  }

  // ---- SMTP reception ----

  smtpServerGetDynamicParameters(
    listener: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<JsonObject | null> {
    return this.#policy.ask<JsonObject | null>({
      event: 'smtp_server_get_dynamic_parameters',
      args: [listener, new ConnectionMetaObject(meta)],
      trace,
      convert: overrides,
      missing: () => null,
    });
  }

  smtpServerConnectionAccepted(meta: ConnectionMeta, trace: EventTrace | null): Promise<void> {
    return this.#tell('smtp_server_connection_accepted', [new ConnectionMetaObject(meta)], trace);
  }

  smtpServerEhlo(
    domain: string,
    meta: ConnectionMeta,
    extensions: readonly string[] | null,
    trace: EventTrace | null,
  ): Promise<string[] | null> {
    const list = extensions === null ? [] : [[...extensions]];
    return this.#policy.ask({
      event: 'smtp_server_ehlo',
      args: [domain, new ConnectionMetaObject(meta), ...list],
      trace,
      convert: (values) => (extensions === null ? null : optionalStrings(values)),
      missing: () => null,
    });
  }

  smtpServerAuthPlain(
    authz: string,
    authc: string,
    password: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<AuthResult> {
    return this.#policy.ask<AuthResult>({
      event: 'smtp_server_auth_plain',
      args: [authz, authc, password, new ConnectionMetaObject(meta)],
      trace,
      secretArgs: [3],
      convert: authResult,
      missing: () => false,
    });
  }

  smtpServerMailFrom(
    address: EnvelopeAddress,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void> {
    const args = [new AddressObject(address), new ConnectionMetaObject(meta)];
    return this.#tell('smtp_server_mail_from', args, trace);
  }

  getListenerDomain(
    domain: string,
    listener: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<ListenerDomain | null> {
    return this.#policy.ask<ListenerDomain | null>({
      event: 'get_listener_domain',
      args: [domain, listener, new ConnectionMetaObject(meta)],
      trace,
      convert: listenerDomain,
      missing: () => null,
    });
  }

  smtpServerRcptTo(
    address: EnvelopeAddress,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void> {
    const args = [new AddressObject(address), new ConnectionMetaObject(meta)];
    return this.#tell('smtp_server_rcpt_to', args, trace);
  }

  smtpServerData(message: Message, meta: ConnectionMeta, trace: EventTrace | null): Promise<void> {
    return this.#tell('smtp_server_data', messageArgs(message, meta), trace);
  }

  smtpServerSplitTransaction(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<EnvelopeAddress[][] | null> {
    return this.#policy.ask<EnvelopeAddress[][] | null>({
      event: 'smtp_server_split_transaction',
      args: messageArgs(message, meta),
      trace,
      convert: addressBatches,
      missing: () => null,
    });
  }

  smtpServerMessageReceived(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void> {
    return this.#tell('smtp_server_message_received', messageArgs(message, meta), trace);
  }

  smtpServerMessageDeferredInject(
    message: Message,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<void> {
    return this.#tell('smtp_server_message_deferred_inject', messageArgs(message, meta), trace);
  }

  async smtpServerRewriteResponse(
    status: number,
    text: string,
    command: string | null,
    meta: ConnectionMeta,
    trace: EventTrace | null = null,
  ): Promise<{ status: number | null; text: string | null }> {
    const nothing = { status: null, text: null };
    if (!this.has(REWRITE_EVENT)) return nothing;
    try {
      return await this.#policy.ask({
        event: REWRITE_EVENT,
        args: [status, text, command, new ConnectionMetaObject(meta)],
        trace,
        convert: rewrittenResponse,
        missing: () => nothing,
      });
    } catch (error) {
      this.#diagnostic('error', `${REWRITE_EVENT}: ${(error as Error).message}`);
      return nothing;
    }
  }

  // ---- HTTP reception ----

  httpServerValidateAuthBasic(user: string, password: string | null): Promise<AuthResult> {
    return this.#policy.ask<AuthResult>({
      event: 'http_server_validate_auth_basic',
      args: [user, password],
      trace: null,
      convert: authResult,
      missing: () => false,
    });
  }

  httpServerValidateAuthBearer(token: string): Promise<AuthResult> {
    return this.#policy.ask<AuthResult>({
      event: 'http_server_validate_auth_bearer',
      args: [token],
      trace: null,
      convert: authResult,
      missing: () => false,
    });
  }

  httpMessageGenerated(message: Message, auth: AuthInfo, trace: EventTrace | null): Promise<void> {
    const args: LuaValue[] = [new MessageObject(message), authInfoForLua(auth)];
    return this.#tell('http_message_generated', args, trace);
  }

  // ---- queues ----

  getQueueConfig(
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string | null,
    trace: EventTrace | null,
  ): Promise<QueueConfig> {
    return this.#policy.ask({
      event: 'get_queue_config',
      args: [domain, tenant, campaign, routingDomain],
      trace,
      convert: queueConfig,
      missing: () => DEFAULT_QUEUE_CONFIG,
    });
  }

  getEgressPool(name: string, trace: EventTrace | null): Promise<EgressPool> {
    return this.#lookUp('get_egress_pool', [name], trace, egressPool);
  }

  getEgressSource(name: string, trace: EventTrace | null): Promise<EgressSource> {
    return this.#lookUp('get_egress_source', [name], trace, egressSource);
  }

  getEgressPathConfig(
    routingDomain: string,
    source: string,
    site: string,
    trace: EventTrace | null,
  ): Promise<EgressPathConfig> {
    return this.#policy.ask({
      event: 'get_egress_path_config',
      args: [routingDomain, source, site],
      trace,
      convert: egressPath,
      missing: () => DEFAULT_EGRESS_PATH,
    });
  }

  throttleInsertReadyQueue(message: Message, trace: EventTrace | null): Promise<void> {
    return this.#tell('throttle_insert_ready_queue', [new MessageObject(message)], trace);
  }

  requeueMessage(
    message: Message,
    response: string,
    context: readonly string[],
    increment: boolean,
    delayMs: number | null,
    trace: EventTrace | null,
  ): Promise<void> {
    const delay = delayMs === null ? null : TimeDelta.ofMs(delayMs);
    const args: LuaValue[] = [new MessageObject(message), response, [...context], increment, delay];
    return this.#tell('requeue_message', args, trace);
  }

  /** The queue asks only when the rebind says so; then a missing handler is an error. */
  rebindMessage(message: Message, data: Readonly<Record<string, string>>): Promise<void> {
    const args: LuaValue[] = [new MessageObject(message), { ...data }];
    return this.#lookUp('rebind_message', args, null, () => undefined);
  }

  spoolMessageEnumerated(message: Message): Promise<void> {
    return this.#tell('spool_message_enumerated', [new MessageObject(message)], null);
  }

  smtpClientRewriteDeliveryStatus(
    response: string,
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string,
    trace: EventTrace | null,
  ): Promise<number | null> {
    return this.#policy.ask<number | null>({
      event: 'smtp_client_rewrite_delivery_status',
      args: [response, domain, tenant, campaign, routingDomain],
      trace,
      convert: ([value]) => optionalInteger(value, 'u16'),
      missing: () => null,
    });
  }

  // ---- logs ----

  shouldEnqueueLogRecord(message: Message, hook: string): Promise<boolean> {
    return this.#policy.ask({
      event: 'should_enqueue_log_record',
      args: [new MessageObject(message), hook],
      trace: null,
      convert: isTrue,
      missing: () => false,
    });
  }

  logDisposition(hook: string, message: Message, record: JsonObject): Promise<void> {
    const args: LuaValue[] = [new MessageObject(message), jsonWithNulls(record)];
    return this.#tell(`log_disposition_${hook}`, args, null);
  }

  async filterLog(event: string, message: Message): Promise<boolean> {
    try {
      return await this.#policy.ask({
        event,
        args: [new MessageObject(message)],
        trace: null,
        convert: isTrue,
        missing: () => false,
      });
    } catch (error) {
      this.#diagnostic('error', `${event}: ${(error as Error).message}`);
      return false;
    }
  }

  getAclDefinition(resource: string): Promise<JsonValue | null> {
    return this.#policy.ask<JsonValue | null>({
      event: 'get_acl_definition',
      args: [resource],
      trace: null,
      convert: aclDefinition,
      missing: () => null,
    });
  }

  shutdownLogging(): Promise<void> {
    return this.#tell('shutdown_logging', [], null);
  }

  // ---- custom Lua delivery ----

  construct(
    constructor: string,
    domain: string,
    tenant: string | null,
    campaign: string | null,
    trace: EventTrace | null,
  ): Promise<LuaConnection> {
    return this.#policy.construct(constructor, [domain, tenant, campaign], trace);
  }

  // ---- inside ----

  #tell(event: string, args: readonly LuaValue[], trace: EventTrace | null): Promise<void> {
    return this.#policy.ask({ event, args, trace, convert: ignore, missing: ignore });
  }

  /** A missing handler is an error. */
  #lookUp<T>(
    event: string,
    args: readonly LuaValue[],
    trace: EventTrace | null,
    convert: (values: readonly LuaValue[]) => T,
  ): Promise<T> {
    return this.#policy.ask({
      event,
      args,
      trace,
      convert,
      missing: () => {
        throw notRegistered(event);
      },
    });
  }
}

const REWRITE_EVENT = 'smtp_server_rewrite_response';

function ignore(): void {
  // What these events return does not matter.
}

function messageArgs(message: Message, meta: ConnectionMeta): LuaValue[] {
  return [new MessageObject(message), new ConnectionMetaObject(meta)];
}
