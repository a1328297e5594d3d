/**
 * What is going on in the queue as a whole: whether it is stopping, how many messages are on
 * their way from waiting to an attempt, how many bodies wait in memory, and that something changed.
 *
 * States: *running*, then *stopping* (nothing new is started), for good.
 */
import type { Clock } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';

/** What may stay in memory of the messages that wait in ready queues. */
const RESIDENT_COUNT_MAX = 4_000;
const RESIDENT_BYTES_MAX = 64 * 1024 * 1024;
/** Changes are told at most this often, in real time. */
const CHANGE_INTERVAL_MS = 100;

export class Activity {
  readonly #realClock: Clock;
  readonly #listeners = new Set<() => void>();
  #isStopping = false;
  #underWay = 0;
  #residentCount = 0;
  #residentBytes = 0;
  #isChangePending = false;

  constructor(realClock: Clock) {
    this.#realClock = realClock;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** Messages that are being promoted, requeued or written to a maildir right now. */
  get underWayCount(): number {
    return this.#underWay;
  }

  /** Counts as under way until the work has ended, whichever way. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
    }
  }

  /** Ready queues hold as many messages in memory as they should. */
  get isCrowded(): boolean {
    return this.#residentCount >= RESIDENT_COUNT_MAX;
  }

  /** Called when a message enters a ready queue: keeps its body only while there is room. */
  holdBody(message: Message): void {
    this.#residentCount++;
    if (!message.isLoaded) return;
    const bytes = bodyBytes(message);
    if (this.#residentBytes + bytes > RESIDENT_BYTES_MAX && message.rowSeq > 0) message.unload();
    else this.#residentBytes += bytes;
  }

  /** Called when it leaves the ready queue, body or not. */
  releaseBody(message: Message): void {
    this.#residentCount--;
    if (message.isLoaded) this.#residentBytes -= bodyBytes(message);
  }

  /** Something that a list of queues shows is different now. */
  changed(): void {
    if (this.#isChangePending || this.#listeners.size === 0) return;
    this.#isChangePending = true;
    this.#realClock.timer(CHANGE_INTERVAL_MS, () => {
      this.#isChangePending = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Told about changes, several at once. Returns how to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Of a loaded message, dozing or not. */
function bodyBytes(message: Message): number {
  if (!message.isDozing) return message.residentSize;
  const bytes = message.data.byteLength;
  message.doze();
  return bytes;
}
