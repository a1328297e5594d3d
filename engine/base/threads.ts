/** How the engine's worker threads share memory and processors with the main thread. */
import { getPriority, setPriority } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';

/**
 * Their objects live short: with V8's own choice each thread would keep up to 48 MB of young
 * generation resident.
 */
export const WORKER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 12 };

/** Added to the niceness: about a third of the share of a thread beside it. */
const BACKGROUND = 5;

/**
 * For the calling worker thread, when its work can wait a moment: reception and the commit of what
 * was received go first while all processors are busy. Linux only: elsewhere the priority belongs
 * to the whole process.
 */
export function runInBackground(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(getPriority() + BACKGROUND);
  } catch {
    // Not allowed here: it competes like the others.
  }
}
