/**
 * Everything a listener is given, in memory: a policy made of functions, a queue and a log that
 * remember, listener settings from a few words. What happened can be read from `world`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../engine/base/clock.ts';
import { CidrSet } from '../../engine/base/cidr.ts';
import { SpoolIdSource } from '../../engine/base/ids.ts';
import { SystemRandom } from '../../engine/base/random.ts';
import type { Disposition, DispositionLog, LogRecord } from '../../engine/log/record.ts';
import type { JsonObject } from '../../engine/mail/json.ts';
import type { Message } from '../../engine/mail/message.ts';
import { flatten } from '../../engine/mail/smtp-reply.ts';
import type { PolicyEvents } from '../../engine/policy/events.ts';
import type { EsmtpListenerParams, EsmtpListenerSettings } from '../../engine/policy/settings.ts';
import type { QueueDoor } from '../../engine/queue/queue-door.ts';
import { CertificateFolder } from '../../engine/reception/certificate.ts';
import { EsmtpListener } from '../../engine/reception/listener.ts';
import { STRICT_MODE } from '../../engine/reception/mode.ts';
import type { ReceptionMode } from '../../engine/reception/mode.ts';
import type { ReceptionDeps } from '../../engine/reception/reception-deps.ts';
import { TlsContexts } from '../../engine/reception/tls.ts';
import { TraceHub } from '../../engine/reception/trace-hub.ts';
import { MemoryStore } from './memory-store.ts';

type Handler = (...args: never[]) => unknown;

/** What an event gives when the policy has no handler for it. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  smtp_server_auth_plain: false,
  smtp_server_rewrite_response: { status: null, text: null },
};

/** A policy of plain functions by event name. They get the event's arguments without the trace. */
export class FakePolicy {
  readonly handlers = new Map<string, Handler>();
  /** Names of the events that were called, in order. */
  readonly calls: string[] = [];
  readonly events: PolicyEvents;

  constructor() {
    const has = (event: string): boolean => this.handlers.has(event);
    this.events = new Proxy({} as PolicyEvents, {
      get: (_, name) => (name === 'has' ? has : this.#caller(String(name))),
    });
  }

  on(event: string, handler: Handler): this {
    this.handlers.set(event, handler);
    return this;
  }

  #caller(method: string): (...args: never[]) => Promise<unknown> {
    const event = method.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return async (...args) => {
      this.calls.push(event);
      const handler = this.handlers.get(event);
      return (handler ? await handler(...args) : undefined) ?? DEFAULTS[event] ?? null;
    };
  }
}

export class FakeQueue implements QueueDoor {
  readonly resolved: string[] = [];
  readonly inserted: Message[] = [];
  /** Thrown by `resolve` and `insert` of the queue of that name. */
  readonly resolveErrors = new Map<string, Error>();
  readonly insertErrors = new Map<string, Error>();
  /** `insert` waits for it. */
  hold: Promise<void> | null = null;

  async resolve(queueName: string): Promise<void> {
    this.resolved.push(queueName);
    const error = this.resolveErrors.get(queueName);
    if (error) throw error;
  }

  async insert(message: Message): Promise<void> {
    await this.hold;
    const error = this.insertErrors.get(message.queueName());
    if (error) throw error;
    this.inserted.push(message);
  }
}

export class FakeLog implements DispositionLog {
  readonly records: Disposition[] = [];

  async record(disposition: Disposition): Promise<LogRecord> {
    this.records.push(disposition);
    return {} as LogRecord;
  }

  /** `Rejection 550 5.1.1 text | command | sender -> recipient`, for comparing whole lists. */
  summary(): string[] {
    return this.records.map((record) => {
      const { response: r, override } = record;
      const enhanced = r.enhanced
        ? `${r.enhanced.class}.${r.enhanced.subject}.${r.enhanced.detail} `
        : '';
      const sender = override?.sender ?? record.message?.sender.email ?? '';
      const to = override?.recipient ?? record.message?.recipients.map((one) => one.email).join();
      const reply = `${r.code} ${enhanced}${flatten(r.text)}`.trim();
      return `${record.type} ${reply} | ${r.command ?? '-'} | ${sender} -> ${String(to)}`;
    });
  }
}

export const BASE_PARAMS: EsmtpListenerParams = {
  hostname: 'mx.golden.test',
  banner: 'golden',
  relayHosts: new CidrSet(['127.0.0.1']),
  batchHandling: 'BifurcateAlways',
  tlsCertificate: null,
  tlsPrivateKey: null,
  tlsRequiredClientCa: null,
  deferredSpool: false,
  deferredQueue: false,
  allowXclient: false,
  requireProxyProtocol: false,
  traceHeaders: {
    receivedHeader: false,
    supplementalHeader: false,
    headerName: 'X-KumoRef',
    includeMetaNames: [],
  },
  clientTimeoutMs: 60_000,
  dataProcessingTimeoutMs: 300_000,
  maxMessagesPerConnection: 10_000,
  maxRecipientsPerMessage: 1024,
  maxMessageSize: 20 * 1024 * 1024,
  dataBufferSize: 128 * 1024,
  invalidLineEndings: 'Deny',
  lineLengthHardLimit: 998,
  meta: {},
};

export interface FakeListenerOptions {
  readonly params?: Partial<EsmtpListenerParams>;
  /** By peer address, over the base. */
  readonly peers?: Readonly<Record<string, Partial<EsmtpListenerParams>>>;
  readonly maxConnections?: number;
  readonly mode?: ReceptionMode;
  readonly isImplicitTls?: boolean;
  /** What the policy wrote, when the listener is elsewhere. */
  readonly listen?: string;
  readonly deps?: Partial<ReceptionDeps>;
}

/** A listener on a free port with everything around it. Dispose it, and nothing is left running. */
export class ReceptionWorld {
  readonly policy = new FakePolicy();
  readonly store = new MemoryStore();
  readonly queue = new FakeQueue();
  readonly log = new FakeLog();
  readonly diagnostics: string[] = [];
  readonly counts = { denied: 0, open: 0, received: 0, rejections: 0 };
  readonly tracer = new TraceHub(new SystemClock());
  listener!: EsmtpListener;
  readonly #folder = mkdtempSync(join(tmpdir(), 'reception-'));

  static async open(options: FakeListenerOptions = {}): Promise<ReceptionWorld> {
    const world = new ReceptionWorld();
    world.listener = await EsmtpListener.open(
      {
        settings: fakeSettings(options),
        mode: options.mode ?? STRICT_MODE,
        isImplicitTls: options.isImplicitTls ?? false,
        ...(options.listen !== undefined && { at: '127.0.0.1:0' }),
      },
      { ...world.#deps(), ...options.deps },
    );
    return world;
  }

  get address(): string {
    return this.listener.address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #deps(): ReceptionDeps {
    const clock = new SystemClock();
    const random = new SystemRandom();
    const { counts } = this;
    return {
      clock,
      mailClock: clock,
      random,
      ids: new SpoolIdSource(clock, random),
      events: this.policy.events,
      store: this.store,
      queue: this.queue,
      log: this.log,
      tls: new TlsContexts(new CertificateFolder(this.#folder, clock), async (source) =>
        source.kind === 'data' ? source.data : readFileSync(String(Object.values(source)[1])),
      ),
      metrics: {
        connectionDenied: () => void counts.denied++,
        took: () => {},
        connectionOpened: () => void counts.open++,
        connectionClosed: () => void counts.open--,
        messageReceived: () => void counts.received++,
        rejection: () => void counts.rejections++,
      },
      audit: { authentication: () => {} },
      tracer: this.tracer,
      overlay: null,
      refusal: () => null,
      diagnostic: (level, text) => void this.diagnostics.push(`${level}: ${text}`),
    };
  }
}

function fakeSettings(options: FakeListenerOptions): EsmtpListenerSettings {
  const base = { ...BASE_PARAMS, ...options.params };
  return {
    listen: options.listen ?? '127.0.0.1:0',
    maxConnections: options.maxConnections ?? 32_768,
    base,
    paramsFor: (peerIp) => ({ ...base, ...options.peers?.[peerIp] }),
    overlay: (params, override) => ({ ...params, ...fromSnakeCase(override) }),
  };
}

function fromSnakeCase(override: JsonObject): Partial<EsmtpListenerParams> {
  return Object.fromEntries(
    Object.entries(override).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

/** Resolves when `condition` holds; fails with `what` when it does not within five seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
