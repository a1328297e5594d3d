/**
 * Injected messages on their way from made to queued: gathered, stored together in one commit,
 * then recorded and inserted one by one. A long list of recipients costs few commits and bounded
 * memory.
 *
 * Source: reference `http-logs-reception.md` §1.3 (8).
 */
import { toError } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { DispositionLog } from '../../log/record.ts';
import type { EnvelopeAddress } from '../../mail/envelope.ts';
import type { Message } from '../../mail/message.ts';
import { plainReply } from '../../mail/smtp-reply.ts';
import type { QueueDoor } from '../../queue/queue-door.ts';
import { Trail } from '../../reception/trail.ts';
import type { RefusedRow, SessionFacts, Store, StoredTransaction } from '../../store/store.ts';
import { errorText } from './error-text.ts';
import { sessionFacts } from './inject-origin.ts';
import type { InjectOrigin } from './inject-origin.ts';
import type { InjectRequest } from './inject-request.ts';

export interface BatchDeps {
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly queue: QueueDoor;
  readonly log: DispositionLog;
  readonly diagnostic: (level: 'error' | 'warn' | 'info' | 'debug', text: string) => void;
  /** Messages that gather; strict mode has one, since KumoMTA finishes each before the next. */
  readonly batchCountMax?: number;
}

export interface InjectAnswer {
  readonly success_count: number;
  readonly fail_count: number;
  readonly failed_recipients: readonly string[];
  readonly errors: readonly string[];
}

/** Messages and bytes after which what has gathered is stored. */
const BATCH_MESSAGES_MAX = 256;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

interface Failure {
  /** Place of the recipient in the request. */
  readonly index: number;
  readonly email: string;
  readonly text: string;
}

/** A message that was made and awaits storing. */
export interface Generated {
  /** Place of the recipient in the request. */
  readonly index: number;
  readonly message: Message;
  readonly queue: string;
  readonly fate: 'queued' | 'null' | 'suppressed';
}

/** What the overlay refuses is a failure of that recipient, in the words of a reply. */
export class OverlayRefusal extends Error {
  readonly code: number;
  readonly state: 'rejected' | 'suppressed';

  constructor(verdict: { code: number; text: string; state: 'rejected' | 'suppressed' }) {
    super(`${verdict.code} ${verdict.text}`);
    this.code = verdict.code;
    this.state = verdict.state;
  }
}

/** Messages on their way from made to queued: stored together, then recorded and inserted. */
export class InjectBatch {
  readonly #deps: BatchDeps;
  readonly #request: InjectRequest;
  readonly #sender: EnvelopeAddress;
  readonly #origin: InjectOrigin;
  readonly #facts: SessionFacts;
  readonly #startedMs: number;
  readonly #failures: Failure[] = [];
  #successCount = 0;
  #made: Generated[] = [];
  #refused: RefusedRow[] = [];
  #bytes = 0;
  trail: Trail;

  constructor(
    deps: BatchDeps,
    request: InjectRequest,
    sender: EnvelopeAddress,
    origin: InjectOrigin,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#sender = sender;
    this.#origin = origin;
    this.#facts = sessionFacts(deps, origin);
    this.#startedMs = deps.mailClock.now();
    this.trail = new Trail(deps.clock);
    this.trail.line('client', 'POST /api/inject/v1');
  }

  get isFull(): boolean {
    const countMax = this.#deps.batchCountMax ?? BATCH_MESSAGES_MAX;
    return this.#made.length >= countMax || this.#bytes >= BATCH_BYTES_MAX;
  }

  add(made: Generated): void {
    this.#made.push(made);
    this.#bytes += made.message.data.byteLength;
  }

  fail(index: number, error: unknown): void {
    const text = errorText(error);
    const email = this.#emailOf(index);
    this.#failures.push({ index, email, text });
    const state = error instanceof OverlayRefusal ? error.state : 'rejected';
    this.#refused.push({
      recipient: email,
      state,
      code: codeOf(error),
      text: text.split('\n')[0] ?? '',
    });
  }

  /** Stores, records and queues what has gathered. @throws {StoreFullError} nothing was stored */
  async finish(): Promise<void> {
    if (this.#made.length + this.#refused.length === 0) return;
    const made = this.#made;
    const saved = this.#deps.store.saveTransaction(this.#transaction());
    this.#made = [];
    this.#refused = [];
    this.#bytes = 0;
    await unlessDeferred(saved, this.#request.deferred_spool, this.#deps);
    for (const one of made) {
      if (one.fate === 'queued') await this.#enqueue(one);
      else this.#successCount++;
    }
  }

  /** The answer to the request, failures in the order of its recipients. */
  answer(): InjectAnswer {
    const failures = this.#failures.sort((a, b) => a.index - b.index);
    return {
      success_count: this.#successCount,
      fail_count: failures.length,
      failed_recipients: failures.map((f) => f.email),
      errors: failures.map((f) => `${f.email}: ${f.text}`),
    };
  }

  #emailOf(index: number): string {
    return this.#request.recipients[index]?.email ?? '';
  }

  #transaction(): StoredTransaction {
    const ids = this.#made.map((m) => m.message.id);
    const failed = this.#refused.length > 0 ? `, ${this.#refused.length} failed` : '';
    const text = `OK ids=${ids.join(' ')}${failed}`;
    this.trail.line('server', `200 ${text}`);
    return {
      session: this.#facts,
      startedMs: this.#startedMs,
      endedMs: this.#deps.mailClock.now(),
      startedRealMs: this.#facts.startedRealMs,
      sender: this.#sender.email,
      code: 200,
      replyText: text,
      body: null,
      messages: this.#made.map(({ message, queue, fate }) => ({
        ...{ message, queue, state: fate },
        ...(message.routeName !== null && { route: message.routeName }),
      })),
      refused: this.#refused,
      ...this.trail.take(),
    };
  }

  async #enqueue(made: Generated): Promise<void> {
    const { log, queue, store } = this.#deps;
    const { message } = made;
    await log.record({
      type: 'Reception',
      message,
      response: plainReply(250, ''),
      peerAddress: { name: '', addr: this.#origin.peerIp },
    });
    try {
      await queue.insert(message, 'Received', null);
      this.#successCount++;
    } catch (error) {
      const text = errorText(error);
      store.removeFromQueue(message);
      await log.record({
        type: 'Bounce',
        message,
        response: plainReply(
          500,
          `KumoMTA internal: QueueManager::insert failed during reception: ${text}`,
        ),
      });
      this.#failures.push({ index: made.index, email: this.#emailOf(made.index), text });
    }
  }
}

/** With `deferred_spool` nobody waits until the message is durable. */
export async function unlessDeferred(
  saved: Promise<void>,
  isDeferred: boolean,
  deps: Pick<BatchDeps, 'diagnostic'>,
): Promise<void> {
  if (!isDeferred) return saved;
  saved.catch((error: unknown) => {
    deps.diagnostic('error', `Cannot store an injected message: ${toError(error).message}`);
  });
}

/** The reply code of a refusal; null for any other failure. */
function codeOf(error: unknown): number | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : null;
}
