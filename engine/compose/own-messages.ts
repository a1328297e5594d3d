/**
 * Messages that no client sent: scripts make them, and log hooks. Saved (unless deferred), resolved
 * and inserted; no Reception.
 *
 * They may come before what waited is put back. Those are in their queues already, and are not put
 * back a second time.
 */
import { newSessionId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import type { Queues } from '../queue/queues.ts';
import type { SessionFacts, Store } from '../store/store.ts';
import type { CoreOptions } from './engine-core.ts';

/** What runs by the time a message comes. @throws {Error} nothing does yet */
interface Running {
  readonly store: Store;
  readonly queues: Queues;
}

type Surroundings = Pick<CoreOptions, 'mode' | 'mailClock' | 'clock' | 'random'>;
type Protocol = SessionFacts['protocol'];

export class OwnMessages {
  readonly #options: Surroundings;
  readonly #running: Running;
  /** Made before what waited is put back; null from then on. */
  #early: Set<string> | null = new Set();

  constructor(options: Surroundings, running: Running) {
    this.#options = options;
    this.#running = running;
  }

  async inject(
    message: Message,
    deferredSpool: boolean,
    protocol: Protocol = 'Lua',
  ): Promise<void> {
    const queue = message.queueName();
    if (queue === 'null') return;
    const { queues } = this.#running;
    await queues.resolve(queue, null);
    if (!deferredSpool || this.#options.mode === 'ordinary') await this.save(message, protocol);
    await queues.insert(message, 'Received', null);
  }

  async save(message: Message, protocol: Protocol = 'Lua'): Promise<void> {
    this.#early?.add(message.id);
    const { store } = this.#running;
    if (message.rowSeq > 0) store.updateMessage(message, message.queueName());
    else await store.saveMessage(message, message.queueName(), this.origin(protocol));
    await store.flush();
  }

  /** Whether it is in its queue already when what waited is put back. */
  isEarly(id: string): boolean {
    return this.#early?.has(id) ?? false;
  }

  /** What waited has been put back. */
  forgetEarly(): void {
    this.#early = null;
  }

  /** Who such a message comes from. */
  origin(protocol: Protocol): SessionFacts {
    const { random, mailClock, clock } = this.#options;
    return {
      id: newSessionId(random),
      listener: '',
      peer: '127.0.0.1',
      protocol,
      startedMs: mailClock.now(),
      startedRealMs: clock.now(),
      ehlo: null,
      tls: null,
      auth: null,
    };
  }
}
