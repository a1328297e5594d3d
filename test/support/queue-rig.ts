/**
 * The queue with everything around it faked: a simulated clock, a store in memory, a policy made
 * of functions, peers that answer from a script. Everything that was logged is in `records`.
 */
import { CallTrace } from '../../engine/delivery/attempt.ts';
import { GcraStore } from '../../engine/base/gcra.ts';
import { SeededRandom } from '../../engine/base/random.ts';
import type { Random } from '../../engine/base/random.ts';
import type { SessionId, SpoolIdSource } from '../../engine/base/ids.ts';
import { ConnectFailure } from '../../engine/delivery/deliverer.ts';
import type {
  AttemptReport,
  DeliverySession,
  Outcome,
  SmtpSessionSettings,
} from '../../engine/delivery/deliverer.ts';
import type { MaildirDeliverer, MaildirRequest } from '../../engine/delivery/maildir-delivery.ts';
import type { Disposition, LogRecord } from '../../engine/log/record.ts';
import type { Message } from '../../engine/mail/message.ts';
import { reply, singleLine } from '../../engine/mail/smtp-reply.ts';
import type { PolicyEvents } from '../../engine/policy/events.ts';
import type { EgressPathConfig, QueueConfig } from '../../engine/policy/settings.ts';
import { DEFAULT_QUEUE_CONFIG } from '../../engine/queue/built-in-queues.ts';
import type { QueueDeps } from '../../engine/queue/queue-deps.ts';
import { Queues } from '../../engine/queue/queues.ts';
import type { RowState } from '../../engine/store/store.ts';
import { testPath } from './delivery.ts';
import { makeMessage, spoolIds } from './make-message.ts';
import type { MessageSpec } from './make-message.ts';
import { MemoryStore } from './memory-store.ts';
import { SimClock } from './sim-clock.ts';

/** What a peer does with one message, by its first recipient or for all: `451 4.2.0 wait`. */
type PeerScript = (message: Message, session: FakeSession) => AttemptReport | Error | string;

type Handlers = { -readonly [K in keyof PolicyEvents]?: PolicyEvents[K] };

export interface RigOptions {
  readonly mode?: 'strict' | 'ordinary';
  readonly random?: Random;
  readonly config?: Partial<QueueConfig> | ((domain: string) => Partial<QueueConfig>);
  readonly path?: Partial<EgressPathConfig>;
  readonly peer?: PeerScript;
  readonly plan?: (settings: SmtpSessionSettings) => void;
  readonly connect?: (session: FakeSession) => void;
  readonly events?: Handlers;
  readonly maildirs?: MaildirDeliverer;
  readonly deps?: Partial<QueueDeps>;
  readonly store?: MemoryStore;
  readonly clock?: SimClock;
}

export interface Rig {
  readonly clock: SimClock;
  readonly store: MemoryStore;
  readonly queues: Queues;
  readonly ids: SpoolIdSource;
  readonly records: Disposition[];
  readonly sessions: FakeSession[];
  readonly diagnostics: string[];
  /** Made, stored, inserted as received. */
  receive(spec?: MessageSpec, change?: (message: Message) => void): Promise<Message>;
  /** `Type code text` of every record, with the attempt count in front. */
  told(): string[];
  /** Seconds since the rig began, with what was logged then. */
  timeline(): string[];
}

const TO_SINK: QueueConfig['protocol'] = {
  kind: 'smtp',
  mxList: [{ kind: 'resolved', name: 'mx.sink.test', addr: '127.0.0.1:25' }],
  treatMxListAsSecure: false,
};

export const SINK_QUEUE = 'unspecified->mx_list:127.0.0.1:25@smtp_client';

export class FakeSession implements DeliverySession {
  readonly id: string;
  readonly settings: SmtpSessionSettings;
  readonly log: string[] = [];
  isExhausted = false;
  phase = 'Starting';
  peer: string | null = null;
  readonly #options: RigOptions;

  constructor(settings: SmtpSessionSettings, options: RigOptions) {
    this.id = settings.sessionId;
    this.settings = settings;
    this.#options = options;
  }

  async plan(): Promise<void> {
    this.#options.plan?.(this.settings);
  }

  async connect(): Promise<void> {
    if (this.peer !== null) return;
    this.log.push('connect');
    this.#options.connect?.(this);
    this.peer = '127.0.0.1:25';
  }

  async deliver([message]: readonly Message[]): Promise<AttemptReport> {
    if (message === undefined) throw new Error('nothing to deliver');
    this.log.push(message.recipients.map(({ email }) => email).join(' '));
    const answer = this.#options.peer?.(message, this) ?? '250 2.0.0 queued';
    if (answer instanceof Error) throw answer;
    return typeof answer === 'string' ? report([outcome(answer)]) : answer;
  }

  async close(): Promise<void> {
    this.log.push('close');
    this.peer = null;
  }

  abort(): void {
    this.log.push('abort');
    this.peer = null;
  }
}

/** `451 4.2.0 wait` as an outcome for all recipients, or for those of the indexes. */
export function outcome(text: string, recipients: readonly number[] | 'all' = 'all'): Outcome {
  const code = Number(text.slice(0, 3));
  const kind = code < 300 ? 'delivered' : code < 500 ? 'deferred' : 'bounced';
  return { kind, recipients, reply: reply(code, text.slice(4)) };
}

export function report(
  outcomes: readonly Outcome[],
  change: Partial<AttemptReport> = {},
): AttemptReport {
  return {
    outcomes,
    address: {
      peerAddress: { name: 'mx.sink.test', addr: '127.0.0.1:25' },
      sourceAddress: { address: '127.0.0.1:40000' },
      tls: null,
    },
    transcript: [],
    events: [],
    details: {},
    connectionBroken: false,
    ...change,
  };
}

/** Fails every connection with this text. */
export function refuse(text: string): () => void {
  return () => {
    throw new ConnectFailure(text);
  };
}

export function makeRig(options: RigOptions = {}): Rig {
  const clock = options.clock ?? new SimClock();
  const store = options.store ?? new MemoryStore();
  const ids = spoolIds(clock, 3);
  const records: Disposition[] = [];
  const sessions: FakeSession[] = [];
  const diagnostics: string[] = [];
  const startMs = clock.now();
  const times: number[] = [];
  const queues = new Queues({
    mode: options.mode ?? 'ordinary',
    clock,
    realClock: clock,
    random: options.random ?? new SeededRandom(11),
    events: fakeEvents(options),
    store,
    log: {
      record: async (disposition) => {
        records.push({ ...disposition, override: seenNow(disposition) });
        times.push(clock.now() - startMs);
        keep(store, disposition, clock.now());
        return {} as LogRecord;
      },
    },
    throttles: new GcraStore(),
    mx: {
      lookupMx: async (domain) => ({
        domainName: domain,
        hosts: [`mx.${domain}.`],
        siteName: `mx.${domain}`,
        byPreference: new Map(),
        isDomainLiteral: false,
        isSecure: false,
        isMx: true,
        answeredBy: 'test',
      }),
    },
    smtp: {
      open: (settings) => {
        const session = new FakeSession(settings, options);
        sessions.push(session);
        return session;
      },
    },
    maildirs: options.maildirs ?? fakeMaildirs(),
    inProcess: {
      generate: async () => {},
      injectDeferred: async () => {},
      newTrace: () => new CallTrace(clock),
    },
    overlay: null,
    leaving: null,
    diagnostic: (level, text) => void diagnostics.push(`${level}: ${text}`),
    ...options.deps,
  });
  return {
    clock,
    store,
    queues,
    ids,
    records,
    sessions,
    diagnostics,
    receive: async (spec = {}, change = () => {}) => {
      const message = makeMessage(ids, spec);
      change(message);
      await store.saveMessage(message, nameOf(message), origin());
      await queues.insert(message, 'Received', null);
      await clock.settle();
      return message;
    },
    told: () => records.map(tell),
    timeline: () =>
      records.map((record, i) => `${((times[i] ?? 0) / 1000).toString()} s ${tell(record)}`),
  };
}

function tell(record: Disposition): string {
  return `${record.override?.numAttempts} ${record.type} ${singleLine(record.response)}`;
}

/** What the record would say at the time it was written: the message changes afterwards. */
function seenNow({ message }: Disposition): NonNullable<Disposition['override']> {
  return {
    numAttempts: message?.numAttempts ?? 0,
    size: message?.residentSize ?? 0,
    recipient: message?.recipients.map(({ email }) => email) ?? [],
    ...(message === undefined ? {} : { sender: nameOf(message) }),
  };
}

function nameOf(message: Message): string {
  try {
    return message.queueName();
  } catch {
    return '?';
  }
}

function keep(store: MemoryStore, disposition: Disposition, timeMs: number): void {
  const states: Partial<Record<string, RowState>> = {
    Delivery: 'delivered',
    Bounce: 'bounced',
    AdminBounce: 'bounced',
    TransientFailure: 'deferred',
    Delayed: 'deferred',
    Expiration: 'expired',
  };
  store.addRecord({
    type: disposition.type,
    timeMs,
    json: '{}',
    messageId: disposition.message?.id ?? null,
    rowSeqs: disposition.rowSeqs ?? [],
    state: states[disposition.type] ?? null,
    code: disposition.response.code,
    text: singleLine(disposition.response),
    attemptId: disposition.attemptId ?? null,
  });
}

function fakeEvents(options: RigOptions): PolicyEvents {
  const handlers = options.events ?? {};
  const names: Record<string, keyof PolicyEvents> = {
    throttle_insert_ready_queue: 'throttleInsertReadyQueue',
    requeue_message: 'requeueMessage',
    spool_message_enumerated: 'spoolMessageEnumerated',
  };
  const defaults: Handlers = {
    has: (event) => names[event] !== undefined && handlers[names[event]] !== undefined,
    getQueueConfig: async (domain) => ({
      ...DEFAULT_QUEUE_CONFIG,
      protocol: TO_SINK,
      ...(typeof options.config === 'function' ? options.config(domain) : options.config),
    }),
    getEgressPathConfig: async () => testPath({ ehloDomain: null, ...options.path }),
    spoolMessageEnumerated: async () => {},
    getEgressPool: async (name) => ({ name, entries: [], ttlMs: 60_000 }),
    getEgressSource: async () => Promise.reject(new Error('no such source')),
  };
  return new Proxy({ ...defaults, ...handlers } as PolicyEvents, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (value !== undefined) return value;
      return () => Promise.reject(new Error(`the test registered no ${String(name)}`));
    },
  });
}

/** Maildirs that take everything and remember it. */
export function fakeMaildirs(
  deliver: (request: MaildirRequest) => ReturnType<MaildirDeliverer['deliver']> = async ({
    message,
    protocol,
  }) => ({
    written: message.recipients.map((_, recipient) => ({
      recipient,
      place: protocol.path,
      unique: `u${recipient}`,
    })),
    failed: [],
  }),
  isImmediate = true,
): MaildirDeliverer {
  return { isImmediate, room: async () => {}, deliver, close: async () => {} };
}

export function origin(): Parameters<MemoryStore['saveMessage']>[2] {
  return {
    id: 's' as SessionId,
    listener: '127.0.0.1:25',
    peer: '127.0.0.1:1',
    protocol: 'ESMTP',
    startedMs: 0,
    startedRealMs: 0,
    ehlo: null,
    tls: null,
    auth: null,
  };
}
