/**
 * From what the shapes of `config-schema.ts` read to the objects of `settings.ts`: the stages' names,
 * units and kinds in place of the policy's.
 *
 * Source: reference `lua-api.md` §7.
 */
import { hostname as osHostname } from 'node:os';
import type { JsonObject } from '../mail/json.ts';
import { egressPathJson, queueConfigJson } from './config-json.ts';
import type {
  BOUNCE_CLASSIFIER,
  EGRESS_PATH,
  EGRESS_POOL,
  EGRESS_SOURCE,
  HTTP_LISTENER,
  LISTENER_DOMAIN,
  LOCAL_LOGS,
  LOG_DISPOSITION_HOOK,
  LOG_HOOK,
  QUEUE_CONFIG,
  SPOOL,
} from './config-schema.ts';
import type { ReadOf } from './config-serde.ts';
import type {
  EgressPathConfig,
  EgressPool,
  EgressSource,
  HttpListenerSettings,
  ListenerDomain,
  LocalLogSettings,
  LogDispositionHookSettings,
  LogHookSettings,
  PerRecordSettings,
  QueueConfig,
  SpoolSettings,
} from './settings.ts';

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
