/**
 * Brings messages back into memory. Loads that are asked for together go to the reader together.
 * A message that was written a moment ago is read after that commit, never before it.
 */
import type { SpoolId } from '../base/ids.ts';
import { parseJson, type JsonObject } from '../mail/json.ts';
import { Message } from '../mail/message.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import { decodeEnvelope } from './encode.ts';
import type { Reader } from './reader.ts';
import type { LoadedMessage, WaitingTuple } from './spool-reads.ts';
import { CorruptEntryError } from './store.ts';
import type { WaitingMessage } from './store.ts';

/** Messages per request: some megabytes at most for usual sizes. */
const LOAD_MAX = 256;
const WAITING_PAGE = 5_000;

interface Wanted {
  readonly resolve: (loaded: LoadedMessage | null) => void;
  readonly reject: (error: Error) => void;
}

export class MessageLoader {
  readonly #reader: Reader;
  readonly #flush: () => Promise<void>;
  /** A message may wait: one did when the store was opened, or was stored since. */
  #mayWait: boolean;
  readonly #wanted = new Map<SpoolId, Wanted[]>();
  /** Messages with writes that cannot be read yet, and the batch of the last one. */
  readonly #pending = new Map<SpoolId, number>();
  readonly #pendingByBatch = new Map<number, SpoolId[]>();
  /** The bytes that the store has of a message in memory: the same array means unchanged. */
  readonly #stored = new WeakMap<Message, Uint8Array>();

  /** @param mayWait whether messages were waiting when the store was opened */
  constructor(reader: Reader, flush: () => Promise<void>, mayWait: boolean) {
    this.#reader = reader;
    this.#flush = flush;
    this.#mayWait = mayWait;
  }

  /** The message was handed to the writer with this batch. */
  wrote(message: Message, batch: number): void {
    const { id } = message;
    this.#mayWait = true;
    if (this.#pending.get(id) === batch) return;
    this.#pending.set(id, batch);
    const ids = this.#pendingByBatch.get(batch);
    if (ids) ids.push(id);
    else this.#pendingByBatch.set(batch, [id]);
  }

  /** The bytes that the store has of this message are the ones that it has now. */
  remember(message: Message): void {
    this.#stored.set(message, message.data);
  }

  /** The body when it is not the one that the store has. */
  changedData(message: Message): Uint8Array | null {
    if (!message.isLoaded) return null;
    const { isDozing } = message;
    const { data } = message;
    if (isDozing) message.doze();
    if (this.#stored.get(message) === data) return null;
    this.#stored.set(message, data);
    return data;
  }

  /** What this batch wrote can be read. */
  settled(batch: number): void {
    for (const id of this.#pendingByBatch.get(batch) ?? []) {
      if (this.#pending.get(id) === batch) this.#pending.delete(id);
    }
    this.#pendingByBatch.delete(batch);
  }

  async load(id: SpoolId): Promise<Message | null> {
    const loaded = await this.#read(id);
    return loaded === null ? null : this.#messageOf(id, loaded);
  }

  async loadBody(message: Message): Promise<void> {
    const loaded = await this.#read(message.id);
    if (loaded === null) {
      throw new CorruptEntryError(`Cannot load message ${message.id}: it is not in the store`);
    }
    if (loaded.problem !== null) throw new CorruptEntryError(loaded.problem);
    message.attachData(loaded.data);
    this.#stored.set(message, loaded.data);
  }

  async *waiting(): AsyncIterable<readonly WaitingMessage[]> {
    // An empty store (the usual first start) needs no thread to say so.
    if (!this.#mayWait) return;
    await this.#flush();
    for (let isFirst = true; ; isFirst = false) {
      const page = (await this.#reader.ask('waiting', {
        isFirst,
        limit: WAITING_PAGE,
      })) as WaitingTuple[];
      if (page.length > 0) yield page.map(waitingOf);
      if (page.length < WAITING_PAGE) return;
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #read(id: SpoolId): Promise<LoadedMessage | null> {
    if (this.#pending.has(id)) await this.#flush();
    const { promise, resolve, reject } = Promise.withResolvers<LoadedMessage | null>();
    const waiters = this.#wanted.get(id);
    if (waiters) {
      waiters.push({ resolve, reject });
    } else {
      if (this.#wanted.size === 0) setImmediate(() => this.#ask());
      this.#wanted.set(id, [{ resolve, reject }]);
    }
    return promise;
  }

  #ask(): void {
    const all = [...this.#wanted];
    this.#wanted.clear();
    for (let at = 0; at < all.length; at += LOAD_MAX) {
      void this.#askFor(all.slice(at, at + LOAD_MAX));
    }
  }

  async #askFor(wanted: readonly (readonly [SpoolId, readonly Wanted[]])[]): Promise<void> {
    const waiters = wanted.flatMap(([, each]) => each);
    try {
      const ids = wanted.map(([id]) => id);
      const loaded = (await this.#reader.ask('load', { ids })) as (LoadedMessage | null)[];
      wanted.forEach(([, each], i) => {
        for (const { resolve } of each) resolve(loaded[i] ?? null);
      });
    } catch (thrown) {
      for (const { reject } of waiters) reject(thrown as Error);
    }
  }

  /** @throws {CorruptEntryError} */
  #messageOf(id: SpoolId, loaded: LoadedMessage): Message {
    if (loaded.problem !== null) throw new CorruptEntryError(loaded.problem);
    const { data, rowSeq, attempts, due, queue } = loaded;
    try {
      const { sender, recipients, rowOffsets } = decodeEnvelope(loaded.envelope);
      const meta = parseJson(loaded.meta) as JsonObject;
      const message = new Message({ id, sender, recipients, meta, data });
      message.rowSeq = rowSeq;
      message.rowOffsets = rowOffsets;
      message.numAttempts = attempts;
      message.due = due;
      message.scheduling =
        loaded.scheduling === null ? null : (JSON.parse(loaded.scheduling) as Scheduling);
      this.#stored.set(message, data);
      return message;
    } catch (cause) {
      throw new CorruptEntryError(
        `Cannot load message ${id} of queue ${queue}: its envelope or metadata is damaged`,
        { cause },
      );
    }
  }
}

function waitingOf([
  id,
  rowSeq,
  rowCount,
  queue,
  due,
  attempts,
  inFlight,
]: WaitingTuple): WaitingMessage {
  return {
    id,
    rowSeq,
    rowCount,
    queue,
    due: due === 0 ? null : due,
    numAttempts: attempts,
    attemptWasInFlight: inFlight === 1,
  };
}
