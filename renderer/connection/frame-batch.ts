/**
 * Events from the engine, applied once per animation frame and never for longer than a slice of it,
 * so that a burst of thousands leaves the window answering. A hidden page has no frames; a timer
 * takes over there.
 */
const SLICE_MS = 10;
const HIDDEN_WAIT_MS = 250;

export class FrameBatch<T> {
  readonly #apply: (item: T) => void;
  #waiting: T[] = [];
  #isScheduled = false;

  constructor(apply: (item: T) => void) {
    this.#apply = apply;
  }

  get size(): number {
    return this.#waiting.length;
  }

  push(item: T): void {
    this.#waiting.push(item);
    this.#schedule();
  }

  clear(): void {
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (document.hidden) setTimeout(() => this.#flush(), HIDDEN_WAIT_MS);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const until = performance.now() + SLICE_MS;
    let done = 0;
    while (done < this.#waiting.length) {
      const item = this.#waiting[done++];
      if (item !== undefined) this.#apply(item);
      if (performance.now() > until) break;
    }
    this.#waiting = this.#waiting.slice(done);
    if (this.#waiting.length > 0) this.#schedule();
  }
}
