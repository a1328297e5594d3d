/**
 * The parameters of every `kumo.make_*`, `kumo.start_*` and `kumo.configure_*`, as data: names in
 * KumoMTA's order (error texts list them), types, defaults. `config-build.ts` turns what these
 * shapes read into the objects of `settings.ts`. ESMTP listeners, whose parameters inherit, are in
 * `config-esmtp.ts`; what a single function takes is with that function in `bindings/`.
 *
 * Long because it is the one table of all constructors and their fields.
 *
 * Source: reference `lua-api.md` §3.2, §7; `queues-delivery.md` §2.5, §4.6.
 */
import { CidrSet } from '../base/cidr.ts';
import { splitIpPort } from '../base/ip.ts';
import { RECORD_TYPE_NAMES } from './record-type-names.ts';
import {
  anything,
  bool,
  defaulted,
  enumeration,
  invalidValue,
  keyedBy,
  list,
  optional,
  parsed,
  path,
  record,
  required,
  SerdeError,
  struct,
  text,
  unsigned,
  untagged,
  type Field,
  type Shape,
} from './config-serde.ts';
import {
  cidrSet,
  duration,
  ipAddress,
  keySource,
  limitSpec,
  minFree,
  throttleSpec,
  type LimitSpec,
} from './config-scalars.ts';
import type { LuaValue } from './lua/lua-value.ts';
import type {
  DeliveryProtocol,
  LogDispositionMode,
  MxListEntry,
  ThrottleSpec,
} from './settings.ts';

const u16 = unsigned('u16');
const u32 = unsigned('u32');
const usize = unsigned('usize');

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// ---- queues ----

const mxListEntry: Shape<MxListEntry> = untagged<MxListEntry>(
  'MxListEntry',
  parsed(text, (label) => ({ kind: 'name', label })),
  parsed(
    struct('ResolvedAddress', { name: required(text), addr: required(text) }, 'ignore'),
    (e) => {
      if (!splitIpPort(e.addr)) throw new SerdeError('invalid socket address syntax');
      return { kind: 'resolved', name: e.name, addr: e.addr };
    },
  ),
);

const smtpProtocol = struct(
  'SmtpProtocol',
  {
    mx_list: defaulted(list(mxListEntry), []),
    treat_mx_list_as_secure: defaulted(bool, false),
  },
  'ignore',
);

const luaProtocol: Shape<DeliveryProtocol> = parsed(
  struct('LuaDeliveryProtocol', {
    constructor: required(text),
    batch_size: defaulted(usize, 1),
    min_batch_size: defaulted(usize, 1),
    max_batch_latency: defaulted(duration, 0),
  }),
  (lua) => ({
    kind: 'lua',
    constructor_: lua.constructor,
    batchSize: lua.batch_size,
    minBatchSize: lua.min_batch_size,
    maxBatchLatencyMs: lua.max_batch_latency,
  }),
);

const deliveryProtocol: Shape<DeliveryProtocol> = untagged<DeliveryProtocol>(
  'DeliveryProto',
  parsed(struct('Smtp', { smtp: required(smtpProtocol) }, 'ignore'), ({ smtp }) => ({
    kind: 'smtp',
    mxList: smtp.mx_list,
    treatMxListAsSecure: smtp.treat_mx_list_as_secure,
  })),
  parsed(
    struct(
      'Maildir',
      { maildir_path: required(path), dir_mode: optional(u32), file_mode: optional(u32) },
      'ignore',
    ),
    (m) => ({ kind: 'maildir', path: m.maildir_path, dirMode: m.dir_mode, fileMode: m.file_mode }),
  ),
  parsed(struct('Lua', { custom_lua: required(luaProtocol) }, 'ignore'), (l) => l.custom_lua),
  parsed(
    struct(
      'Xfer',
      { xfer: required(struct('XferProtocol', { target: required(text) })) },
      'ignore',
    ),
    ({ xfer }) => ({ kind: 'xfer', target: xfer.target }),
  ),
);

const SMTP_DEFAULT: DeliveryProtocol = { kind: 'smtp', mxList: [], treatMxListAsSecure: false };

const refreshStrategy = enumeration('Ttl', 'Epoch');
const memoryPolicy = enumeration('ShrinkDataAndMeta', 'ShrinkData', 'NoShrink');

export const QUEUE_CONFIG = struct('QueueConfig', {
  retry_interval: defaulted(duration, 20 * MINUTE),
  max_retry_interval: optional(duration),
  max_age: defaulted(duration, 7 * DAY),
  egress_pool: optional(text),
  max_message_rate: optional(throttleSpec),
  protocol: defaulted(deliveryProtocol, SMTP_DEFAULT),
  reap_interval: defaulted(duration, 10 * MINUTE),
  refresh_interval: defaulted(duration, MINUTE),
  timerwheel_tick_interval: optional(duration),
  strategy: defaulted(
    enumeration('TimerWheel', 'SkipList', 'SingletonTimerWheel', 'SingletonTimerWheelV2'),
    'SingletonTimerWheel',
  ),
  refresh_strategy: defaulted(refreshStrategy, 'Ttl'),
  provider_name: optional(text),
  shrink_policy: defaulted(
    list(
      struct('QueueShrinkPolicy', { interval: required(duration), policy: required(memoryPolicy) }),
    ),
    [],
  ),
});

// ---- egress ----

export const EGRESS_POOL = struct('EgressPool', {
  name: required(text),
  entries: required(
    list(struct('EgressPoolEntry', { name: required(text), weight: defaulted(u32, 1) })),
  ),
  ttl: defaulted(duration, MINUTE),
});

const suspendTrigger: Field<unknown> = optional(
  struct('SourceSuspension', {
    trigger: defaulted(anything, 'Immediate'),
    duration: required(duration),
  }),
);

/** `ip:port` or `host:port`. */
const proxyServer = parsed(text, (address) => {
  if (!/:\d{1,5}$/.test(address)) throw new SerdeError('invalid socket address syntax');
  return address;
});

export const EGRESS_SOURCE = struct('EgressSource', {
  name: required(text),
  ehlo_domain: optional(text),
  source_address: optional(ipAddress),
  remote_port: optional(u16),
  ha_proxy_server: optional(proxyServer),
  ha_proxy_source_address: optional(ipAddress),
  socks5_proxy_server: optional(proxyServer),
  socks5_proxy_source_address: optional(ipAddress),
  socks5_proxy_username: optional(text),
  socks5_proxy_password: optional(keySource),
  suspend_when_unplumbed: suspendTrigger,
  suspend_when_proxy_unhealthy: suspendTrigger,
  ttl: defaulted(duration, MINUTE),
});

const wakeup = enumeration('Aggressive', 'Relaxed');
const DEFAULT_LIMIT: LimitSpec = { limit: 32, forceLocal: false };

export const EGRESS_PATH = struct(
  'EgressPathConfig',
  {
    connection_limit: defaulted(limitSpec, DEFAULT_LIMIT),
    additional_connection_limits: defaulted(record(limitSpec), {} as Record<string, LimitSpec>),
    enable_tls: defaulted(
      enumeration(
        'Opportunistic',
        'OpportunisticInsecure',
        'Required',
        'RequiredInsecure',
        'Disabled',
      ),
      'Opportunistic',
    ),
    enable_mta_sts: defaulted(bool, true),
    enable_dane: defaulted(bool, false),
    enable_pipelining: defaulted(bool, true),
    enable_rset: defaulted(bool, true),
    tls_prefer_openssl: defaulted(bool, false),
    tls_certificate: optional(keySource),
    tls_private_key: optional(keySource),
    openssl_cipher_list: optional(text),
    openssl_cipher_suites: optional(text),
    openssl_options: optional(text),
    rustls_cipher_suites: defaulted(list(text), []),
    connect_timeout: defaulted(duration, MINUTE),
    banner_timeout: defaulted(duration, MINUTE),
    auth_timeout: defaulted(duration, MINUTE),
    ehlo_timeout: defaulted(duration, 5 * MINUTE),
    mail_from_timeout: defaulted(duration, 5 * MINUTE),
    rcpt_to_timeout: defaulted(duration, 5 * MINUTE),
    data_timeout: defaulted(duration, 5 * MINUTE),
    data_dot_timeout: defaulted(duration, 5 * MINUTE),
    rset_timeout: defaulted(duration, 5 * SECOND),
    idle_timeout: defaulted(duration, 5 * SECOND),
    starttls_timeout: defaulted(duration, 5 * SECOND),
    system_shutdown_timeout: optional(duration),
    max_ready: defaulted(usize, 1024),
    consecutive_connection_failures_before_delay: defaulted(usize, 100),
    smtp_port: defaulted(u16, 25),
    smtp_auth_plain_username: optional(text),
    smtp_auth_plain_password: optional(keySource),
    allow_smtp_auth_plain_without_tls: defaulted(bool, false),
    allow_smtp_auth_plain_without_valid_certificate: defaulted(bool, false),
    max_message_rate: optional(throttleSpec),
    additional_message_rate_throttles: defaulted(
      record(throttleSpec),
      {} as Record<string, ThrottleSpec>,
    ),
    source_selection_rate: optional(throttleSpec),
    additional_source_selection_rates: defaulted(
      record(throttleSpec),
      {} as Record<string, ThrottleSpec>,
    ),
    max_connection_rate: optional(throttleSpec),
    max_deliveries_per_connection: defaulted(usize, 1024),
    max_recipients_per_batch: defaulted(usize, 100),
    prohibited_hosts: defaulted(cidrSet, new CidrSet(['127.0.0.0/8', '::1', '0.0.0.0', '::'])),
    skip_hosts: defaulted(cidrSet, new CidrSet([])),
    ip_lookup_strategy: defaulted(
      enumeration('Ipv4AndIpv6', 'Ipv4Only', 'Ipv6Only', 'Ipv4ThenIpv6', 'Ipv6ThenIpv4'),
      'Ipv4AndIpv6',
    ),
    ehlo_domain: optional(text),
    aggressive_connection_opening: defaulted(bool, false),
    refresh_interval: defaulted(duration, MINUTE),
    refresh_strategy: defaulted(refreshStrategy, 'Ttl'),
    dispatcher_wakeup_strategy: defaulted(wakeup, 'Aggressive'),
    maintainer_wakeup_strategy: defaulted(wakeup, 'Aggressive'),
    provider_name: optional(text),
    remember_broken_tls: optional(duration),
    opportunistic_tls_reconnect_on_failed_handshake: defaulted(bool, false),
    use_lmtp: defaulted(bool, false),
    reconnect_strategy: defaulted(
      enumeration('TerminateSession', 'ReconnectSameHost', 'ConnectNextHost'),
      'ConnectNextHost',
    ),
    readyq_pool_name: optional(text),
    low_memory_reduction_policy: defaulted(memoryPolicy, 'ShrinkDataAndMeta'),
    no_memory_reduction_policy: defaulted(memoryPolicy, 'ShrinkDataAndMeta'),
    try_next_host_on_transport_error: defaulted(bool, false),
    ignore_8bit_checks: defaulted(bool, false),
    dispatcher_progress_watchdog_timeout: optional(duration),
  },
  'plain',
);

// ---- listeners ----

const LOG_MODES = ['Ignore', 'LogThenDrop', 'LogThenRelay'] as const;
const LOG_MODE_EXPECTED = `a boolean value or one of ${LOG_MODES.map((m) => `\`${m}\``).join(', ')}`;

/** `true` is `LogThenRelay`. */
const logMode: Shape<LogDispositionMode> = {
  read(value) {
    if (typeof value === 'boolean') return value ? 'LogThenRelay' : 'Ignore';
    const found = LOG_MODES.find((mode) => mode === value);
    if (found) return found;
    if (typeof value === 'string') throw invalidValue(value, LOG_MODE_EXPECTED);
    return parsed(text, (): LogDispositionMode => 'Ignore').read(value, 'buffered');
  },
};

export const LISTENER_DOMAIN = struct('EsmtpDomain', {
  relay_to: defaulted(bool, false),
  relay_from: defaulted(cidrSet, new CidrSet([])),
  log_oob: defaulted(logMode, 'Ignore'),
  log_arf: defaulted(logMode, 'Ignore'),
  ttl: defaulted(duration, MINUTE),
});

export const HTTP_LISTENER = struct('HttpListenerParams', {
  hostname: optional(text),
  listen: defaulted(text, '127.0.0.1:8000'),
  use_tls: defaulted(bool, false),
  request_body_limit: defaulted(usize, 2 * 1024 * 1024),
  tls_certificate: optional(keySource),
  tls_private_key: optional(keySource),
  trusted_hosts: defaulted(cidrSet, new CidrSet(['127.0.0.1', '::1'])),
});

// ---- storage and logs ----

export const SPOOL = struct('DefineSpoolParams', {
  name: required(text),
  path: required(path),
  kind: defaulted(enumeration('LocalDisk', 'RocksDB'), 'LocalDisk'),
  flush: defaulted(bool, false),
  rocks_params: optional(record(anything)),
  min_free_space: defaulted(minFree, '10%'),
  min_free_inodes: defaulted(minFree, '10%'),
});

const perRecord = struct('LogRecordParams', {
  suffix: optional(text),
  log_dir: optional(path),
  enable: defaulted(bool, true),
  template: optional(text),
  segment_header: defaulted(text, ''),
});
const perRecordMap = keyedBy(RECORD_TYPE_NAMES, perRecord);

export const LOCAL_LOGS = struct('LogFileParams', {
  log_dir: required(path),
  max_file_size: defaulted(unsigned('u64'), 1_000_000_000),
  back_pressure: defaulted(usize, 128_000),
  compression_level: defaulted(parsed(anything, level), 0),
  max_segment_duration: optional(duration),
  meta: defaulted(list(text), []),
  headers: defaulted(list(text), []),
  per_record: defaulted(perRecordMap, {}),
  filter_event: optional(text),
  min_free_space: defaulted(minFree, '10%'),
  min_free_inodes: defaulted(minFree, '10%'),
});

/** zstd levels may be negative. */
function level(value: LuaValue): number {
  if (typeof value === 'number' && value < 0 && Number.isInteger(value)) return value;
  return unsigned('u32').read(value, 'direct');
}

export const LOG_HOOK = struct('LogHookParams', {
  name: required(text),
  back_pressure: defaulted(usize, 128_000),
  meta: defaulted(list(text), []),
  headers: defaulted(list(text), []),
  per_record: defaulted(perRecordMap, {}),
  deferred_spool: defaulted(bool, false),
});

export const LOG_DISPOSITION_HOOK = struct('LogDispositionHookParams', {
  name: required(text),
  per_record: defaulted(perRecordMap, {}),
});

export const BOUNCE_CLASSIFIER = struct('ClassifierParams', {
  files: required(list(text)),
  back_pressure: defaulted(usize, 131_072),
  pool_size: optional(usize),
  cache_size: defaulted(usize, 1024),
  uncategorized_cache_size: defaulted(usize, 1024),
});
