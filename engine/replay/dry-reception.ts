/**
 * A transaction received dry: the real reception talks to a client in memory, asks the dry policy,
 * and hands what it would store to this file instead of the store.
 */
import type { JsonObject } from '../mail/json.ts';
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { Message } from '../mail/message.ts';
import { buildRecord } from '../log/build-record.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { EsmtpListenerSettings } from '../policy/settings.ts';
import type { Clock } from '../base/clock.ts';
import { CertificateFolder } from '../reception/certificate.ts';
import { wantedEndpoint } from '../reception/endpoint.ts';
import type { ReceptionMode } from '../reception/mode.ts';
import type { ReceptionOverlay } from '../reception/overlay.ts';
import type { ReceptionDeps } from '../reception/reception-deps.ts';
import { Session } from '../reception/session.ts';
import { TlsContexts } from '../reception/tls.ts';
import { TraceHub } from '../reception/trace-hub.ts';
import type { Store, StoredTransaction, TranscriptLine } from '../store/store.ts';
import { converse } from './dry-client.ts';
import type { ClientStory, DryEnvelope } from './dry-client.ts';
import type { DryPolicy } from './dry-policy.ts';
import type { DryQueues } from './dry-queues.ts';
import { memorySocket } from './memory-socket.ts';
import { changesBetween, lookAt, mergedChanges, NO_CHANGES } from './message-changes.ts';
import type { MessageChanges } from './message-changes.ts';
import { nobody } from './nobody.ts';

/** A dry run that takes longer than this is given up. */
const RUN_MS_MAX = 30_000;

export interface DryArrival extends DryEnvelope {
  readonly peer: string;
  /** Set on the connection before MAIL. */
  readonly meta: JsonObject;
  /** Somebody who had logged in before: the password is not known any more. */
  readonly identity: string | null;
}

export interface DryReception {
  readonly story: ClientStory;
  /** What would have been stored; null when no transaction was opened. */
  readonly stored: StoredTransaction | null;
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  /** What the policy did to each message. */
  readonly changesOf: (message: Message) => MessageChanges;
  readonly listener: string;
}

export interface DryReceptionParts {
  readonly policy: DryPolicy;
  readonly queues: (events: PolicyEvents) => DryQueues;
  readonly overlay: ReceptionOverlay | null;
  readonly listener: EsmtpListenerSettings;
  readonly mode: ReceptionMode;
}

/** @throws {Error} it takes too long */
export async function receiveDry(
  parts: DryReceptionParts,
  arrival: DryArrival,
): Promise<DryReception> {
  const { policy, listener, mode } = parts;
  const store = new KeptTransactions();
  const watched = new WatchedMessages(policy.events);
  const deps = receptionDeps(parts, watched.events, store.door);
  const { story, session } = await receiveInMemory(deps, { listener, mode }, arrival);
  const stored = store.last;
  const rest = session.trail.take();
  return {
    story,
    stored,
    transcript: [...(stored?.transcript ?? []), ...rest.transcript],
    events: [...(stored?.events ?? []), ...rest.events],
    changesOf: (message) => watched.changesOf(message),
    listener: listener.listen,
  };
}

/**
 * A transaction over a connection that exists only in memory; with the dependencies of a running
 * engine it is received for real.
 * @throws {Error} it takes too long
 */
export async function receiveInMemory(
  deps: ReceptionDeps,
  { listener, mode }: { readonly listener: EsmtpListenerSettings; readonly mode: ReceptionMode },
  arrival: DryArrival,
): Promise<{ readonly story: ClientStory; readonly session: Session }> {
  const { server, client } = memorySocket();
  const session = new Session(
    server,
    {
      address: listener.listen,
      settings: listener,
      mode: { ...mode, offerFriendlyAuth: true },
      isImplicitTls: false,
      inserts: { count: 0 },
    },
    deps,
    {
      peer: { ip: arrival.peer, port: 40_000 },
      local: wantedEndpoint(listener.listen, { ip: '127.0.0.1', port: 25 }),
    },
    () => undefined,
  );
  session.start();
  const prepare = (): void => {
    for (const [key, value] of Object.entries(arrival.meta)) session.meta.set(key, value);
    if (arrival.identity !== null) loggedIn(session, arrival.identity);
  };
  try {
    const story = await within(deps.clock, converse(client, arrival, prepare));
    return { story, session };
  } finally {
    client.destroy();
    server.destroy();
  }
}

/** The state after a login that cannot be repeated. */
function loggedIn(session: Session, identity: string): void {
  const { meta } = session;
  session.identity = identity;
  const identities: AuthInfo['identities'] = [
    { identity, context: 'SmtpAuthPlainAuthorization' },
    { identity, context: 'SmtpAuthPlainAuthentication' },
  ];
  meta.authInfo.identities.push(...identities);
  meta.set('authz_id', identity);
  meta.set('authn_id', identity);
}

function receptionDeps(
  parts: DryReceptionParts,
  events: PolicyEvents,
  store: Store,
): ReceptionDeps {
  const { policy, overlay, queues } = parts;
  const nothing = (): void => undefined;
  return {
    clock: policy.clock,
    mailClock: policy.mailClock,
    random: policy.random,
    ids: policy.ids,
    events,
    store,
    queue: queues(events),
    log: {
      record: (disposition) =>
        Promise.resolve(buildRecord(disposition, policy.mailClock.now(), 'dry-run')),
    },
    // The conversation never asks for TLS.
    tls: new TlsContexts(new CertificateFolder('', policy.clock), (source) =>
      policy.host.loadKey(source),
    ),
    metrics: {
      connectionDenied: nothing,
      took: nothing,
      connectionOpened: nothing,
      connectionClosed: nothing,
      messageReceived: nothing,
      rejection: nothing,
    },
    audit: { authentication: nothing },
    tracer: new TraceHub(policy.mailClock),
    overlay,
    refusal: () => null,
    diagnostic: (level, text) => policy.services.diagnostic(level, text),
  };
}

/** Keeps the last transaction; rows get numbers that mean nothing. */
class KeptTransactions {
  last: StoredTransaction | null = null;
  #rows = 0;

  readonly door: Store = new Proxy(nobody<Store>('store'), {
    get: (target, name) =>
      name === 'saveTransaction'
        ? (stored: StoredTransaction) => this.#save(stored)
        : (Reflect.get(target, name) as unknown),
  });

  #save(stored: StoredTransaction): Promise<void> {
    this.last = stored;
    for (const { message } of stored.messages) {
      message.rowSeq = this.#rows + 1;
      this.#rows += message.recipients.length;
    }
    return Promise.resolve();
  }
}

/** The policy's events, with a look at the message before and after those that may change it. */
class WatchedMessages {
  readonly events: PolicyEvents;
  readonly #changes = new Map<Message, MessageChanges>();
  /** By the handlers that saw the message before it was split. */
  #whole: MessageChanges = NO_CHANGES;

  constructor(events: PolicyEvents) {
    const watched = {
      smtpServerData: async (message: Message, ...rest: Rest<'smtpServerData'>): Promise<void> => {
        const before = lookAt(message);
        await events.smtpServerData(message, ...rest);
        this.#whole = changesBetween(before, lookAt(message));
      },
      smtpServerMessageReceived: async (
        message: Message,
        ...rest: Rest<'smtpServerMessageReceived'>
      ): Promise<void> => {
        const before = lookAt(message);
        try {
          await events.smtpServerMessageReceived(message, ...rest);
        } finally {
          const own = changesBetween(before, lookAt(message));
          this.#changes.set(message, mergedChanges(this.#whole, own));
        }
      },
    };
    this.events = new Proxy(events, {
      get: (target, name) => {
        if (Object.hasOwn(watched, name)) return watched[name as keyof typeof watched];
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }

  changesOf(message: Message): MessageChanges {
    return this.#changes.get(message) ?? this.#whole;
  }
}

type Rest<M extends 'smtpServerData' | 'smtpServerMessageReceived'> =
  Parameters<PolicyEvents[M]> extends [Message, ...infer R] ? R : never;

/** @throws {Error} after the time that a dry run may take */
export async function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = clock.sleep(RUN_MS_MAX, abort.signal).then(() => {
    throw new Error(`the dry run took longer than ${RUN_MS_MAX / 1000} s and was given up`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    abort.abort();
  }
}
