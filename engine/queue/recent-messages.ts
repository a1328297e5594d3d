/**
 * Messages that began to wait a moment ago, still as objects. A short retry finds them here
 * without a read, and nobody reads a message from the store before what was written about it is
 * durable.
 *
 * Bounded; whatever is not durable yet stays in spite of the bound.
 */
import type { SpoolId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import type { Store } from '../store/store.ts';

const MESSAGE_COUNT_MAX = 2_000;
const BYTES_MAX = 16 * 1024 * 1024;

interface Kept {
  readonly message: Message;
  readonly bytes: number;
  isDurable: boolean;
}

export class RecentMessages {
  readonly #store: Pick<Store, 'flush'>;
  readonly #kept = new Map<SpoolId, Kept>();
  /** Those that are not durable yet. */
  #fresh: Kept[] = [];
  #bytes = 0;
  #isFlushing = false;

  constructor(store: Pick<Store, 'flush'>) {
    this.#store = store;
  }

  /** Keeps a message whose changes were just handed to the store. Its body dozes from now on. */
  add(message: Message): void {
    this.take(message.id);
    const bytes = message.isLoaded ? message.data.byteLength : 0;
    message.doze();
    const kept = { message, bytes, isDurable: false };
    this.#kept.set(message.id, kept);
    this.#fresh.push(kept);
    this.#bytes += bytes;
    this.#trim();
    void this.#flush();
  }

  /** Takes it out again; null when it has to be read. */
  take(id: SpoolId): Message | null {
    const kept = this.#kept.get(id);
    if (kept === undefined) return null;
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    return kept.message;
  }

  /** Looks at it without taking it out. */
  peek(id: SpoolId): Message | null {
    return this.#kept.get(id)?.message ?? null;
  }

  async #flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      while (this.#fresh.length > 0) {
        const flushed = this.#fresh;
        this.#fresh = [];
        await this.#store.flush();
        for (const kept of flushed) kept.isDurable = true;
        this.#trim();
      }
    } catch {
      // The store is broken and says so elsewhere; the messages stay here.
    } finally {
      this.#isFlushing = false;
    }
  }

  #trim(): void {
    for (const [id, kept] of this.#kept) {
      if (this.#kept.size <= MESSAGE_COUNT_MAX && this.#bytes <= BYTES_MAX) break;
      if (!kept.isDurable) break;
      this.#kept.delete(id);
      this.#bytes -= kept.bytes;
    }
  }
}
