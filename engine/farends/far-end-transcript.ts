/** What was said on a connection of a far end, line by line, as far as it is kept. */
import type { Clock, MonotonicMs } from '../base/clock.ts';
import { TRANSCRIPT_LINE_CHARS_MAX } from '../base/limits.ts';
import type { TranscriptLine } from '../store/store.ts';

const LINES_KEPT = 200;

export class FarEndTranscript {
  readonly #clock: Clock;
  readonly #startedMs: MonotonicMs;
  readonly #lines: TranscriptLine[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonic();
  }

  note(who: TranscriptLine['who'], text: string): void {
    if (this.#lines.length < LINES_KEPT) this.#lines.push(this.#line(who, text));
  }

  /** So far, and a reply that is about to be said. */
  endingWith(reply: string): readonly TranscriptLine[] {
    return [...this.#lines, this.#line('server', reply)];
  }

  #line(who: TranscriptLine['who'], text: string): TranscriptLine {
    const atMs = this.#clock.monotonic() - this.#startedMs;
    return { atMs, who, text: text.slice(0, TRANSCRIPT_LINE_CHARS_MAX) };
  }
}
