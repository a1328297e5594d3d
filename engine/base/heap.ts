/**
 * How much memory V8 takes before it looks for garbage. By default it lets the heap of a busy thread
 * grow several times over; with a long queue that is half a gigabyte of nothing.
 */
import { setFlagsFromString } from 'node:v8';

/** Percent by which the heap may grow between two collections of everything; 0: V8's own choice. */
const SLOW_GROWTH_PERCENT = 30;

/** Who has much on the heap now: one process may hold several engines, and they share it. */
const holders = new Set<object>();

/**
 * The heap grows slowly for as long as somebody wants it to. For the whole process; the threads that
 * run already follow.
 *
 * @param holder who wants it, or does not any more
 */
export function growHeapSlowly(holder: object, isWanted: boolean): void {
  const before = holders.size > 0;
  if (isWanted) holders.add(holder);
  else holders.delete(holder);
  const isSlow = holders.size > 0;
  if (isSlow === before) return;
  setFlagsFromString(`--heap-growing-percent=${isSlow ? SLOW_GROWTH_PERCENT : 0}`);
}
