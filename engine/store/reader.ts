/**
 * A thread that reads the store. The store has two: one serves the queue (message loads, the
 * start), one everybody else, so that a long list never delays a delivery.
 */
import { RequestWorker } from '../base/request-worker.ts';
import type { ReaderData } from './worker-messages.ts';

export type Reader = RequestWorker;

export function newReader(data: ReaderData): Reader {
  return new RequestWorker({
    script: new URL('./reader-worker.ts', import.meta.url),
    data,
    name: 'store-reader',
    trouble: 'Cannot read the store',
  });
}
