/**
 * One SMTP session (KumoMTA's dispatcher, seen from the wire): a plan, a connection to one of its
 * hosts at a time, and message after message over it.
 *
 * States: new, planned (`plan`), connected (`connect`), broken (the peer left, or said 421, or a
 * transport error; the next `connect` goes to the next host), exhausted (no host left), closed.
 * Invariant: candidates are used front to back and never come back, except that
 * `ReconnectSameHost` puts the current one in front again.
 *
 * Source: reference `queues-delivery.md` §5; golden findings 12-20.
 */
import { toError } from '../base/assert.ts';
import type { MonotonicMs } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventCall, EventTrace } from '../policy/event-call.ts';
import type { PolicyEvents } from '../policy/events.ts';
import { CallTrace } from './attempt.ts';
import { ReturnMessage } from './deliverer.ts';
import type {
  AttemptReport,
  DeliverySession,
  SessionAddress,
  SmtpSessionSettings,
} from './deliverer.ts';
import type { BrokenTlsMemory } from './smtp-broken-tls.ts';
import { ClientError } from './smtp-client-error.ts';
import { ClientTrace } from './smtp-client-trace.ts';
import type { ClientTraceSink } from './smtp-client-trace.ts';
import { addressText } from './smtp-debug-text.ts';
import { OpeningFailure } from './smtp-dial.ts';
import { attemptDetails, connectFailure, unsentNotes, unusedSettings } from './smtp-journey.ts';
import { openCandidate } from './smtp-opening.ts';
import type { OpenedConnection, OpeningDeps } from './smtp-opening.ts';
import { brokenReply, judgeBatch, rewriteReplies } from './smtp-outcomes.ts';
import type { SmtpOutcome } from './smtp-outcomes.ts';
import { makePlan } from './smtp-plan.ts';
import type { Candidate } from './smtp-plan.ts';
import { runTransaction } from './smtp-transaction.ts';
import type { RecipientReply } from './smtp-transaction.ts';
import { SmtpTranscript } from './smtp-transcript.ts';

export interface SmtpSessionDeps extends OpeningDeps {
  readonly random: Random;
  readonly resolver: Resolver;
  readonly events: PolicyEvents;
  readonly brokenTls: BrokenTlsMemory;
  /** `Uncategorized` when no bounce classifier is configured. */
  readonly bounceClass: (reply: SmtpReply) => string;
  /** KumoMTA's quirks too: a 251 to RCPT counts as delivered although nothing was sent. */
  readonly isStrict: boolean;
  /** Who watches the conversations; left out when nobody can. */
  readonly traceSink?: ClientTraceSink;
  /** Told of every connection that is ready for messages. */
  readonly connected?: (readyQueue: string) => void;
}

/** An open connection and what was done over it. */
interface Line {
  readonly opened: OpenedConnection;
  readonly candidate: Candidate;
  readonly transcript: SmtpTranscript;
  transactionCount: number;
  lastFailed: boolean;
}

export class SmtpSession implements DeliverySession {
  readonly id: string;
  readonly #settings: SmtpSessionSettings;
  readonly #deps: SmtpSessionDeps;
  readonly #stop = new AbortController();
  readonly #trace: ClientTrace;
  #candidates: Candidate[] = [];
  #planDetails: JsonObject = {};
  #failedBefore: string[] = [];
  #line: Line | null = null;
  /** There was a connection, and it is gone. */
  #wasConnected = false;
  #isExhausted = false;
  /** One attempt may need several connections. */
  #attemptStartedMs: MonotonicMs = 0;
  #phase = 'new';
  /** Who is left of a message whose attempt goes on. */
  #unfinished: { readonly id: string; readonly emails: readonly string[] } | null = null;
  #previous: ReadonlySet<string> = new Set();

  constructor(settings: SmtpSessionSettings, deps: SmtpSessionDeps) {
    this.id = settings.sessionId;
    this.#settings = settings;
    this.#deps = deps;
    this.#trace = new ClientTrace(deps.traceSink ?? null, settings);
  }

  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  get phase(): string {
    return this.#phase;
  }

  get peer(): string | null {
    const candidate = this.#line?.candidate;
    return candidate
      ? `${candidate.address.name} (${addressText(candidate.address.ip, candidate.port)})`
      : null;
  }

  async plan(): Promise<void> {
    this.#phase = 'planning';
    const { candidates, details } = await makePlan(
      this.#settings,
      this.#deps.resolver,
      this.#deps.random,
    );
    this.#candidates = [...candidates];
    this.#planDetails = details;
    this.#trace.planned(candidates);
    this.#phase = 'planned';
  }

  async connect(messages: readonly Message[]): Promise<void> {
    this.#throwIfAborted();
    if (this.#unfinished === null) {
      this.#attemptStartedMs = this.#deps.clock.monotonic();
      for (const message of messages) this.#trace.obtained(message);
    }
    this.#line?.transcript.countFrom(this.#attemptStartedMs);
    const gone = (await this.#line?.opened.connection.unsolicited()) ?? null;
    this.#throwIfAborted();
    if (this.#line && gone === null) return;
    if (gone) this.#dropLine();
    if (this.#wasConnected && this.#candidates.length === 0) {
      this.#isExhausted = true;
      throw new ReturnMessage(gone?.kind === 'reply' ? 'PeerClosedConnection' : 'DispatcherDrop');
    }
    const failures: OpeningFailure[] = [];
    const transcript = new SmtpTranscript(this.#deps.clock, this.#attemptStartedMs, this.#trace);
    for (;;) {
      const candidate = this.#candidates.shift();
      if (!candidate) break;
      const opened = await this.#open(candidate, transcript, failures);
      if (!opened) continue;
      this.#line = { opened, candidate, transcript, transactionCount: 0, lastFailed: false };
      this.#wasConnected = true;
      this.#previous = new Set();
      this.#phase = 'connected';
      this.#trace.connected(candidate, opened.connection.localAddress);
      this.#deps.connected?.(this.#settings.readyQueue);
      return;
    }
    this.#isExhausted = true;
    this.#unfinished = null;
    throw connectFailure(failures, transcript.take(), this.#details(null, []));
  }

  async deliver(
    messages: readonly Message[],
    recorded = Promise.resolve(),
  ): Promise<AttemptReport> {
    this.#throwIfAborted();
    const [message] = messages;
    const line = this.#line;
    if (!message || !line) throw new Error('Bug: deliver() without a message or a connection');
    const pending = this.#pendingIndexes(message);
    const batch = pending.slice(0, Math.max(1, this.#settings.path.maxRecipientsPerBatch));
    const recipients = batch.flatMap((index) => message.recipients[index] ?? []);
    const { replies, broken } = await this.#transact(line, message, { recipients, recorded });
    const trace = new CallTrace(this.#deps.clock);
    const asked = broken ? replies : await this.#rewrite(replies, message, line, trace);
    const outcomes = judgeBatch(
      { indexes: batch, replies: asked, previous: this.#previous },
      {
        message,
        bounceClass: this.#deps.bounceClass,
        deliversUnsent: this.#deps.isStrict,
      },
    );
    this.#previous = new Set(recipients.map(({ email }) => email));
    const isGone =
      broken ||
      !line.opened.connection.isOpen ||
      replies.some(
        ({ reply, stage }) => reply.code === 421 || (stage === 'rset' && this.#canMoveOn),
      );
    const report = this.#report(line, outcomes, asked, trace.calls, isGone);
    const rest = this.#rest(outcomes, pending.slice(batch.length), replies, isGone);
    this.#unfinished =
      rest.length > 0
        ? { id: message.id, emails: rest.map((index) => message.recipients[index]?.email ?? '') }
        : null;
    this.#phase = 'idle';
    return rest.length > 0 ? { ...report, unfinished: true } : report;
  }

  async close(): Promise<void> {
    const line = this.#line;
    this.#line = null;
    this.#isExhausted = true;
    this.#candidates = [];
    this.#phase = 'closing';
    await line?.opened.connection.quit();
    if (line) this.#trace.closed();
    this.#phase = 'closed';
  }

  abort(): void {
    this.#stop.abort(new ReturnMessage('DispatcherDrop'));
    this.#line?.opened.connection.destroy();
    this.#line = null;
    this.#isExhausted = true;
    this.#candidates = [];
    this.#phase = 'closed';
  }

  #throwIfAborted(): void {
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason as ReturnMessage;
  }

  /** Opens a candidate, once more without TLS where the path wants that; null when it failed. */
  async #open(
    candidate: Candidate,
    transcript: SmtpTranscript,
    failures: OpeningFailure[],
  ): Promise<OpenedConnection | null> {
    const { path } = this.#settings;
    const isOpportunistic = path.enableTls.startsWith('Opportunistic');
    let tls: 'as-configured' | 'skip' =
      isOpportunistic && this.#deps.brokenTls.has(candidate) ? 'skip' : 'as-configured';
    for (;;) {
      try {
        return await openCandidate(this.#deps, {
          candidate,
          settings: this.#settings,
          transcript,
          tls,
          signal: this.#stop.signal,
          onPhase: (phase) => {
            this.#phase = phase;
          },
        });
      } catch (thrown) {
        this.#throwIfAborted();
        if (!(thrown instanceof OpeningFailure)) throw thrown;
        transcript.note(thrown.message);
        this.#failedBefore.push(thrown.message);
        if (thrown.brokeTls) this.#deps.brokenTls.remember(candidate, path.rememberBrokenTlsMs);
        const again = isOpportunistic && path.opportunisticTlsReconnectOnFailedHandshake;
        if (!thrown.brokeTls || !again || tls === 'skip') {
          failures.push(thrown);
          return null;
        }
        tls = 'skip';
      }
    }
  }

  async #transact(
    line: Line,
    message: Message,
    { recipients, recorded }: { recipients: readonly EnvelopeAddress[]; recorded: Promise<void> },
  ): Promise<{ replies: RecipientReply[]; broken: boolean }> {
    const { path, readyQueue } = this.#settings;
    const resetFirst = line.transactionCount > 0 && (path.enableRset || line.lastFailed);
    line.transactionCount++;
    line.lastFailed = true;
    try {
      const replies = await runTransaction(line.opened.connection, line.opened.extensions, {
        sender: message.sender,
        recipients,
        recorded,
        body: message.data,
        path,
        resetFirst,
        acceptsAny2xx: !this.#deps.isStrict,
        stopsAtRefusal: !this.#deps.isStrict,
        awaitsEveryReply: !this.#deps.isStrict,
        onPhase: (phase) => {
          this.#phase = phase;
          if (phase === 'data') this.#trace.sentBody(message.data);
        },
      });
      line.lastFailed = replies.every(({ stage }) => stage !== 'dot');
      return { replies, broken: false };
    } catch (error) {
      this.#throwIfAborted();
      if (!(error instanceof ClientError)) throw error;
      const text = brokenReply(error, readyQueue, line.candidate.address);
      const replies = recipients.map((): RecipientReply => ({ reply: text, stage: 'mail' }));
      return { replies, broken: true };
    }
  }

  async #rewrite(
    replies: readonly RecipientReply[],
    message: Message,
    line: Line,
    trace: EventTrace,
  ): Promise<RecipientReply[]> {
    return rewriteReplies(replies, message, this.#deps.events, trace, (error) =>
      line.opened.connection.note(
        `smtp_client_rewrite_delivery_status failed: ${toError(error).message}`,
      ),
    );
  }

  /** Ends the connection when it is of no use any more, and reports. */
  #report(
    line: Line,
    outcomes: readonly SmtpOutcome[],
    replies: readonly RecipientReply[],
    events: readonly EventCall[],
    isGone: boolean,
  ): AttemptReport {
    const address = this.#address(line);
    const details = this.#details(line, this.#deps.isStrict ? [] : unsentNotes(replies));
    if (isGone) this.#dropLine();
    return {
      outcomes,
      address,
      transcript: line.transcript.take(),
      events,
      details,
      connectionBroken: isGone,
    };
  }

  /** Recipients that are tried again at once, as indexes. */
  #rest(
    outcomes: readonly SmtpOutcome[],
    later: readonly number[],
    replies: readonly RecipientReply[],
    isGone: boolean,
  ): number[] {
    if (!isGone) {
      const tooMany = outcomes.filter((outcome) => outcome.tooManyRecipients);
      return [...tooMany.flatMap((outcome) => outcome.recipients), ...later];
    }
    const isTransport = replies.some(
      ({ reply: { code }, stage }) => stage === 'rset' || code === 421 || code === 400,
    );
    if (!this.#canMoveOn || !isTransport) return [];
    const deferred = outcomes.filter((outcome) => outcome.kind === 'deferred');
    return [...deferred.flatMap((outcome) => outcome.recipients), ...later];
  }

  /** Whether another host may get the message that this one could not be asked about. */
  get #canMoveOn(): boolean {
    return this.#settings.path.tryNextHostOnTransportError && this.#candidates.length > 0;
  }

  #dropLine(): void {
    const line = this.#line;
    if (!line) return;
    line.opened.connection.destroy();
    this.#trace.closed();
    this.#line = null;
    const { reconnectStrategy } = this.#settings.path;
    if (reconnectStrategy === 'ReconnectSameHost') this.#candidates.unshift(line.candidate);
    if (reconnectStrategy === 'TerminateSession') {
      this.#candidates = [];
      this.#isExhausted = true;
    }
  }

  #pendingIndexes(message: Message): number[] {
    const unfinished = this.#unfinished;
    this.#unfinished = null;
    const all = message.recipients.map((_, index) => index);
    if (unfinished?.id !== message.id) return all;
    const left = [...all];
    return unfinished.emails.flatMap((email) => {
      const at = left.findIndex((index) => message.recipients[index]?.email === email);
      return at < 0 ? [] : left.splice(at, 1);
    });
  }

  #address({ opened, candidate }: Line): SessionAddress {
    const { name, ip, port, isSecure } = candidate.address;
    const { localAddress } = opened.connection;
    return {
      peerAddress: {
        name,
        addr: addressText(ip, port),
        ...(isSecure ? { is_secure: true as const } : {}),
      },
      sourceAddress: localAddress === null ? null : { address: localAddress },
      tls: opened.tls,
    };
  }

  #details(line: Line | null, notes: readonly string[]): JsonObject {
    return attemptDetails({
      plan: this.#planDetails,
      host: line?.candidate ?? null,
      tls: line?.opened.tls ?? null,
      transactionOnConnection: line?.transactionCount ?? 0,
      failedBefore: this.#failedBefore,
      notes: [...notes, ...unusedSettings(this.#settings)],
    });
  }
}
