/**
 * The main thread's door to the list. The list itself is in a worker thread: SQL on the main
 * thread would make every session wait, and a copy in memory would not know what a policy wrote
 * into the file a moment ago. Look-ups gather while one is under way and go out together, so that
 * a burst of mail costs few messages between threads.
 *
 * The thread begins with the first request, and anew with the next one should it end.
 */
import { Worker } from 'node:worker_threads';
import { WORKER_LIMITS } from '../base/threads.ts';
import type { SuppressionEntry, SuppressionKey } from './entry.ts';
import type {
  ListRequests,
  ListState,
  RequestName,
  WorkerAnswer,
  WorkerRequest,
} from './worker-messages.ts';

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface LookUp {
  readonly key: SuppressionKey;
  readonly resolve: (entry: SuppressionEntry | null) => void;
  readonly reject: (error: Error) => void;
}

export class SuppressionList {
  readonly file: string;
  readonly #onState: (state: ListState) => void;
  readonly #pending = new Map<number, Waiter>();
  #worker: Worker | null = null;
  #nextId = 1;
  #isClosed = false;
  #wanted: LookUp[] = [];
  #isLookingUp = false;

  constructor(file: string, onState: (state: ListState) => void) {
    this.file = file;
    this.#onState = onState;
  }

  ask<N extends RequestName>(
    name: N,
    params: ListRequests[N]['params'],
  ): Promise<ListRequests[N]['result']> {
    if (this.#isClosed)
      return Promise.reject(new Error('Cannot ask the suppression list: it is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#pending.set(id, { resolve, reject });
    const request: WorkerRequest = { id, name, params };
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    return promise as Promise<ListRequests[N]['result']>;
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
    if (this.#worker !== null) await this.ask('probe', null).catch(() => undefined);
    this.#isClosed = true;
    await this.#worker?.terminate();
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

  #start(): Worker {
    const worker = new Worker(new URL('./list-worker.ts', import.meta.url), {
      workerData: { file: this.file },
      name: 'suppression-list',
      resourceLimits: WORKER_LIMITS,
    });
    worker.on('message', (answer: WorkerAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#ended(worker, error as Error));
    worker.on('exit', (code) =>
      this.#ended(worker, new Error(`Cannot ask the suppression list: it ended with code ${code}`)),
    );
    return worker;
  }

  #answered(answer: WorkerAnswer): void {
    if (answer.state !== null) this.#onState(answer.state);
    const waiter = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) waiter?.reject(answer.error);
    else waiter?.resolve(answer.result);
  }

  #ended(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const waiter of this.#pending.values()) waiter.reject(error);
    this.#pending.clear();
  }
}
