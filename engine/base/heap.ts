/**
 * How much memory V8 takes before it looks for garbage. By default it lets the heap of a busy thread
 * grow several times over; with a long queue that is half a gigabyte of nothing.
 */
import { setFlagsFromString } from 'node:v8';

/** Percent by which the heap may grow between two collections of everything; 0: V8's own choice. */
const SLOW_GROWTH_PERCENT = 30;

/** For the whole process; the threads that run already follow. */
export function growHeapSlowly(isSlow: boolean): void {
  setFlagsFromString(`--heap-growing-percent=${isSlow ? SLOW_GROWTH_PERCENT : 0}`);
}
