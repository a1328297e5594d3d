/**
 * A worker thread that is asked: requests go out at once, answers come back by number.
 *
 * The thread begins with the first request, and anew with the next one should it end; what was
 * asked of one that ended is refused.
 */
import { Worker } from 'node:worker_threads';
import { WORKER_LIMITS } from './threads.ts';

export interface WorkerRequest {
  readonly id: number;
  readonly name: string;
  readonly params: unknown;
}

export type WorkerAnswer = { readonly id: number } & (
  { readonly result: unknown } | { readonly error: Error }
);

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface RequestWorkerOptions<A extends WorkerAnswer> {
  readonly script: URL;
  readonly data: unknown;
  /** Of the thread, for debuggers. */
  readonly name: string;
  /** Begins the errors, e.g. `Cannot read the store`. */
  readonly trouble: string;
  /** What came with an answer besides its result. */
  readonly onAnswer?: (answer: A) => void;
}

export class RequestWorker<A extends WorkerAnswer = WorkerAnswer> {
  readonly #options: RequestWorkerOptions<A>;
  readonly #pending = new Map<number, Waiter>();
  #worker: Worker | null = null;
  #nextId = 1;
  #isClosed = false;

  constructor(options: RequestWorkerOptions<A>) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** @throws {Error} what the thread threw, or that it ended or is closed */
  ask(name: string, params: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new Error(`${this.#options.trouble}: it is closed`));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#pending.set(id, { resolve, reject });
    const request: WorkerRequest = { id, name, params };
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    return promise;
  }

  /** What was asked and is not answered yet is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const { script, data, name, trouble } = this.#options;
    const worker = new Worker(script, {
      workerData: data,
      name,
      resourceLimits: WORKER_LIMITS,
    });
    worker.on('message', (answer: A) => this.#answered(answer));
    worker.on('error', (error) => this.#ended(worker, error as Error));
    worker.on('exit', (code) =>
      this.#ended(worker, new Error(`${trouble}: its thread ended with code ${code}`)),
    );
    return worker;
  }

  #answered(answer: A): void {
    this.#options.onAnswer?.(answer);
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
