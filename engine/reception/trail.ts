/**
 * What a session said and asked since its last transaction ended: transcript lines and policy
 * calls. Each transaction takes what has gathered, so that the first one also has the connection's
 * beginning. Both lists are bounded and say how much was left out.
 */
import {
  EVENT_CALLS_MAX,
  TRANSCRIPT_LINES_MAX,
  TRANSCRIPT_LINE_CHARS_MAX,
} from '../base/limits.ts';
import type { Clock } from '../base/clock.ts';
import type { EventCall, EventTrace } from '../policy/event-call.ts';
import type { TranscriptLine } from '../store/store.ts';
import type { SessionTracer } from './trace-hub.ts';

export class Trail implements EventTrace {
  readonly #clock: Clock;
  readonly #began: number;
  #lines: TranscriptLine[] = [];
  #calls: EventCall[] = [];
  #lostLines = 0;
  #lostCalls = 0;
  readonly #tracer: SessionTracer | null;

  /** @param tracer is told of every call, also when the trail is full */
  constructor(clock: Clock, tracer: SessionTracer | null = null) {
    this.#clock = clock;
    this.#tracer = tracer;
    this.#began = clock.monotonic();
  }

  /** Milliseconds since the connection began, to a microsecond. */
  elapsedMs(): number {
    return Math.round((this.#clock.monotonic() - this.#began) * 1000) / 1000;
  }

  add(call: EventCall): void {
    this.#tracer?.called(call);
    if (this.#calls.length < EVENT_CALLS_MAX) this.#calls.push(call);
    else this.#lostCalls++;
  }

  /** The policy has no handler for this call. Watchers are told of it all the same. */
  notHandled(name: string): void {
    this.#tracer?.notHandled(name);
  }

  line(who: TranscriptLine['who'], text: string): void {
    if (this.#lines.length >= TRANSCRIPT_LINES_MAX) {
      this.#lostLines++;
      return;
    }
    this.#lines.push({ atMs: this.elapsedMs(), who, text: shorten(text) });
  }

  /** Hands over what has gathered and begins anew. */
  take(): { readonly transcript: TranscriptLine[]; readonly events: EventCall[] } {
    if (this.#lostLines > 0) {
      const text = `${this.#lostLines} more lines were not kept`;
      this.#lines.push({ atMs: this.elapsedMs(), who: 'note', text });
    }
    if (this.#lostCalls > 0) {
      const text = `${this.#lostCalls} more calls were not kept`;
      this.#lines.push({ atMs: this.elapsedMs(), who: 'note', text });
    }
    const taken = { transcript: this.#lines, events: this.#calls };
    this.#lines = [];
    this.#calls = [];
    this.#lostLines = 0;
    this.#lostCalls = 0;
    return taken;
  }
}

function shorten(text: string): string {
  if (text.length <= TRANSCRIPT_LINE_CHARS_MAX) return text;
  return `${text.slice(0, TRANSCRIPT_LINE_CHARS_MAX)}… (${text.length} characters)`;
}
