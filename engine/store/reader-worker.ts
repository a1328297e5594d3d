/**
 * A reader's thread: a read-only connection that answers the named reads of `reads.ts` and of the
 * modules it was given, each on one snapshot.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../base/assert.ts';
import type { WorkerAnswer, WorkerRequest } from '../base/request-worker.ts';
import { runInBackground } from '../base/threads.ts';
import { BodyFiles } from './bodies.ts';
import { bodiesFolder, databaseFile, openForReading } from './database.ts';
import { ReadContext } from './read-context.ts';
import type { ReadTable } from './read-context.ts';
import { reads } from './reads.ts';
import type { ReaderData } from './worker-messages.ts';

const port = parentPort;
if (!port) throw new Error('Bug: reader-worker.ts runs in a worker thread only');

const { folder, modules, isBackground } = workerData as ReaderData;
if (isBackground) runInBackground();
const table: Record<string, ReadTable[string]> = { ...reads };
for (const url of modules) {
  const more = (await import(url)) as { reads: ReadTable };
  Object.assign(table, more.reads);
}
const context = new ReadContext(
  openForReading(databaseFile(folder)),
  folder,
  new BodyFiles(bodiesFolder(folder)),
  table,
);

port.on('message', (request: WorkerRequest) => {
  context.transfers.length = 0;
  const answer = run(request);
  port.postMessage(answer, [...context.transfers]);
});

function run({ id, name, params }: WorkerRequest): WorkerAnswer {
  try {
    context.db.exec('BEGIN');
    try {
      return { id, result: context.call(name, params as object) };
    } finally {
      context.db.exec('COMMIT');
    }
  } catch (thrown) {
    return { id, error: toError(thrown) };
  }
}
