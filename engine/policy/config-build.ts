/**
 * From what the schema's shapes read to the objects of `settings.ts`.
 *
 * `deserialize` is the one door: it reads a policy's table, tries again with userdata spelled out
 * (a memoized table is one), and words the error as KumoMTA does.
 *
 * Source: reference `lua-api.md` §0.3, §7.
 */
import { hostname as osHostname } from 'node:os';
import { CidrSet } from '../base/cidr.ts';
import { parseIp } from '../base/ip.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { egressPathJson, queueConfigJson } from './config-json.ts';
import type {
  BOUNCE_CLASSIFIER,
  EGRESS_PATH,
  EGRESS_POOL,
  EGRESS_SOURCE,
  ESMTP_LISTENER,
  HTTP_LISTENER,
  LISTENER_DOMAIN,
  LOCAL_LOGS,
  LOG_DISPOSITION_HOOK,
  LOG_HOOK,
  QUEUE_CONFIG,
  SPOOL,
} from './config-schema.ts';
import { ESMTP_PARAMS, type EsmtpBlock } from './config-schema.ts';
import { SerdeError, tableOf, type Mode, type Shape } from './config-serde.ts';
import { HostObject, LuaTable, type LuaValue } from './lua/lua-value.ts';
import { luaJsonText, luaToJson } from './lua-json.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  EsmtpListenerParams,
  EsmtpListenerSettings,
  HttpListenerSettings,
  ListenerDomain,
  LocalLogSettings,
  LogDispositionHookSettings,
  LogHookSettings,
  PerRecordSettings,
  QueueConfig,
  SpoolSettings,
  TraceHeaderSettings,
} from './settings.ts';

/** Spells out a userdata as a table; undefined when it has no pairs. */
export type PairsOf = (
  object: HostObject,
) => readonly (readonly [LuaValue, LuaValue])[] | undefined;

type ReadOf<S> = S extends Shape<infer T> ? T : never;

/**
 * Reads a parameter table.
 *
 * @param pairsOf how userdata in the table are spelled out
 * @param fields whether the fields go through serde's buffer (structs with flattened parts)
 * @throws {Error} `deserialize error: <what is wrong>, while processing <json>`
 */
export function deserialize<T>(
  shape: Shape<T>,
  value: LuaValue,
  pairsOf: PairsOf,
  fields: Mode = 'direct',
): T {
  try {
    return readAs(shape, value, fields);
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
  }
  const plain = materialize(value, pairsOf);
  try {
    return readAs(shape, plain, fields);
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
    throw new Error(`deserialize error: ${error.message}, while processing ${jsonOrNote(plain)}`, {
      cause: error,
    });
  }
}

/** Like `deserialize`, for the few functions that read without spelling out. */
export function deserializeRaw<T>(shape: Shape<T>, value: LuaValue): T {
  try {
    return readAs(shape, value, 'direct');
  } catch (error) {
    if (!(error instanceof SerdeError)) throw error;
    throw new Error(`deserialize error: ${error.message}`, { cause: error });
  }
}

function readAs<T>(shape: Shape<T>, value: LuaValue, fields: Mode): T {
  // What is not a table at all is refused by mlua, before serde's buffer.
  return shape.read(value, tableOf(value) ? fields : 'direct');
}

function jsonOrNote(value: LuaValue): string {
  try {
    return luaJsonText(value);
  } catch (error) {
    return `<${(error as Error).message}>`;
  }
}

export function materialize(value: LuaValue, pairsOf: PairsOf): LuaValue {
  if (value instanceof LuaTable) {
    return new LuaTable(
      value.sequence.map((item) => materialize(item, pairsOf)),
      value.entries.map(([key, item]) => [key, materialize(item, pairsOf)]),
      value.isArray,
    );
  }
  if (!(value instanceof HostObject)) return value;
  const pairs = pairsOf(value);
  if (!pairs) {
    throw new Error(
      `cannot materialize_to_lua_value ${value.luaTypeName} because it has no __pairs metamethod`,
    );
  }
  return tableFromPairs(pairs.map(([key, item]) => [key, materialize(item, pairsOf)]));
}

/** A table from loose pairs: what counts up from 1 is its sequence part. */
function tableFromPairs(pairs: readonly (readonly [LuaValue, LuaValue])[]): LuaTable {
  const numbered = new Map(pairs.filter(([key]) => typeof key === 'number'));
  const sequence: LuaValue[] = [];
  for (let next = numbered.get(1); next !== undefined; next = numbered.get(sequence.length + 1)) {
    sequence.push(next);
  }
  const rest = pairs.filter(([key]) => !(typeof key === 'number' && key <= sequence.length));
  return new LuaTable(
    sequence,
    rest.map(([key, item]) => [key, item]),
    false,
  );
}

// ---- queues and egress ----

export function buildQueueConfig(read: ReadOf<typeof QUEUE_CONFIG>): QueueConfig {
  return {
    retryIntervalMs: read.retry_interval,
    maxRetryIntervalMs: read.max_retry_interval,
    maxAgeMs: read.max_age,
    egressPool: read.egress_pool,
    maxMessageRate: read.max_message_rate,
    protocol: read.protocol,
    reapIntervalMs: read.reap_interval,
    refreshIntervalMs: read.refresh_interval,
    timerwheelTickIntervalMs: read.timerwheel_tick_interval,
    strategy: read.strategy,
    refreshStrategy: read.refresh_strategy,
    providerName: read.provider_name,
    get json(): JsonObject {
      return queueConfigJson(read);
    },
  };
}

export function buildEgressPool(read: ReadOf<typeof EGRESS_POOL>): EgressPool {
  return { name: read.name, entries: read.entries, ttlMs: read.ttl };
}

export function buildEgressSource(read: ReadOf<typeof EGRESS_SOURCE>): EgressSource {
  return {
    name: read.name,
    ehloDomain: read.ehlo_domain,
    sourceAddress: read.source_address,
    remotePort: read.remote_port,
    haProxyServer: read.ha_proxy_server,
    haProxySourceAddress: read.ha_proxy_source_address,
    socks5ProxyServer: read.socks5_proxy_server,
    socks5ProxySourceAddress: read.socks5_proxy_source_address,
    ttlMs: read.ttl,
  };
}

export function buildEgressPath(read: ReadOf<typeof EGRESS_PATH>): EgressPathConfig {
  return {
    connectionLimit: read.connection_limit.limit,
    additionalConnectionLimits: Object.fromEntries(
      Object.entries(read.additional_connection_limits).map(([name, spec]) => [name, spec.limit]),
    ),
    enableTls: read.enable_tls,
    enableMtaSts: read.enable_mta_sts,
    enableDane: read.enable_dane,
    enablePipelining: read.enable_pipelining,
    enableRset: read.enable_rset,
    timeouts: {
      connectMs: read.connect_timeout,
      bannerMs: read.banner_timeout,
      authMs: read.auth_timeout,
      ehloMs: read.ehlo_timeout,
      mailFromMs: read.mail_from_timeout,
      rcptToMs: read.rcpt_to_timeout,
      dataMs: read.data_timeout,
      dataDotMs: read.data_dot_timeout,
      rsetMs: read.rset_timeout,
      idleMs: read.idle_timeout,
      starttlsMs: read.starttls_timeout,
    },
    systemShutdownTimeoutMs: read.system_shutdown_timeout,
    maxReady: read.max_ready,
    consecutiveConnectionFailuresBeforeDelay: read.consecutive_connection_failures_before_delay,
    smtpPort: read.smtp_port,
    smtpAuthPlainUsername: read.smtp_auth_plain_username,
    smtpAuthPlainPassword: read.smtp_auth_plain_password,
    allowSmtpAuthPlainWithoutTls: read.allow_smtp_auth_plain_without_tls,
    allowSmtpAuthPlainWithoutValidCertificate: read.allow_smtp_auth_plain_without_valid_certificate,
    maxMessageRate: read.max_message_rate,
    additionalMessageRateThrottles: read.additional_message_rate_throttles,
    sourceSelectionRate: read.source_selection_rate,
    additionalSourceSelectionRates: read.additional_source_selection_rates,
    maxConnectionRate: read.max_connection_rate,
    maxDeliveriesPerConnection: read.max_deliveries_per_connection,
    maxRecipientsPerBatch: read.max_recipients_per_batch,
    prohibitedHosts: read.prohibited_hosts,
    skipHosts: read.skip_hosts,
    ipLookupStrategy: read.ip_lookup_strategy,
    ehloDomain: read.ehlo_domain,
    aggressiveConnectionOpening: read.aggressive_connection_opening,
    refreshIntervalMs: read.refresh_interval,
    refreshStrategy: read.refresh_strategy,
    providerName: read.provider_name,
    rememberBrokenTlsMs: read.remember_broken_tls,
    opportunisticTlsReconnectOnFailedHandshake:
      read.opportunistic_tls_reconnect_on_failed_handshake,
    useLmtp: read.use_lmtp,
    reconnectStrategy: read.reconnect_strategy,
    tryNextHostOnTransportError: read.try_next_host_on_transport_error,
    ignore8bitChecks: read.ignore_8bit_checks,
    tlsCertificate: read.tls_certificate,
    tlsPrivateKey: read.tls_private_key,
    dispatcherProgressWatchdogTimeoutMs: read.dispatcher_progress_watchdog_timeout,
    get json(): JsonObject {
      return egressPathJson(read);
    },
  };
}

// ---- listeners ----

export function buildListenerDomain(read: ReadOf<typeof LISTENER_DOMAIN>): ListenerDomain {
  return {
    relayTo: read.relay_to,
    relayFrom: read.relay_from,
    logOob: read.log_oob,
    logArf: read.log_arf,
  };
}

const ESMTP_DEFAULTS = {
  banner: 'KumoMTA',
  relayHosts: new CidrSet(['127.0.0.1', '::1']),
  batchHandling: 'BifurcateAlways',
  tlsCertificate: null,
  tlsPrivateKey: null,
  tlsRequiredClientCa: null,
  deferredSpool: false,
  deferredQueue: false,
  allowXclient: false,
  requireProxyProtocol: false,
  clientTimeoutMs: 60_000,
  dataProcessingTimeoutMs: 300_000,
  maxMessagesPerConnection: 10_000,
  maxRecipientsPerMessage: 1024,
  maxMessageSize: 20 * 1024 * 1024,
  dataBufferSize: 128 * 1024,
  invalidLineEndings: 'Deny',
  lineLengthHardLimit: 998,
  meta: {},
} as const;

const TRACE_HEADER_DEFAULTS: TraceHeaderSettings = {
  receivedHeader: true,
  supplementalHeader: true,
  headerName: 'X-KumoRef',
  includeMetaNames: [],
};

export function buildEsmtpListener(
  read: ReadOf<typeof ESMTP_LISTENER>,
  pairsOf: PairsOf,
): EsmtpListenerSettings {
  const base = overlay(
    { ...ESMTP_DEFAULTS, hostname: osHostname(), traceHeaders: TRACE_HEADER_DEFAULTS },
    read,
  );
  return {
    listen: read.listen,
    maxConnections: read.max_connections,
    base,
    paramsFor: (peerIp, localIp) => applyBlocks(base, read, peerIp, localIp),
    overlay: (params, override) =>
      overlay(params, deserialize(ESMTP_PARAMS, override as LuaValue, pairsOf)),
  };
}

/** Base, then the peer's block, then the local address's. */
function applyBlocks(
  base: EsmtpListenerParams,
  block: EsmtpBlock,
  peerIp: string,
  localIp: string,
): EsmtpListenerParams {
  let params = base;
  for (const [map, address] of [
    [block.peer, peerIp],
    [block.via, localIp],
  ] as const) {
    const ip = parseIp(address);
    const found = ip && map?.get(ip);
    if (found) params = applyBlocks(overlay(params, found), found, peerIp, localIp);
  }
  return params;
}

function overlay(under: EsmtpListenerParams, over: EsmtpBlock): EsmtpListenerParams {
  return {
    hostname: over.hostname ?? under.hostname,
    banner: over.banner ?? under.banner,
    relayHosts: over.relay_hosts ?? under.relayHosts,
    batchHandling: over.batch_handling ?? under.batchHandling,
    tlsCertificate: over.tls_certificate ?? under.tlsCertificate,
    tlsPrivateKey: over.tls_private_key ?? under.tlsPrivateKey,
    tlsRequiredClientCa: over.tls_required_client_ca ?? under.tlsRequiredClientCa,
    deferredSpool: over.deferred_spool ?? under.deferredSpool,
    deferredQueue: over.deferred_queue ?? under.deferredQueue,
    allowXclient: over.allow_xclient ?? under.allowXclient,
    requireProxyProtocol: over.require_proxy_protocol ?? under.requireProxyProtocol,
    traceHeaders: over.trace_headers ? traceHeaders(over.trace_headers) : under.traceHeaders,
    clientTimeoutMs: over.client_timeout ?? under.clientTimeoutMs,
    dataProcessingTimeoutMs: over.data_processing_timeout ?? under.dataProcessingTimeoutMs,
    maxMessagesPerConnection: over.max_messages_per_connection ?? under.maxMessagesPerConnection,
    maxRecipientsPerMessage: over.max_recipients_per_message ?? under.maxRecipientsPerMessage,
    maxMessageSize: over.max_message_size ?? under.maxMessageSize,
    dataBufferSize: over.data_buffer_size ?? under.dataBufferSize,
    invalidLineEndings: over.invalid_line_endings ?? under.invalidLineEndings,
    lineLengthHardLimit: over.line_length_hard_limit ?? under.lineLengthHardLimit,
    meta: over.meta ? { ...under.meta, ...jsonRecord(over.meta) } : under.meta,
  };
}

export function traceHeaders(read: {
  readonly received_header: boolean;
  readonly supplemental_header: boolean;
  readonly header_name: string;
  readonly include_meta_names: readonly string[];
}): TraceHeaderSettings {
  return {
    receivedHeader: read.received_header,
    supplementalHeader: read.supplemental_header,
    headerName: read.header_name,
    includeMetaNames: read.include_meta_names,
  };
}

function jsonRecord(values: Readonly<Record<string, LuaValue>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]): [string, JsonValue] => [key, luaToJson(value)]),
  );
}

export function buildHttpListener(read: ReadOf<typeof HTTP_LISTENER>): HttpListenerSettings {
  return {
    listen: read.listen,
    hostname: read.hostname ?? osHostname(),
    useTls: read.use_tls,
    requestBodyLimit: read.request_body_limit,
    tlsCertificate: read.tls_certificate,
    tlsPrivateKey: read.tls_private_key,
    trustedHosts: read.trusted_hosts,
  };
}

// ---- storage and logs ----

export function buildSpool(read: ReadOf<typeof SPOOL>): SpoolSettings {
  return {
    name: read.name,
    path: read.path,
    kind: read.kind,
    flush: read.flush,
    minFreeSpace: read.min_free_space,
    minFreeInodes: read.min_free_inodes,
  };
}

export function buildLocalLogs(read: ReadOf<typeof LOCAL_LOGS>): LocalLogSettings {
  return {
    logDir: read.log_dir,
    maxFileSize: read.max_file_size,
    backPressure: read.back_pressure,
    compressionLevel: read.compression_level,
    maxSegmentDurationMs: read.max_segment_duration,
    meta: read.meta,
    headers: read.headers,
    perRecord: perRecord(read.per_record),
    filterEvent: read.filter_event,
    minFreeSpace: read.min_free_space,
    minFreeInodes: read.min_free_inodes,
  };
}

export function buildLogHook(read: ReadOf<typeof LOG_HOOK>): LogHookSettings {
  return {
    name: read.name,
    backPressure: read.back_pressure,
    meta: read.meta,
    headers: read.headers,
    perRecord: perRecord(read.per_record),
    deferredSpool: read.deferred_spool,
  };
}

export function buildLogDispositionHook(
  read: ReadOf<typeof LOG_DISPOSITION_HOOK>,
): LogDispositionHookSettings {
  return { name: read.name, perRecord: perRecord(read.per_record) };
}

/** @throws {Error} a file of another kind */
export function buildBounceClassifier(read: ReadOf<typeof BOUNCE_CLASSIFIER>): {
  files: readonly string[];
} {
  for (const file of read.files) {
    if (!/\.(toml|json)$/.test(file)) {
      throw new Error(
        `${file}: classifier files must have either .toml or .json filename extension`,
      );
    }
  }
  return { files: read.files };
}

type PerRecordRead = ReadOf<typeof LOCAL_LOGS>['per_record'];

function perRecord(read: PerRecordRead): Record<string, PerRecordSettings> {
  return Object.fromEntries(
    Object.entries(read).map(([type, settings]) => [
      type,
      {
        suffix: settings.suffix,
        logDir: settings.log_dir,
        enable: settings.enable,
        template: settings.template,
        segmentHeader: settings.segment_header,
      },
    ]),
  );
}
