/**
 * The messages of one ready queue, first in, first out. Those that come while many are in memory
 * already are *stowed*: numbers, as in a scheduled queue, read back shortly before a session takes
 * them. A ready queue may be as long as the policy likes.
 *
 * Invariant: a stowed message is stored as it is; its slot belongs to this queue alone.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import { UNRESOLVED_WAIT_MS } from './promotion.ts';
import type { QueueParts } from './queue-deps.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import type { Slot } from './waiting-table.ts';

export interface ReadyEntry {
  readonly queue: ScheduledQueue;
  readonly message: Message;
  /** What decided on this way when it was taken: the queue may have got another one since. */
  readonly route: string;
}

/** What is known of a message without reading it back. */
export interface ReadyFacts {
  readonly id: SpoolId;
  readonly rowSeq: number;
  readonly dueMs: EpochMs | null;
  readonly numAttempts: number;
}

interface Place {
  readonly queue: ScheduledQueue;
  readonly message: Message | null;
  readonly route: string;
  readonly slot: Slot;
  /** Set once it is being read back. */
  coming: Promise<Message | null> | null;
}

/** Stowed messages that are read back before their turn; they share a read. */
const AHEAD_COUNT = 32;
const NO_SLOT = -1;

export class ReadyMessages {
  readonly #parts: QueueParts;
  /** How many places each scheduled queue has here. */
  readonly #feeders = new Map<ScheduledQueue, number>();
  #places: Place[] = [];
  #head = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#places.length - this.#head;
  }

  /** The scheduled queues whose messages are here. */
  get feeders(): ScheduledQueue[] {
    return [...this.#feeders.keys()];
  }

  /** The scheduled queue of the next message. */
  get nextFeeder(): ScheduledQueue | null {
    return this.#places[this.#head]?.queue ?? null;
  }

  countOf(queue: ScheduledQueue): number {
    return this.#feeders.get(queue) ?? 0;
  }

  push({ queue, message, route }: ReadyEntry): void {
    const { activity, readyQueues, waiting, deps } = this.#parts;
    queue.outsideCount++;
    this.#feeders.set(queue, this.countOf(queue) + 1);
    if (activity.isCrowded && message.rowSeq > 0) {
      if (message.isDirty) waiting.save(queue, message);
      const { id, rowSeq, numAttempts } = message;
      const dueMs = message.due ?? deps.clock.now();
      const slot = readyQueues.stowed.add({ id, rowSeq, dueMs, numAttempts, reason: null });
      this.#places.push({ queue, message: null, route, slot, coming: null });
      return;
    }
    activity.holdBody(message);
    this.#places.push({ queue, message, route, slot: NO_SLOT, coming: null });
  }

  /** The next message, at once when it is in memory. Its queue counts it as outside. */
  take(): ReadyEntry | null | Promise<ReadyEntry | null> {
    const place = this.#shift();
    if (place === null) return null;
    this.#readAhead(this.#places, this.#head);
    const { queue, message, route } = place;
    if (message !== null) return { queue, message, route };
    return this.#arrived(place);
  }

  /** Takes all that are here now, one after the other; what the caller leaves stays. */
  async *drain(): AsyncGenerator<ReadyEntry> {
    const places: Place[] = [];
    for (let place = this.#shift(); place !== null; place = this.#shift()) places.push(place);
    let at = 0;
    try {
      while (at < places.length) {
        const place = places[at++] as Place;
        this.#readAhead(places, at);
        const message = place.message ?? (await this.#bring(place));
        if (message === null) place.queue.outsideCount--;
        else yield { queue: place.queue, message, route: place.route };
      }
    } finally {
      this.#putBack(places.slice(at));
    }
  }

  /** Lets go of everything: what is in memory is written down, the rest is stored already. */
  release(): void {
    for (let place = this.#shift(); place !== null; place = this.#shift()) {
      const { queue, message } = place;
      if (message !== null) this.#keep(queue, message);
      else this.#unstow(place);
      queue.outsideCount--;
    }
  }

  /** The messages of one scheduled queue, in their order. */
  *of(queue: ScheduledQueue): Generator<ReadyFacts> {
    if (this.countOf(queue) === 0) return;
    const { stowed } = this.#parts.readyQueues;
    for (let at = this.#head; at < this.#places.length; at++) {
      const place = this.#places[at] as Place;
      if (place.queue !== queue) continue;
      yield place.message === null ? stowed.entry(place.slot) : factsOf(place.message);
    }
  }

  #shift(): Place | null {
    const place = this.#places[this.#head];
    if (place === undefined) return null;
    this.#head++;
    if (this.#head > 64 && this.#head * 2 > this.#places.length) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
    this.#leave(place);
    return place;
  }

  #keep(queue: ScheduledQueue, message: Message): void {
    const { activity, waiting, deps } = this.#parts;
    const kept = activity.during(() => waiting.keep(queue, message));
    kept.catch((error: unknown) => {
      deps.diagnostic('error', `Cannot keep message ${message.id}: ${toError(error).message}`);
    });
  }

  #leave({ queue, message }: Place): void {
    const left = this.countOf(queue) - 1;
    if (left === 0) this.#feeders.delete(queue);
    else this.#feeders.set(queue, left);
    if (message !== null) this.#parts.activity.releaseBody(message);
  }

  #putBack(places: Place[]): void {
    if (places.length === 0) return;
    for (const { queue, message } of places) {
      this.#feeders.set(queue, this.countOf(queue) + 1);
      if (message !== null) this.#parts.activity.holdBody(message);
    }
    this.#places = [...places, ...this.#places.slice(this.#head)];
    this.#head = 0;
  }

  #readAhead(places: readonly Place[], from: number): void {
    const end = Math.min(from + AHEAD_COUNT, places.length);
    for (let at = from; at < end; at++) {
      const place = places[at] as Place;
      if (place.message === null) place.coming ??= this.#load(place);
    }
  }

  async #arrived(place: Place): Promise<ReadyEntry | null> {
    for (let next: Place | null = place; next !== null; next = this.#shift()) {
      const { queue, route } = next;
      const message = next.message ?? (await this.#bring(next));
      if (message !== null) return { queue, message, route };
      queue.outsideCount--;
    }
    return null;
  }

  async #bring(place: Place): Promise<Message | null> {
    const { activity } = this.#parts;
    try {
      return await activity.during(() => (place.coming ??= this.#load(place)));
    } finally {
      this.#unstow(place);
    }
  }

  async #load({ queue, slot }: Place): Promise<Message | null> {
    const { waiting, readyQueues, deps } = this.#parts;
    const entry = readyQueues.stowed.entry(slot);
    try {
      return await waiting.load(queue, entry);
    } catch (error) {
      const why = toError(error).message;
      deps.diagnostic('error', `Cannot read ${entry.id} of ${queue.name} back: ${why}`);
      queue.add({ ...entry, dueMs: deps.clock.now() + UNRESOLVED_WAIT_MS });
      return null;
    }
  }

  #unstow({ slot }: Place): void {
    this.#parts.readyQueues.stowed.remove(slot);
  }
}

export function factsOf({ id, rowSeq, due, numAttempts }: Message): ReadyFacts {
  return { id, rowSeq, dueMs: due, numAttempts };
}
