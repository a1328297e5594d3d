/**
 * What a policy's constructors return, after validation: every `kumo.make_*` and `kumo.start_*`
 * table as plain readonly data in our spelling. Durations are milliseconds, names camelCase; the
 * translation (and KumoMTA's error texts) is in `config-schema.ts`, nowhere else.
 *
 * Source: reference `lua-api.md` §3.2, §7; `queues-delivery.md` §2.5, §4.6.
 */
import type { JsonObject } from '../mail/json.ts';

/** `100/h`, `500/d,max_burst=1`. */
export interface ThrottleSpec {
  readonly limit: number;
  readonly periodMs: number;
  readonly maxBurst: number | null;
  readonly forceLocal: boolean;
  /** Canonical text. */
  readonly text: string;
}

/** A list of networks; `text` as given, `contains` does longest-prefix matching on bare IPs. */
export interface CidrSet {
  readonly entries: readonly string[];
  contains(ip: string): boolean;
  /** Rust's debug form of the set, as error texts print it: `{"127.0.0.0/8", "::/127"}`. */
  debug(): string;
}

export type MxListEntry =
  | { readonly kind: 'name'; readonly label: string }
  | { readonly kind: 'resolved'; readonly name: string; readonly addr: string };

export type DeliveryProtocol =
  | {
      readonly kind: 'smtp';
      readonly mxList: readonly MxListEntry[];
      readonly treatMxListAsSecure: boolean;
    }
  | {
      readonly kind: 'maildir';
      readonly path: string;
      readonly dirMode: number | null;
      readonly fileMode: number | null;
    }
  | {
      readonly kind: 'lua';
      readonly constructor_: string;
      readonly batchSize: number;
      readonly minBatchSize: number;
      readonly maxBatchLatencyMs: number;
    }
  | { readonly kind: 'xfer'; readonly target: string }
  | { readonly kind: 'httpInjectionGenerator' }
  | { readonly kind: 'deferredSmtpInjection' }
  | { readonly kind: 'null' };

type QueueStrategy = 'TimerWheel' | 'SkipList' | 'SingletonTimerWheel' | 'SingletonTimerWheelV2';
type RefreshStrategy = 'Ttl' | 'Epoch';

export interface QueueConfig {
  readonly retryIntervalMs: number;
  readonly maxRetryIntervalMs: number | null;
  readonly maxAgeMs: number;
  readonly egressPool: string | null;
  readonly maxMessageRate: ThrottleSpec | null;
  readonly protocol: DeliveryProtocol;
  readonly reapIntervalMs: number;
  readonly refreshIntervalMs: number;
  readonly timerwheelTickIntervalMs: number | null;
  readonly strategy: QueueStrategy;
  readonly refreshStrategy: RefreshStrategy;
  readonly providerName: string | null;
  /** As the admin API prints it (durations as humantime), key order of KumoMTA. */
  readonly json: JsonObject;
}

export interface EgressPool {
  readonly name: string;
  readonly entries: readonly { readonly name: string; readonly weight: number }[];
  readonly ttlMs: number;
}

export interface EgressSource {
  readonly name: string;
  readonly ehloDomain: string | null;
  readonly sourceAddress: string | null;
  readonly remotePort: number | null;
  readonly haProxyServer: string | null;
  readonly haProxySourceAddress: string | null;
  readonly socks5ProxyServer: string | null;
  readonly socks5ProxySourceAddress: string | null;
  readonly ttlMs: number;
}

export type TlsMode =
  'Opportunistic' | 'OpportunisticInsecure' | 'Required' | 'RequiredInsecure' | 'Disabled';

export interface EgressPathTimeouts {
  readonly connectMs: number;
  readonly bannerMs: number;
  readonly authMs: number;
  readonly ehloMs: number;
  readonly mailFromMs: number;
  readonly rcptToMs: number;
  readonly dataMs: number;
  readonly dataDotMs: number;
  readonly rsetMs: number;
  readonly idleMs: number;
  readonly starttlsMs: number;
}

/** Where a key or certificate comes from: a file, the bytes themselves, or a policy event. */
export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'event'; readonly event: string; readonly args: readonly unknown[] }
  | {
      readonly kind: 'vault';
      readonly mount: string;
      readonly path: string;
      /** Null: the environment's `VAULT_ADDR`, `VAULT_TOKEN`. */
      readonly address: string | null;
      readonly token: string | null;
      readonly key: string;
    };

export interface EgressPathConfig {
  readonly connectionLimit: number;
  readonly additionalConnectionLimits: Readonly<Record<string, number>>;
  readonly enableTls: TlsMode;
  readonly enableMtaSts: boolean;
  readonly enableDane: boolean;
  readonly enablePipelining: boolean;
  readonly enableRset: boolean;
  readonly timeouts: EgressPathTimeouts;
  readonly systemShutdownTimeoutMs: number | null;
  readonly maxReady: number;
  readonly consecutiveConnectionFailuresBeforeDelay: number;
  readonly smtpPort: number;
  readonly smtpAuthPlainUsername: string | null;
  readonly smtpAuthPlainPassword: KeySource | null;
  readonly allowSmtpAuthPlainWithoutTls: boolean;
  readonly allowSmtpAuthPlainWithoutValidCertificate: boolean;
  readonly maxMessageRate: ThrottleSpec | null;
  readonly additionalMessageRateThrottles: Readonly<Record<string, ThrottleSpec>>;
  readonly sourceSelectionRate: ThrottleSpec | null;
  readonly additionalSourceSelectionRates: Readonly<Record<string, ThrottleSpec>>;
  readonly maxConnectionRate: ThrottleSpec | null;
  readonly maxDeliveriesPerConnection: number;
  readonly maxRecipientsPerBatch: number;
  readonly prohibitedHosts: CidrSet;
  readonly skipHosts: CidrSet;
  readonly ipLookupStrategy:
    'Ipv4AndIpv6' | 'Ipv4Only' | 'Ipv6Only' | 'Ipv4ThenIpv6' | 'Ipv6ThenIpv4';
  readonly ehloDomain: string | null;
  readonly aggressiveConnectionOpening: boolean;
  readonly refreshIntervalMs: number;
  readonly refreshStrategy: RefreshStrategy;
  readonly providerName: string | null;
  readonly rememberBrokenTlsMs: number | null;
  readonly opportunisticTlsReconnectOnFailedHandshake: boolean;
  readonly useLmtp: boolean;
  readonly reconnectStrategy: 'ConnectNextHost' | 'TerminateSession' | 'ReconnectSameHost';
  readonly tryNextHostOnTransportError: boolean;
  readonly ignore8bitChecks: boolean;
  readonly tlsCertificate: KeySource | null;
  readonly tlsPrivateKey: KeySource | null;
  readonly dispatcherProgressWatchdogTimeoutMs: number | null;
  /** As the admin API prints it. */
  readonly json: JsonObject;
}

export interface TraceHeaderSettings {
  readonly receivedHeader: boolean;
  readonly supplementalHeader: boolean;
  readonly headerName: string;
  readonly includeMetaNames: readonly string[];
}

/** The part of an ESMTP listener that `peer`, `via` and dynamic parameters may override. */
export interface EsmtpListenerParams {
  readonly hostname: string;
  readonly banner: string;
  readonly relayHosts: CidrSet;
  readonly batchHandling: 'BifurcateAlways' | 'BatchByDomain';
  readonly tlsCertificate: KeySource | null;
  readonly tlsPrivateKey: KeySource | null;
  readonly tlsRequiredClientCa: KeySource | null;
  readonly deferredSpool: boolean;
  readonly deferredQueue: boolean;
  readonly allowXclient: boolean;
  readonly requireProxyProtocol: boolean;
  readonly traceHeaders: TraceHeaderSettings;
  readonly clientTimeoutMs: number;
  readonly dataProcessingTimeoutMs: number;
  readonly maxMessagesPerConnection: number;
  readonly maxRecipientsPerMessage: number;
  readonly maxMessageSize: number;
  readonly dataBufferSize: number;
  readonly invalidLineEndings: 'Deny' | 'Allow' | 'Fix';
  readonly lineLengthHardLimit: number;
  readonly meta: JsonObject;
}

export interface EsmtpListenerSettings {
  /** `ip:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly maxConnections: number;
  readonly base: EsmtpListenerParams;
  /** `base` with the `peer` and `via` blocks (base, then peer, then via) applied. */
  paramsFor(peerIp: string, localIp: string): EsmtpListenerParams;
  /** `paramsFor` overlaid with what `smtp_server_get_dynamic_parameters` returned, its blocks too. */
  overlay(
    params: EsmtpListenerParams,
    override: JsonObject,
    peerIp: string,
    localIp: string,
  ): EsmtpListenerParams;
}

export interface HttpListenerSettings {
  readonly listen: string;
  readonly hostname: string;
  readonly useTls: boolean;
  readonly requestBodyLimit: number;
  readonly tlsCertificate: KeySource | null;
  readonly tlsPrivateKey: KeySource | null;
  readonly trustedHosts: CidrSet;
}

export type LogDispositionMode = 'Ignore' | 'LogThenDrop' | 'LogThenRelay';

export interface ListenerDomain {
  readonly relayTo: boolean;
  readonly relayFrom: CidrSet;
  readonly logOob: LogDispositionMode;
  readonly logArf: LogDispositionMode;
}

export interface SpoolSettings {
  readonly name: string;
  readonly path: string;
  readonly kind: 'LocalDisk' | 'RocksDB';
  readonly flush: boolean;
  readonly minFreeSpace: string | number;
  readonly minFreeInodes: string | number;
}

export interface PerRecordSettings {
  readonly suffix: string | null;
  readonly logDir: string | null;
  readonly enable: boolean;
  readonly template: string | null;
  readonly segmentHeader: string;
}

export interface LocalLogSettings {
  readonly logDir: string;
  readonly maxFileSize: number;
  readonly backPressure: number;
  readonly compressionLevel: number;
  readonly maxSegmentDurationMs: number | null;
  readonly meta: readonly string[];
  readonly headers: readonly string[];
  /** Keyed by record type or `Any`. */
  readonly perRecord: Readonly<Record<string, PerRecordSettings>>;
  readonly filterEvent: string | null;
  readonly minFreeSpace: string | number;
  readonly minFreeInodes: string | number;
}

export interface LogHookSettings {
  readonly name: string;
  readonly backPressure: number;
  readonly meta: readonly string[];
  readonly headers: readonly string[];
  readonly perRecord: Readonly<Record<string, PerRecordSettings>>;
  readonly deferredSpool: boolean;
}

/** The audit of identities and permissions. */
export interface AcctLogSettings {
  readonly logDir: string;
  readonly maxFileSize: number;
  readonly maxSegmentDurationMs: number | null;
  readonly compressionLevel: number;
  readonly logAuthzAllow: boolean;
  readonly logAuthzDeny: boolean;
  readonly logAuthnOk: boolean;
  readonly logAuthnFail: boolean;
}

export interface LogDispositionHookSettings {
  readonly name: string;
  readonly perRecord: Readonly<Record<string, PerRecordSettings>>;
}
