/**
 * The main thread's door to the list. The list itself is in a worker thread: SQL on the main
 * thread would make every session wait, and a copy in memory would not know what a policy wrote
 * into the file a moment ago. Look-ups gather while one is under way and go out together, so that
 * a burst of mail costs few messages between threads.
 */
import { RequestWorker } from '../base/request-worker.ts';
import type { SuppressionEntry, SuppressionKey } from './entry.ts';
import type { ListAnswer, ListRequests, ListState, RequestName } from './worker-messages.ts';

interface LookUp {
  readonly key: SuppressionKey;
  readonly resolve: (entry: SuppressionEntry | null) => void;
  readonly reject: (error: Error) => void;
}

export class SuppressionList {
  readonly file: string;
  readonly #thread: RequestWorker<ListAnswer>;
  #wanted: LookUp[] = [];
  #isLookingUp = false;

  constructor(file: string, onState: (state: ListState) => void) {
    this.file = file;
    this.#thread = new RequestWorker<ListAnswer>({
      script: new URL('./list-worker.ts', import.meta.url),
      data: { file },
      name: 'suppression-list',
      trouble: 'Cannot ask the suppression list',
      onAnswer: ({ state }) => {
        if (state !== null) onState(state);
      },
    });
  }

  ask<N extends RequestName>(
    name: N,
    params: ListRequests[N]['params'],
  ): Promise<ListRequests[N]['result']> {
    return this.#thread.ask(name, params) as Promise<ListRequests[N]['result']>;
  }

  /** The entry that stops mail of this sending domain to this recipient; null when there is none. */
  lookUp(key: SuppressionKey): Promise<SuppressionEntry | null> {
    const { promise, resolve, reject } = Promise.withResolvers<SuppressionEntry | null>();
    this.#wanted.push({ key, resolve, reject });
    this.#lookUpWanted();
    return promise;
  }

  /** What was asked for so far is done first. */
  async close(): Promise<void> {
    if (this.#thread.isRunning) await this.ask('probe', null).catch(() => undefined);
    await this.#thread.close();
  }

  #lookUpWanted(): void {
    if (this.#isLookingUp || this.#wanted.length === 0) return;
    const asked = this.#wanted;
    this.#wanted = [];
    this.#isLookingUp = true;
    const keys = asked.map(({ key }) => key);
    this.ask('lookUp', keys)
      .then(
        (found) => asked.forEach(({ resolve }, index) => resolve(found[index] ?? null)),
        (error: Error) => asked.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        this.#isLookingUp = false;
        this.#lookUpWanted();
      });
  }
}
