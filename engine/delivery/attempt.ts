/**
 * One attempt as the store keeps it: begun before anything is touched, ended with its outcome,
 * transcript, policy calls and the arithmetic of what comes next.
 */
import type { Clock, EpochMs, MonotonicMs } from '../base/clock.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { singleLine } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventCall, EventTrace } from '../policy/event-call.ts';
import type { AttemptEnd, MaildirDelivery, Store, TranscriptLine } from '../store/store.ts';

export interface AttemptDeps {
  /** The mail clock. */
  readonly clock: Clock;
  readonly realClock: Clock;
  readonly store: Store;
}

export interface AttemptPlace {
  /** `ESMTP`, `Lua`, `Maildir`, … as in the record. */
  readonly protocol: string;
  /** The ready queue, or the maildir's template. */
  readonly site: string;
  readonly pool: string | null;
  readonly source: string | null;
  /** What the row shows: a route's name, `smtp`, `maildir`, `lua:<constructor>`. */
  readonly route: string;
  /** When it is tried again if nothing is heard of this attempt. */
  readonly nextDueMs: EpochMs | null;
}

export interface AttemptResult {
  readonly outcome: AttemptEnd['outcome'];
  readonly reply: SmtpReply | null;
  readonly peer?: string | null;
  readonly nextDueMs?: EpochMs | null;
  /** `20 m × 2⁰ + 12 s jitter` */
  readonly arithmetic?: string | null;
}

/** Calls kept per attempt; a script that loops over an event does not fill the store. */
const CALL_COUNT_MAX = 200;
const LINE_COUNT_MAX = 2000;

/** Collects the policy calls of one attempt. */
export class CallTrace implements EventTrace {
  readonly calls: EventCall[] = [];
  readonly #clock: Clock;
  readonly #startedAt: MonotonicMs;
  #dropped = 0;

  constructor(realClock: Clock) {
    this.#clock = realClock;
    this.#startedAt = realClock.monotonic();
  }

  elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  add(call: EventCall): void {
    if (this.calls.length < CALL_COUNT_MAX) this.calls.push(call);
    else this.#dropped++;
  }

  get droppedCount(): number {
    return this.#dropped;
  }
}

/** Running from `begin` to `end`; ending twice is a bug and does nothing. */
export class Attempt {
  readonly id: number;
  readonly trace: CallTrace;
  readonly #deps: AttemptDeps;
  readonly #startedAt: MonotonicMs;
  readonly #transcript: TranscriptLine[] = [];
  readonly #events: EventCall[] = [];
  readonly #maildirs: MaildirDelivery[] = [];
  #details: JsonObject = {};
  #hasEnded = false;

  private constructor(deps: AttemptDeps, id: number) {
    this.#deps = deps;
    this.id = id;
    this.#startedAt = deps.realClock.monotonic();
    this.trace = new CallTrace(deps.realClock);
  }

  static begin(deps: AttemptDeps, message: Message, place: AttemptPlace): Attempt {
    const id = deps.store.beginAttempt({
      message,
      rowSeqs: message.rowSeqs,
      numAttempts: message.numAttempts,
      dueMs: message.due,
      startedMs: deps.clock.now(),
      startedRealMs: deps.realClock.now(),
      nextDueMs: place.nextDueMs,
      protocol: place.protocol,
      site: place.site,
      pool: place.pool,
      source: place.source,
      route: place.route,
    });
    return new Attempt(deps, id);
  }

  /** What a part of the attempt left to show; parts add up. */
  add(part: {
    readonly transcript?: readonly TranscriptLine[];
    readonly events?: readonly EventCall[];
    readonly details?: JsonObject;
    readonly maildirs?: readonly MaildirDelivery[];
  }): void {
    const room = LINE_COUNT_MAX - this.#transcript.length;
    this.#transcript.push(...(part.transcript ?? []).slice(0, room));
    this.#events.push(...(part.events ?? []));
    this.#maildirs.push(...(part.maildirs ?? []));
    this.#details = { ...this.#details, ...part.details };
  }

  end(result: AttemptResult): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { clock, realClock, store } = this.#deps;
    store.endAttempt({
      attemptId: this.id,
      endedMs: clock.now(),
      durationMs: realClock.monotonic() - this.#startedAt,
      outcome: result.outcome,
      code: result.reply?.code ?? null,
      text: result.reply === null ? '' : singleLine(result.reply),
      peer: result.peer ?? null,
      nextDueMs: result.nextDueMs ?? null,
      details:
        result.arithmetic == null
          ? this.#details
          : { ...this.#details, arithmetic: result.arithmetic },
      transcript: this.#transcript,
      events: [...this.#events, ...this.trace.calls].sort((a, b) => a.atMs - b.atMs),
      ...(this.#maildirs.length === 0 ? {} : { maildirs: this.#maildirs }),
    });
  }
}
