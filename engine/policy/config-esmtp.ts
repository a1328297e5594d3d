/**
 * The parameters of an ESMTP listener. The listener sets them, a `peer` or `via` block may set them
 * anew for the networks that it names (and hold further blocks), and an event for one connection:
 * what is not set inherits.
 *
 * Source: reference `lua-api.md` §7.
 */
import { hostname as osHostname } from 'node:os';
import { CidrMap, CidrSet, parseNetwork, type Network } from '../base/cidr.ts';
import { parseIp } from '../base/ip.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { deserialize, type PairsOf } from './config-read.ts';
import { cidrSet, duration, keySource } from './config-scalars.ts';
import {
  anything,
  bool,
  defaulted,
  enumeration,
  list,
  optional,
  record,
  SerdeError,
  struct,
  text,
  unsigned,
  type Field,
  type Mode,
  type ReadOf,
  type Shape,
} from './config-serde.ts';
import type { LuaValue } from './lua/lua-value.ts';
import { jsonToLua, luaToJson } from './lua-json.ts';
import type {
  EsmtpListenerParams,
  EsmtpListenerSettings,
  TraceHeaderSettings,
} from './settings.ts';

const usize = unsigned('usize');

export const TRACE_HEADERS = struct('TraceHeaders', {
  received_header: defaulted(bool, true),
  supplemental_header: defaulted(bool, true),
  header_name: defaulted(text, 'X-KumoRef'),
  include_meta_names: defaulted(list(text), []),
});

/** Every parameter that an ESMTP listener, a `peer` or `via` block, and an event may set. */
const esmtpParamShapes = {
  hostname: text,
  banner: text,
  relay_hosts: cidrSet,
  batch_handling: enumeration('BifurcateAlways', 'BatchByDomain'),
  tls_certificate: keySource,
  tls_private_key: keySource,
  tls_required_client_ca: keySource,
  deferred_spool: bool,
  deferred_queue: bool,
  allow_xclient: bool,
  require_proxy_protocol: bool,
  trace_headers: TRACE_HEADERS,
  client_timeout: duration,
  data_processing_timeout: duration,
  max_messages_per_connection: usize,
  max_recipients_per_message: usize,
  max_message_size: usize,
  data_buffer_size: usize,
  invalid_line_endings: enumeration('Deny', 'Allow', 'Fix'),
  line_length_hard_limit: usize,
  meta: record(anything),
};

type EsmtpShapes = typeof esmtpParamShapes;

/** What one block sets; null is not set, and inherits. Blocks may hold blocks. */
type EsmtpBlock = {
  readonly [K in keyof EsmtpShapes]: ReturnType<EsmtpShapes[K]['read']> | null;
} & { readonly peer: CidrMap<EsmtpBlock> | null; readonly via: CidrMap<EsmtpBlock> | null };

type EsmtpFields = { readonly [K in keyof EsmtpBlock]: Field<EsmtpBlock[K]> };

const esmtpFields = Object.fromEntries([
  ...Object.entries(esmtpParamShapes).map(([name, shape]) => [
    name,
    optional(shape as Shape<unknown>),
  ]),
  ...(['peer', 'via'] as const).map((name) => [
    name,
    optional({ read: (value: LuaValue, mode: Mode) => blockMap(value, mode) }),
  ]),
]) as unknown as EsmtpFields;

const ESMTP_PARAMS: Shape<EsmtpBlock> = struct('EsmtpListenerParams', esmtpFields, 'plain');

export const ESMTP_LISTENER = struct(
  'EsmtpListenerParams',
  {
    listen: defaulted(text, '127.0.0.1:2025'),
    max_connections: defaulted(usize, 32_768),
    ...esmtpFields,
  },
  'plain',
);

/** Networks to blocks. The narrowest network that holds an address decides. */
function blockMap(value: LuaValue, mode: Mode): CidrMap<EsmtpBlock> {
  const blocks = Object.entries(record(anything).read(value, mode)).map(([key, item]) => ({
    network: networkOf(key),
    block: ESMTP_PARAMS.read(item, mode),
  }));
  // Narrow networks last: an insertion replaces what it overlaps.
  blocks.sort((a, b) => a.network.prefixBits - b.network.prefixBits);
  const map = new CidrMap<EsmtpBlock>();
  for (const { network, block } of blocks) map.set(network, block);
  return map;
}

function networkOf(key: string): Network {
  try {
    return parseNetwork(key);
  } catch (error) {
    throw new SerdeError((error as Error).message);
  }
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
    overlay: (params, override, peerIp, localIp) => {
      const block = deserialize(ESMTP_PARAMS, jsonToLua(override), pairsOf);
      return applyBlocks(overlay(params, block), block, peerIp, localIp);
    },
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
