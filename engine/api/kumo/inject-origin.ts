/**
 * Who injects and where: what a message's metadata, the policy and the window are told of it.
 *
 * Source: reference `http-logs-reception.md` §1.3, §1.6.
 */
import { hostname } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { newSessionId } from '../../base/ids.ts';
import type { Random } from '../../base/random.ts';
import type { AuthInfo } from '../../mail/connection-meta.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import type { SessionFacts } from '../../store/store.ts';

export interface InjectOrigin {
  readonly auth: AuthInfo;
  readonly peerIp: string;
  readonly localIp: string;
  /** Of the listener; the machine's for requests of the policy. */
  readonly hostname: string;
  /** `ip:port` of the listener, for the window. */
  readonly listener: string;
}

/** The caller of `kumo.api.inject`, and of nothing else. */
const LOCAL_SYSTEM: AuthInfo = {
  peerAddress: '127.0.0.1',
  identities: [{ identity: 'kumomta.internal', context: 'LocalSystem' }],
  groups: [],
};

export function localOrigin(auth: AuthInfo = LOCAL_SYSTEM): InjectOrigin {
  const ip = '127.0.0.1';
  return { auth, peerIp: ip, localIp: ip, hostname: hostname(), listener: 'kumo.api.inject' };
}

/** The metadata every injected message has. */
export function originMeta(origin: InjectOrigin): JsonObject {
  return {
    http_auth: httpAuth(origin.auth, origin.peerIp),
    reception_protocol: 'HTTP',
    received_from: origin.peerIp,
    received_via: origin.localIp,
    hostname: origin.hostname,
  };
}

/** The first HTTP-Basic identity, else the first identity, else the peer's address. */
function httpAuth(auth: AuthInfo, peerIp: string): string {
  const basic = auth.identities.find((i) => i.context === 'HttpBasicAuth');
  return (basic ?? auth.identities[0])?.identity ?? peerIp;
}

export function authToMeta(auth: AuthInfo): JsonObject {
  return {
    peer_address: auth.peerAddress,
    identities: auth.identities.map(({ identity, context }) => ({ identity, context })),
    groups: [...auth.groups],
  };
}

export function authFromMeta(value: JsonValue | undefined): AuthInfo {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return LOCAL_SYSTEM;
  const { peer_address: peer, identities, groups } = value;
  return {
    peerAddress: typeof peer === 'string' ? peer : null,
    identities: Array.isArray(identities) ? (identities as AuthInfo['identities']) : [],
    groups: Array.isArray(groups) ? groups.map(String) : [],
  };
}

export function sessionFacts(
  deps: { readonly mailClock: Clock; readonly clock: Clock; readonly random: Random },
  origin: InjectOrigin,
): SessionFacts {
  return {
    id: newSessionId(deps.random),
    listener: origin.listener,
    peer: origin.peerIp,
    protocol: origin.auth.identities.some((i) => i.context === 'LocalSystem') ? 'Lua' : 'HTTP',
    startedMs: deps.mailClock.now(),
    startedRealMs: deps.clock.now(),
    ehlo: null,
    tls: null,
    auth: origin.auth.identities[0]?.identity ?? null,
  };
}
