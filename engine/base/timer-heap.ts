/**
 * Pending callbacks in the order of their time, equal times in the order in which they were set.
 * What a clock of our own needs to run timers: `mail-clock.ts`, and the simulated clock of tests.
 */
import type { Timer } from './clock.ts';

interface Entry extends Timer {
  readonly order: number;
  at: number;
  callback: (() => void) | null;
}

export class TimerHeap {
  #entries: Entry[] = [];
  #order = 0;
  #cancelled = 0;

  /** Number of callbacks that are still to run. */
  get size(): number {
    return this.#entries.length - this.#cancelled;
  }

  add(at: number, callback: () => void): Timer {
    const entry: Entry = {
      at,
      order: this.#order++,
      callback,
      cancel: () => {
        if (entry.callback === null) return;
        entry.callback = null;
        this.#cancelled++;
        this.#compact();
      },
    };
    this.#entries.push(entry);
    this.#up(this.#entries.length - 1);
    return entry;
  }

  /** The earliest time, or null when nothing is pending. */
  nextAt(): number | null {
    this.#dropCancelled();
    return this.#entries[0]?.at ?? null;
  }

  /** Takes the earliest callback that is due at `now`; null when there is none. */
  takeDue(now: number): { readonly at: number; readonly callback: () => void } | null {
    this.#dropCancelled();
    const first = this.#entries[0];
    if (first === undefined || first.at > now || first.callback === null) return null;
    const { at, callback } = first;
    first.callback = null;
    this.#removeFirst();
    return { at, callback };
  }

  /** Moves every pending time by the same amount. */
  shift(byMs: number): void {
    for (const entry of this.#entries) entry.at += byMs;
  }

  #dropCancelled(): void {
    while (this.#entries.length > 0 && this.#entries[0]?.callback === null) {
      this.#cancelled--;
      this.#removeFirst();
    }
  }

  /** Cancelled entries stay until they surface; when they are the majority, they are swept. */
  #compact(): void {
    if (this.#cancelled < 64 || this.#cancelled * 2 < this.#entries.length) return;
    this.#entries = this.#entries.filter((entry) => entry.callback !== null).sort(compare);
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.#down(0);
  }

  #up(index: number): void {
    const entries = this.#entries;
    const entry = entries[index] as Entry;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = entries[parentIndex] as Entry;
      if (compare(parent, entry) <= 0) break;
      entries[index] = parent;
      index = parentIndex;
    }
    entries[index] = entry;
  }

  #down(index: number): void {
    const entries = this.#entries;
    const entry = entries[index] as Entry;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      const right = child + 1;
      if (right < entries.length && compare(entries[right] as Entry, entries[child] as Entry) < 0) {
        child = right;
      }
      if (compare(entries[child] as Entry, entry) >= 0) break;
      entries[index] = entries[child] as Entry;
      index = child;
    }
    entries[index] = entry;
  }
}

function compare(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order;
}
