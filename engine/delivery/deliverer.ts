/**
 * One attempt: what a ready queue asks of a protocol, and what it gets back. One file per
 * protocol implements `Deliverer`; the queue alone decides when, how often and what next.
 */
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { PeerAddress } from '../log/record.ts';
import type { EventCall } from '../policy/event-call.ts';
import type { EgressPathConfig, EgressSource, MxListEntry } from '../policy/settings.ts';
import type { TranscriptLine } from '../store/store.ts';

/** What one attempt returned for a group of recipients with the same reply. */
export interface Outcome {
  /** `rebound`: the message went into another queue by itself and is not this one's any more. */
  readonly kind: 'delivered' | 'deferred' | 'bounced' | 'rebound';
  /** Indexes into `message.recipients`; `all` also means every message of a batch. */
  readonly recipients: readonly number[] | 'all';
  readonly reply: SmtpReply;
  /** Too many recipients at RCPT: not logged, tried again at once on the same connection. */
  readonly tooManyRecipients?: true;
}

/** What every record of a session says about where it went. */
export interface SessionAddress {
  readonly peerAddress: PeerAddress | null;
  readonly sourceAddress: { readonly address: string } | null;
  readonly tls: {
    readonly cipher: string;
    readonly protocolVersion: string;
    readonly peerSubjectName: readonly string[];
  } | null;
}

export interface AttemptReport {
  readonly outcomes: readonly Outcome[];
  readonly address: SessionAddress;
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  readonly details: JsonObject;
  /** The connection is gone: the session must connect (to its next host) before another message. */
  readonly connectionBroken: boolean;
  /**
   * The attempt goes on for some recipients: the next batch (`max_recipients_per_batch`), those
   * the peer called too many, or the same ones at the next host. Log these outcomes, drop the
   * delivered and bounced recipients from the message, and call `connect` and `deliver` again
   * before anything else; the session remembers who is left. No requeue, no new attempt.
   */
  readonly unfinished?: true;
}

/**
 * No candidate host could be reached: KumoMTA's reply number 16. `message` is what follows
 * `failed to connect to any candidate hosts: `, the summary of equal failures included.
 */
export class ConnectFailure extends Error {
  readonly transcript: readonly TranscriptLine[];
  readonly events: readonly EventCall[];
  readonly details: JsonObject;
  /** Logged instead of reply number 16 when it is set: the guard refused every way out. */
  readonly reply: SmtpReply | null;

  constructor(
    message: string,
    trail: {
      transcript?: readonly TranscriptLine[];
      events?: readonly EventCall[];
      details?: JsonObject;
      reply?: SmtpReply;
    } = {},
  ) {
    super(message);
    this.name = 'ConnectFailure';
    this.transcript = trail.transcript ?? [];
    this.events = trail.events ?? [];
    this.details = trail.details ?? {};
    this.reply = trail.reply ?? null;
  }
}

/** The plan itself decides the fate of everything in the ready queue (null MX, prohibited host). */
export class PlanFailure extends Error {
  readonly reply: SmtpReply;
  readonly kind: 'deferred' | 'bounced';
  readonly reason:
    'FailedDueToNullMx' | 'MxResolvedToZeroHosts' | 'MxWasProhibited' | 'MxWasSkipped';
  readonly details: JsonObject;

  constructor(
    reply: SmtpReply,
    kind: 'deferred' | 'bounced',
    reason: PlanFailure['reason'],
    details: JsonObject = {},
  ) {
    super(reply.text);
    this.name = 'PlanFailure';
    this.reply = reply;
    this.kind = kind;
    this.reason = reason;
    this.details = details;
  }
}

/** A message that must go back without a record: the reused connection was closed by the peer. */
export class ReturnMessage extends Error {
  readonly reason: 'PeerClosedConnection' | 'DispatcherDrop';

  constructor(reason: 'PeerClosedConnection' | 'DispatcherDrop') {
    super(reason);
    this.name = 'ReturnMessage';
    this.reason = reason;
  }
}

/** One session (KumoMTA's dispatcher): a connection, reused for several messages. */
export interface DeliverySession {
  readonly id: string;
  /**
   * Looks up the plan. Called before a message is taken.
   * @throws {PlanFailure} the fate of everything in the ready queue
   * @throws {DnsError} an `mx_list` entry is malformed: KumoMTA logs nothing, keeps the messages
   *   and tries again about once a second
   */
  plan(): Promise<void>;
  /**
   * Makes sure there is a connection; called with the messages in hand, so its failure is theirs.
   * @throws {ConnectFailure} all candidates failed
   * @throws {ReturnMessage} the reused connection had been closed and the plan has no host left;
   *   `isExhausted` is true from then on
   */
  connect(messages: readonly Message[]): Promise<void>;
  /**
   * One attempt for these messages (one, unless the protocol batches).
   * @param recorded resolves when the attempt is known after a crash: nothing that may count as a
   *   delivery happens before; default: it is
   * @throws {Error} anything else: KumoMTA's "error in deliver_message: …". The session goes on,
   *   and `connect` decides for the next message
   */
  deliver(messages: readonly Message[], recorded?: Promise<void>): Promise<AttemptReport>;
  /** Whether the plan has no host left, so that the session ends without an error. */
  readonly isExhausted: boolean;
  readonly phase: string;
  /** The open connection's peer, for the window. */
  readonly peer: string | null;
  close(): Promise<void>;
  abort(): void;
}

export interface SmtpSessionSettings {
  readonly sessionId: string;
  readonly readyQueue: string;
  readonly domain: string;
  readonly routingDomain: string | null;
  readonly tenant: string | null;
  readonly campaign: string | null;
  readonly mxList: readonly MxListEntry[];
  readonly treatMxListAsSecure?: boolean;
  readonly source: EgressSource;
  /** Whose source it is; for those who watch. */
  readonly pool?: string;
  readonly path: EgressPathConfig;
  /**
   * KumoMTA's default `prohibited_hosts` keep a production server from talking to itself. Here the
   * destinations on this machine are the ones that matter: then loopback is never prohibited.
   */
  readonly reachesLoopback?: boolean;
}

export interface SmtpDeliverer {
  open(settings: SmtpSessionSettings): DeliverySession;
}
