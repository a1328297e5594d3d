/**
 * What tests of deliveries need of the other stages: a path and a source with KumoMTA's defaults, a
 * policy without handlers, messages, and a clock that knows how many of its timers are running.
 */
import { SpoolIdSource } from '../../engine/base/ids.ts';
import { CidrSet } from '../../engine/base/cidr.ts';
import { sleepOn, SystemClock } from '../../engine/base/clock.ts';
import type { Clock, Timer } from '../../engine/base/clock.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import { Message } from '../../engine/mail/message.ts';
import { parseEnvelopeAddress } from '../../engine/mail/path.ts';
import type { PolicyEvents } from '../../engine/policy/events.ts';
import type { EgressPathConfig, EgressSource } from '../../engine/policy/settings.ts';

/** Real time that counts the timers it has not yet run or cancelled. */
export class CountingClock implements Clock {
  readonly #clock = new SystemClock({ keepAlive: true });
  pending = 0;

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  timer(delayMs: number, callback: () => void): Timer {
    this.pending++;
    let isDone = false;
    const done = (): void => {
      if (!isDone) this.pending--;
      isDone = true;
    };
    const timer = this.#clock.timer(delayMs, () => {
      done();
      callback();
    });
    return {
      cancel: () => {
        timer.cancel();
        done();
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}

/** As golden policies set it: no TLS, loopback allowed, a fixed EHLO name. */
export function testPath(fields: Partial<EgressPathConfig> = {}): EgressPathConfig {
  return {
    connectionLimit: 32,
    additionalConnectionLimits: {},
    enableTls: 'Disabled',
    enableMtaSts: false,
    enableDane: false,
    enablePipelining: true,
    enableRset: true,
    timeouts: testTimeouts(),
    systemShutdownTimeoutMs: null,
    maxReady: 1024,
    consecutiveConnectionFailuresBeforeDelay: 100,
    smtpPort: 25,
    smtpAuthPlainUsername: null,
    smtpAuthPlainPassword: null,
    allowSmtpAuthPlainWithoutTls: false,
    allowSmtpAuthPlainWithoutValidCertificate: false,
    maxMessageRate: null,
    additionalMessageRateThrottles: {},
    sourceSelectionRate: null,
    additionalSourceSelectionRates: {},
    maxConnectionRate: null,
    maxDeliveriesPerConnection: 1024,
    maxRecipientsPerBatch: 100,
    prohibitedHosts: new CidrSet([]),
    skipHosts: new CidrSet([]),
    ipLookupStrategy: 'Ipv4AndIpv6',
    ehloDomain: 'out.golden.test',
    aggressiveConnectionOpening: false,
    refreshIntervalMs: 60_000,
    refreshStrategy: 'Ttl',
    providerName: null,
    rememberBrokenTlsMs: null,
    opportunisticTlsReconnectOnFailedHandshake: false,
    useLmtp: false,
    reconnectStrategy: 'ConnectNextHost',
    tryNextHostOnTransportError: false,
    ignore8bitChecks: false,
    tlsCertificate: null,
    tlsPrivateKey: null,
    dispatcherProgressWatchdogTimeoutMs: null,
    json: {},
    ...fields,
  };
}

export function testTimeouts(
  fields: Partial<EgressPathConfig['timeouts']> = {},
): EgressPathConfig['timeouts'] {
  return {
    connectMs: 60_000,
    bannerMs: 60_000,
    authMs: 60_000,
    ehloMs: 300_000,
    mailFromMs: 300_000,
    rcptToMs: 300_000,
    dataMs: 300_000,
    dataDotMs: 300_000,
    rsetMs: 5000,
    idleMs: 5000,
    starttlsMs: 5000,
    ...fields,
  };
}

export function testSource(fields: Partial<EgressSource> = {}): EgressSource {
  return {
    name: 'unspecified',
    ehloDomain: null,
    sourceAddress: null,
    remotePort: null,
    haProxyServer: null,
    haProxySourceAddress: null,
    socks5ProxyServer: null,
    socks5ProxySourceAddress: null,
    ttlMs: 60_000,
    ...fields,
  };
}

/** A policy that has the given handlers and no others; anything else that is called fails. */
export function testEvents(
  handlers: Partial<PolicyEvents> = {},
  names: readonly string[] = [],
): PolicyEvents {
  const base = { has: (event: string) => names.includes(event), ...handlers };
  return new Proxy(base, {
    get: (target, key) => {
      if (key in target) return target[key as keyof typeof target];
      throw new Error(`The test policy has no ${String(key)}`);
    },
  }) as PolicyEvents;
}

const ids = new SpoolIdSource(new SystemClock(), new SeededRandom(7));

export function testMessage(
  fields: {
    from?: string;
    to?: string | readonly string[];
    body?: string | Uint8Array;
    meta?: Message['meta'];
  } = {},
): Message {
  const to = fields.to ?? 'a@dest.test';
  const body = fields.body ?? 'Subject: golden\r\n\r\nhello\r\n';
  return new Message({
    id: ids.next(),
    sender: parseEnvelopeAddress(fields.from ?? 'sender@shop.test'),
    recipients: (typeof to === 'string' ? [to] : to).map(parseEnvelopeAddress),
    meta: fields.meta ?? {},
    data: typeof body === 'string' ? Buffer.from(body) : body,
  });
}
