/**
 * The main thread's side of a reader worker: requests go out at once, answers come back by number.
 * The thread begins with the first request, and anew with the next one should it end. The store has
 * two: one serves the queue (message loads, the start), one everybody else, so that
 * a long list never delays a delivery.
 */
import { Worker } from 'node:worker_threads';
import { WORKER_LIMITS } from '../base/threads.ts';
import type { ReadAnswer, ReaderData, ReadRequest } from './worker-messages.ts';

export class Reader {
  readonly #data: ReaderData;
  #worker: Worker | null = null;
  readonly #pending = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #nextId = 1;
  #isClosed = false;

  constructor(data: ReaderData) {
    this.#data = data;
  }

  read(name: string, params: object): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error('Cannot read: the store is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#pending.set(id, { resolve, reject });
    const request: ReadRequest = { id, name, params };
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), {
      workerData: this.#data,
      name: 'store-reader',
      resourceLimits: WORKER_LIMITS,
    });
    worker.on('message', (answer: ReadAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#ended(worker, error as Error));
    worker.on('exit', (code) => {
      this.#ended(
        worker,
        new Error(`Cannot read: the reader of the store ended with code ${code}`),
      );
    });
    return worker;
  }

  #answered(answer: ReadAnswer): void {
    const waiter = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) waiter?.reject(answer.error);
    else waiter?.resolve(answer.result);
  }

  /** What was asked of this thread will not be answered; the next request begins another one. */
  #ended(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const waiter of this.#pending.values()) waiter.reject(error);
    this.#pending.clear();
  }
}
