/**
 * Watches the heartbeat of Lua from another thread. A count hook cannot stop a loop inside a C
 * function (`string.find` with a hostile pattern): when the same call is at work for too long, the
 * watcher writes down which event it is, ends what the main thread is executing, and tells it so.
 * What was cut off is in no known state, so the process must begin anew; everything acknowledged is
 * durable, as after `kill -9`. Should the main thread not come back, the watcher ends the process.
 *
 *     const watch = StuckWatch.start({ heartbeat, noteFile, patienceMs, earlier, onStuck });
 *     …
 *     await watch.close();
 */
import { readFileSync, rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { EpochMs } from '../base/clock.ts';
import { WORKER_LIMITS } from '../base/threads.ts';

/** What is kept about it for the next start. */
export interface StuckNote {
  readonly event: string;
  /** How long it had been at work when it was ended. */
  readonly ranMs: number;
  readonly atMs: EpochMs;
  /** In a row: starts that ended like this, this one included. */
  readonly count: number;
}

export interface StuckWatchData {
  readonly heartbeat: SharedArrayBuffer;
  readonly noteFile: string;
  readonly patienceMs: number;
  /** Of the run before this one, when it ended like that. */
  readonly earlier: StuckNote | null;
}

/** A call that hangs this long after the last one belongs to another story. */
const IN_A_ROW_MS = 10 * 60_000;

export class StuckWatch {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @param onStuck called on the main thread, in whose state nothing can be relied upon any more */
  static start(data: StuckWatchData, onStuck: (note: StuckNote) => void): StuckWatch {
    const worker = new Worker(new URL('./stuck-worker.ts', import.meta.url), {
      workerData: data,
      name: 'stuck-watch',
      resourceLimits: WORKER_LIMITS,
    });
    worker.on('message', onStuck);
    // Without it the engine goes on as well as before.
    worker.on('error', () => {});
    worker.unref();
    return new StuckWatch(worker);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** How the run before this one ended, when it was stuck; the note is read once. */
export function takeStuckNote(noteFile: string): StuckNote | null {
  try {
    const note = JSON.parse(readFileSync(noteFile, 'utf8')) as StuckNote;
    return typeof note.event === 'string' ? note : null;
  } catch {
    return null;
  } finally {
    rmSync(noteFile, { force: true });
  }
}

export function stuckNote(
  event: string,
  ranMs: number,
  atMs: EpochMs,
  earlier: StuckNote | null,
): StuckNote {
  const isInARow = earlier !== null && atMs - earlier.atMs < IN_A_ROW_MS;
  return { event, ranMs, atMs, count: isInARow ? earlier.count + 1 : 1 };
}
