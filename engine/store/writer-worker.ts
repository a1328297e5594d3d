/**
 * The writer's thread: opens the database, applies what the main thread sends in order, keeps the
 * WAL short. The answer to a batch is sent before any checkpoint, so nobody waits for one.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../base/assert.ts';
import { SystemClock } from '../base/clock.ts';
import { BodyFiles } from './bodies.ts';
import { bodiesFolder, databaseFile, openForWriting } from './database.ts';
import { DatabaseLock } from './database-lock.ts';
import { markClosed, recover, sweepBodies } from './recovery.ts';
import { Retention } from './retention.ts';
import type { FromWriter, ToWriter, WriterData } from './worker-messages.ts';
import { Checkpoints } from './checkpoints.ts';
import { StalledError, Writer } from './writer.ts';

/** Between two tries of a batch for which there is no room at all. */
const STALL_RETRY_MS = 500;

const port = parentPort;
if (!port) throw new Error('Bug: writer-worker.ts runs in a worker thread only');

function say(message: FromWriter): void {
  port?.postMessage(message);
}

function start({ folder }: WriterData): void {
  const clock = new SystemClock();
  const lock = DatabaseLock.take(databaseFile(folder));
  const db = openForWriting(folder);
  const bodies = new BodyFiles(bodiesFolder(folder));
  const writer = new Writer(db, {
    bodies,
    onLost: (op, error) => say({ kind: 'lost', text: `operation ${op[0]}: ${error.message}` }),
  });
  const retention = new Retention(db, bodies, writer.sessions);
  const checkpoints = new Checkpoints(db);
  const waiting: ToWriter[] = [];
  let isStalled = false;

  const handle = (message: ToWriter): void => {
    switch (message.kind) {
      case 'batch':
        say({ kind: 'committed', result: writer.apply(message.batch, message.staged) });
        checkpoints.committed();
        return;
      case 'retain': {
        if (message.isFresh) retention.restart();
        const step = retention.step(
          (work) => writer.transact(work),
          writer.usedBytes() - message.maxBytes,
          message.oldestMs,
        );
        const usedBytes = writer.usedBytes();
        say({ kind: 'retained', step, usedBytes, totals: writer.counters });
        checkpoints.committed();
        return;
      }
      case 'close':
        writer.transact(() => markClosed(db, true));
        checkpoints.finish();
        end();
    }
  };

  const end = (): void => {
    db.close();
    lock.release();
    say({ kind: 'closed' });
    process.exit();
  };

  const pump = (): void => {
    for (let message = waiting[0]; message !== undefined; message = waiting[0]) {
      try {
        handle(message);
      } catch (thrown) {
        if (thrown instanceof StalledError) return stall(thrown);
        say({ kind: 'failed', error: toError(thrown) });
      }
      waiting.shift();
    }
  };

  const stall = (error: StalledError): void => {
    say({ kind: 'stalled', text: error.message });
    isStalled = true;
    clock.timer(STALL_RETRY_MS, () => {
      isStalled = false;
      pump();
    });
  };

  say({ kind: 'opened', opened: recover(db, writer, folder) });
  sweepBodies(db, bodies);
  port?.on('message', (message: ToWriter) => {
    // Closed with a batch that does not fit: it is given up, and the store stays marked as open.
    if (isStalled && message.kind === 'close') return end();
    waiting.push(message);
    if (!isStalled) pump();
  });
}

try {
  start(workerData as WriterData);
} catch (thrown) {
  say({ kind: 'failed', error: toError(thrown) });
  port.close();
}
