/**
 * The conversation with a peer, line by line with its milliseconds, for the Journey. Bounded in
 * lines and length; the body is one note with its size; credentials never get here.
 *
 * Invariant: what was taken is gone, so each attempt shows its own part of the connection.
 */
import { TRANSCRIPT_LINE_CHARS_MAX, TRANSCRIPT_LINES_MAX } from '../base/limits.ts';
import type { Clock, MonotonicMs } from '../base/clock.ts';
import type { TranscriptLine } from '../store/store.ts';
import type { ClientTrace } from './smtp-client-trace.ts';

export class SmtpTranscript {
  readonly #clock: Clock;
  readonly #trace: ClientTrace | null;
  #startedMs: MonotonicMs;
  #lines: TranscriptLine[] = [];
  #dropped = 0;

  /**
   * @param clock real time
   * @param startedMs what the milliseconds count from: when the attempt began
   * @param trace is told the same, also when the transcript is full
   */
  constructor(
    clock: Clock,
    startedMs: MonotonicMs = clock.monotonic(),
    trace: ClientTrace | null = null,
  ) {
    this.#clock = clock;
    this.#trace = trace;
    this.#startedMs = startedMs;
  }

  /** Another attempt goes over the same connection: the milliseconds count from its beginning. */
  countFrom(startedMs: MonotonicMs): void {
    this.#startedMs = startedMs;
  }

  /** A command without its CRLF. */
  client(text: string): void {
    this.#trace?.wrote(text);
    this.#add('client', text);
  }

  /** @param lines of a reply as they came, without the code */
  server(code: number, lines: readonly string[]): void {
    for (const [index, line] of lines.entries()) {
      const shown = `${code}${index === lines.length - 1 ? ' ' : '-'}${line}`;
      this.#trace?.read(shown);
      this.#add('server', shown);
    }
  }

  note(text: string): void {
    this.#trace?.noted(text);
    this.#add('note', text);
  }

  /** The lines since the last call. */
  take(): readonly TranscriptLine[] {
    if (this.#dropped > 0) {
      const text = `${this.#dropped} more lines were not kept`;
      this.#lines.push({ atMs: this.#elapsedMs(), who: 'note', text });
    }
    const lines = this.#lines;
    this.#lines = [];
    this.#dropped = 0;
    return lines;
  }

  #add(who: TranscriptLine['who'], text: string): void {
    if (this.#lines.length >= TRANSCRIPT_LINES_MAX) {
      this.#dropped++;
      return;
    }
    const isLong = text.length > TRANSCRIPT_LINE_CHARS_MAX;
    const kept = isLong
      ? `${text.slice(0, TRANSCRIPT_LINE_CHARS_MAX)}… (${text.length} characters)`
      : text;
    this.#lines.push({ atMs: this.#elapsedMs(), who, text: kept });
  }

  /** To a hundredth of a millisecond. */
  #elapsedMs(): number {
    return Math.round((this.#clock.monotonic() - this.#startedMs) * 100) / 100;
  }
}
