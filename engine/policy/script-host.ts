/**
 * The policy: loads it, keeps its contexts, and answers the events that the stages ask
 * (`PolicyEvents`). A new version is run once in a fresh context before it replaces the present one;
 * a broken file changes nothing. Transactions under way finish in the contexts they have.
 *
 *     const host = new ScriptHost(options);
 *     const loaded = await host.load('/workspace/policy/init.lua');   // { ok } or { ok: false, error }
 *     await host.init();                                              // pre_init, init: once
 *     …                                                               // PolicyEvents
 *     await host.close();
 *
 * Source: reference `lua-api.md` §1, §2.
 *
 * Long because it has one method for each event of the catalogue.
 */
import type { AuthInfo, ConnectionMeta } from '../mail/connection-meta.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { GcraStore } from '../base/gcra.ts';
import { AddressObject } from './bindings/address.ts';
import { allBindings } from './bindings/all-groups.ts';
import type { BindingDeps, Bindings } from './bindings/bindings.ts';
import { authInfoForLua, ConnectionMetaObject } from './bindings/connection-meta.ts';
import type { CoreDeps } from './bindings/core-deps.ts';
import { readKey } from './bindings/key-source.ts';
import { MessageObject } from './bindings/message-object.ts';
import { DEFAULT_EGRESS_PATH, DEFAULT_QUEUE_CONFIG } from './bindings/settings.ts';
import { TimeDelta } from './bindings/time-values.ts';
import { ContextFactory, policyErrorOf } from './context-factory.ts';
import { ContextPool } from './context-pool.ts';
import { EventDispatcher, type EventRequest } from './event-dispatcher.ts';
import {
  PolicyError,
  PolicyReject,
  type AuthResult,
  type LuaConnection,
  type PolicyEvents,
} from './events.ts';
import type { EventTrace } from './event-call.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Gate } from './lua/registration.ts';
import type { LuaValue } from './lua/lua-value.ts';
import { LuaSession } from './lua-session.ts';
import { jsonWithNulls } from './lua-json.ts';
import { PolicySource } from './policy-source.ts';
import { PolicyWorld } from './policy-world.ts';
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
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  KeySource,
  ListenerDomain,
  QueueConfig,
} from './settings.ts';

/** Lua time and memory of one call in ordinary mode. */
const ORDINARY_BUDGET_MS = 5_000;
const ORDINARY_MEMORY_BYTES_MAX = 256 * 1024 * 1024;

export interface ScriptHostOptions {
  readonly deps: Omit<BindingDeps, 'callEvent'>;
  /** KumoMTA's ways: no budgets, `print` to stdout, programs may be run. */
  readonly isStrict: boolean;
  readonly isValidating?: boolean;
  /** Folder that holds `policy-extras/`, in place of `/opt/kumomta/share`. */
  readonly extrasDir: string | null;
  /** A Lua module that every context loads after the policy; its events are not the policy's. */
  readonly companion?: string;
  /** Null: unlimited. Default: as the mode says. */
  readonly budgetMs?: number | null;
  readonly memoryBytesMax?: number | null;
  /** The rate counters that queues use, too. */
  readonly gcra?: GcraStore;
  /** Told of every event that a handler is called for. */
  readonly onEvent?: (event: string, seconds: number) => void;
  readonly stdout?: (bytes: Uint8Array) => void;
  readonly exit?: (code: number) => void;
  /** Replaces host functions by their effect (dry runs). */
  readonly gate?: Gate;
  /** Begins with copies of what the contexts of another host share. */
  readonly forkOf?: PolicyWorld;
  /** Of another host: whoever watches that one notices a hang of this one. */
  readonly heartbeat?: Heartbeat;
  /** Unsaved texts of policy files, by absolute path. */
  readonly edited?: ReadonlyMap<string, string>;
}

export interface PolicyProblem {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

export type LoadResult =
  { readonly ok: true } | { readonly ok: false; readonly error: PolicyProblem };

export class ScriptHost implements PolicyEvents {
  readonly world: PolicyWorld;
  readonly heartbeat: Heartbeat;
  readonly #options: ScriptHostOptions;
  readonly #deps: CoreDeps;
  readonly #bindings: readonly Bindings[];
  readonly #factory: ContextFactory;
  readonly #dispatcher: EventDispatcher;
  #pool: ContextPool | null = null;

  constructor(options: ScriptHostOptions) {
    const { deps, isStrict } = options;
    this.#options = options;
    this.world = new PolicyWorld({
      ...options,
      onPrint: (text) => deps.services.diagnostic('info', text),
    });
    this.world.events = this;
    if (options.forkOf) this.world.copyFrom(options.forkOf, deps);
    this.heartbeat = options.heartbeat ?? new Heartbeat();
    this.#deps = {
      ...deps,
      world: this.world,
      callEvent: (event, args) => this.callEvent(event, args),
    };
    this.#bindings = allBindings(this.#deps);
    const { budgetMs = isStrict ? null : ORDINARY_BUDGET_MS } = options;
    const { memoryBytesMax = isStrict ? null : ORDINARY_MEMORY_BYTES_MAX } = options;
    this.#factory = new ContextFactory({
      world: this.world,
      bindings: this.#bindings,
      clock: deps.clock,
      random: deps.random,
      heartbeat: this.heartbeat,
      budgetMs,
      memoryBytesMax,
      gate: options.gate ?? null,
      companion: options.companion ?? null,
      warn: (text) => deps.services.diagnostic('warn', text.trimEnd()),
    });
    this.#dispatcher = new EventDispatcher(deps.clock, options.onEvent);
  }

  // ---- the policy itself ----

  /** The loaded policy file; null before the first success. */
  get file(): string | null {
    return this.#pool?.source.file ?? null;
  }

  /** Runs `file` in a fresh context; when that succeeds it is the policy from now on. */
  async load(file: string): Promise<LoadResult> {
    let pool: ContextPool;
    try {
      const source = PolicySource.read(file, {
        mapPath: this.#options.deps.mapPath,
        extrasDir: this.#options.extrasDir,
        ...(this.#options.edited ? { edited: this.#options.edited } : {}),
      });
      pool = new ContextPool(source, {
        factory: this.#factory,
        world: this.world,
        clock: this.#deps.clock,
        random: this.#deps.random,
      });
      this.world.policyFolder = source.folder;
      pool.put(await this.#factory.create(source));
    } catch (error) {
      const { message, file: where, line } = policyErrorOf(error, null, file);
      return { ok: false, error: { file: where ?? file, line, message } };
    }
    this.#pool?.close();
    this.#pool = pool;
    return { ok: true };
  }

  /**
   * Makes a new config epoch: idle contexts end, memoized values that depend on it are forgotten,
   * and the policy is read again.
   */
  async bumpEpoch(): Promise<LoadResult> {
    this.world.epoch++;
    this.#pool?.clear();
    const { file } = this;
    if (file === null) return { ok: true };
    const result = await this.load(file);
    if (!result.ok) {
      this.#deps.services.diagnostic('error', `policy not reloaded: ${result.error.message}`);
    }
    return result;
  }

  /**
   * `pre_init`, then `init`, in one context.
   * @throws {PolicyError} `call init callback: …`
   */
  async init(): Promise<void> {
    await this.#inOneContext(['pre_init', 'init']);
  }

  /** `validate_config`; whether the policy passed. */
  async validate(): Promise<boolean> {
    await this.#inOneContext(['validate_config']);
    return !this.world.validationFailed;
  }

  /** Calls an event that is not in the catalogue, in a context of its own. */
  callEvent(event: string, args: readonly LuaValue[]): Promise<readonly LuaValue[]> {
    return this.#ask({
      event,
      args,
      trace: null,
      convert: (values) => values,
      missing: () => {
        throw notRegistered(event);
      },
    });
  }

  /** The bytes that a key setting stands for. */
  async loadKey(source: KeySource): Promise<Uint8Array> {
    if (source.kind === 'event') {
      return readKey(this.#deps, { ...source, args: source.args as LuaValue[] });
    }
    return readKey(this.#deps, source);
  }

  async close(): Promise<void> {
    this.#pool?.close();
    this.#pool = null;
    for (const group of this.#bindings) await group.close?.();
  }

  /** Events with a handler in the present policy. */
  eventNames(): readonly string[] {
    return [...(this.#pool?.source.events ?? [])].sort();
  }

  has(event: string): boolean {
    return this.#pool?.source.events.has(event) ?? false;
  }

  // ---- SMTP reception ----

  smtpServerGetDynamicParameters(
    listener: string,
    meta: ConnectionMeta,
    trace: EventTrace | null,
  ): Promise<JsonObject | null> {
    return this.#ask<JsonObject | null>({
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
    return this.#ask({
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
    return this.#ask<AuthResult>({
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
    return this.#ask<ListenerDomain | null>({
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
    return this.#ask<EnvelopeAddress[][] | null>({
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
      return await this.#ask({
        event: REWRITE_EVENT,
        args: [status, text, command, new ConnectionMetaObject(meta)],
        trace,
        convert: rewrittenResponse,
        missing: () => nothing,
      });
    } catch (error) {
      this.#deps.services.diagnostic('error', `${REWRITE_EVENT}: ${(error as Error).message}`);
      return nothing;
    }
  }

  // ---- HTTP reception ----

  httpServerValidateAuthBasic(user: string, password: string | null): Promise<AuthResult> {
    return this.#ask<AuthResult>({
      event: 'http_server_validate_auth_basic',
      args: [user, password],
      trace: null,
      convert: authResult,
      missing: () => false,
    });
  }

  httpServerValidateAuthBearer(token: string): Promise<AuthResult> {
    return this.#ask<AuthResult>({
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
    return this.#ask({
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
    return this.#ask({
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
    return this.#ask<number | null>({
      event: 'smtp_client_rewrite_delivery_status',
      args: [response, domain, tenant, campaign, routingDomain],
      trace,
      convert: ([value]) => optionalInteger(value, 'u16'),
      missing: () => null,
    });
  }

  // ---- logs ----

  shouldEnqueueLogRecord(message: Message, hook: string): Promise<boolean> {
    return this.#ask({
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
      return await this.#ask({
        event,
        args: [new MessageObject(message)],
        trace: null,
        convert: isTrue,
        missing: () => false,
      });
    } catch (error) {
      this.#deps.services.diagnostic('error', `${event}: ${(error as Error).message}`);
      return false;
    }
  }

  getAclDefinition(resource: string): Promise<JsonValue | null> {
    return this.#ask<JsonValue | null>({
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

  async construct(
    constructor: string,
    domain: string,
    tenant: string | null,
    campaign: string | null,
    trace: EventTrace | null,
  ): Promise<LuaConnection> {
    const pool = this.#present();
    const context = await pool.take();
    const handler = context.handlers.get(constructor)?.[0];
    if (!handler) {
      pool.put(context);
      throw new PolicyError('error converting Lua nil to function', { event: constructor });
    }
    try {
      const ref = await this.#dispatcher.construct(
        context,
        { event: constructor, args: [domain, tenant, campaign], trace },
        handler,
      );
      return new LuaSession({
        context,
        ref,
        constructorName: constructor,
        clock: this.#deps.clock,
        done: (used, outcome) => (outcome === 'reusable' ? pool.put(used) : pool.discard(used)),
        log: (text) => this.#deps.services.diagnostic('error', text),
      });
    } catch (error) {
      pool.discard(context);
      throw error;
    }
  }

  // ---- inside ----

  #present(): ContextPool {
    if (!this.#pool) throw new PolicyError('Cannot ask the policy: none is loaded');
    return this.#pool;
  }

  async #ask<T>(request: EventRequest<T>): Promise<T> {
    const pool = this.#present();
    if (!pool.source.events.has(request.event)) return request.missing();
    const taken = pool.take();
    const context = taken instanceof Promise ? await taken : taken;
    let answer: T;
    try {
      const running = this.#dispatcher.run(context, request);
      answer = running instanceof Promise ? await running : running;
    } catch (error) {
      // KumoMTA drops the context after any error. A reject leaves it as sound as a success does,
      // and making another one for each suppressed recipient would cost more than the event.
      if (error instanceof PolicyReject && !this.world.isStrict) pool.put(context);
      else pool.discard(context);
      throw error;
    }
    pool.put(context);
    return answer;
  }

  #tell(event: string, args: readonly LuaValue[], trace: EventTrace | null): Promise<void> {
    return this.#ask({ event, args, trace, convert: ignore, missing: ignore });
  }

  #lookUp<T>(
    event: string,
    args: readonly LuaValue[],
    trace: EventTrace | null,
    convert: (values: readonly LuaValue[]) => T,
  ): Promise<T> {
    return this.#ask({
      event,
      args,
      trace,
      convert,
      missing: () => {
        throw notRegistered(event);
      },
    });
  }

  async #inOneContext(events: readonly string[]): Promise<void> {
    const pool = this.#present();
    const context = await pool.take();
    for (const event of events) {
      try {
        await this.#dispatcher.runAll(context, event);
      } catch (error) {
        pool.discard(context);
        const { message, file, line } = policyErrorOf(error, event);
        throw new PolicyError(`call ${event} callback: ${message}`, {
          event,
          ...(file === null ? {} : { file }),
          ...(line === null ? {} : { line }),
          cause: error,
        });
      }
    }
    pool.put(context);
  }
}

const REWRITE_EVENT = 'smtp_server_rewrite_response';

function ignore(): void {
  // What these events return does not matter.
}

function messageArgs(message: Message, meta: ConnectionMeta): LuaValue[] {
  return [new MessageObject(message), new ConnectionMetaObject(meta)];
}

function notRegistered(event: string): PolicyError {
  return new PolicyError(`Event ${event} has not been registered`, { event });
}
