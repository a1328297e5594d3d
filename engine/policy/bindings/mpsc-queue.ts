/**
 * A queue between scripts, by name, shared by all contexts: many senders, one receiver at a time.
 * Items are frozen. Bounded queues make senders wait.
 *
 * Source: reference `lua-api.md` §3.7.
 */
import type { Clock } from '../../base/clock.ts';
import type { Frozen } from './memoized-table.ts';

export class MessageQueue {
  readonly bound: number | null;
  readonly #items: Frozen[] = [];
  #isClosed = false;
  #receiver: ((wake: void) => void) | null = null;
  readonly #senders: (() => void)[] = [];

  constructor(bound: number | null) {
    this.bound = bound;
  }

  /** Another queue with the same items; nobody waits for it. */
  copy(): MessageQueue {
    const copy = new MessageQueue(this.bound);
    copy.#items.push(...this.#items);
    copy.#isClosed = this.#isClosed;
    return copy;
  }

  get length(): number {
    return this.#items.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns false when the queue is full */
  trySend(value: Frozen): boolean {
    this.#assertOpen();
    if (this.bound !== null && this.#items.length >= this.bound) return false;
    this.#items.push(value);
    this.#wakeReceiver();
    return true;
  }

  /** A promise only when it had to wait. */
  send(value: Frozen): void | Promise<void> {
    if (!this.trySend(value)) return this.#waitAndSend(value);
  }

  /** @throws {Error} there was no room within `timeoutMs` */
  async sendWithin(value: Frozen, timeoutMs: number, clock: Clock): Promise<void> {
    const end = clock.monotonic() + timeoutMs;
    while (!this.trySend(value)) {
      const left = end - clock.monotonic();
      if (left <= 0) throw new Error('timed out waiting on send operation');
      await this.#room(left, clock);
    }
  }

  tryReceive(): Frozen {
    const value = this.#items.shift();
    // All of them: some may have given up waiting.
    for (const wake of this.#senders.splice(0)) wake();
    return value;
  }

  /** The next item, undefined once the queue is closed and empty. A promise only when it waits. */
  receive(): Frozen | Promise<Frozen> {
    if (this.#items.length > 0 || this.#isClosed) return this.tryReceive();
    return this.#wait().then(() => this.tryReceive());
  }

  /** At least one item (unless closed), at most `count`. */
  receiveMany(count: number): Frozen[] | Promise<Frozen[]> {
    const take = (): Frozen[] => {
      const taken: Frozen[] = [];
      while (taken.length < count && this.#items.length > 0) taken.push(this.tryReceive());
      return taken;
    };
    if (this.#items.length > 0 || this.#isClosed) return take();
    return this.#wait().then(take);
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeReceiver();
    for (const wake of this.#senders.splice(0)) wake();
  }

  async #waitAndSend(value: Frozen): Promise<void> {
    do {
      await new Promise<void>((resolve) => this.#senders.push(resolve));
    } while (!this.trySend(value));
  }

  async #room(timeoutMs: number, clock: Clock): Promise<void> {
    const abort = new AbortController();
    await Promise.race([
      new Promise<void>((resolve) => this.#senders.push(resolve)),
      clock.sleep(timeoutMs, abort.signal).catch(() => undefined),
    ]);
    abort.abort();
  }

  async #wait(): Promise<void> {
    if (this.#receiver) throw new Error('cannot receive: another receive is already waiting');
    while (this.#items.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => (this.#receiver = resolve));
    }
  }

  #wakeReceiver(): void {
    const wake = this.#receiver;
    this.#receiver = null;
    wake?.();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('channel closed');
  }
}
