/**
 * The thread of `stuck-watch.ts`. It sees calls by their number, so a call that ended and one that
 * began in the same instant are two.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../base/clock.ts';
import { readHeartbeat } from './heartbeat.ts';
import { stuckNote } from './stuck-watch.ts';
import type { StuckWatchData } from './stuck-watch.ts';

const port = parentPort;
if (!port) throw new Error('Bug: stuck-worker.ts runs in a worker thread only');

const LOOK_EVERY_MS = 250;
/** Until the request has reached the main thread. */
const CUT_OFF_MS = 250;
/** The main thread has this long to come back before the process is ended. */
const COME_BACK_MS = 5_000;

const { heartbeat, noteFile, patienceMs, earlier } = workerData as StuckWatchData;
const clock = new SystemClock();

let entry = -1;
let ranMs = 0;
let lookedMs = clock.monotonic();
for (;;) {
  await clock.sleep(LOOK_EVERY_MS);
  const call = readHeartbeat(heartbeat);
  const nowMs = clock.monotonic();
  // A process that was stopped for a while did not run meanwhile, neither did the call.
  const sinceLookMs = Math.min(nowMs - lookedMs, 2 * LOOK_EVERY_MS);
  lookedMs = nowMs;
  if (call?.entry !== entry) {
    entry = call?.entry ?? -1;
    ranMs = 0;
  } else if (call) {
    ranMs += sinceLookMs;
    if (ranMs >= patienceMs) await end(call.event, ranMs);
  }
}

async function end(event: string, stuckMs: number): Promise<void> {
  const note = stuckNote(event, Math.round(stuckMs), clock.now(), earlier);
  writeFileSync(noteFile, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution');
  await clock.sleep(CUT_OFF_MS);
  session.disconnect();
  port?.postMessage(note);
  await clock.sleep(COME_BACK_MS);
  process.kill(process.pid, 'SIGKILL');
}
