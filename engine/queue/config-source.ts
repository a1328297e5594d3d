/**
 * Who answered when a queue's configuration was asked for: a route, a handler of the policy, or
 * nobody. Shown with the settings, in the Journey and in Queues.
 */
import type { EventCall, EventTrace } from '../policy/event-call.ts';

export type ConfigSource =
  | { readonly kind: 'route'; readonly route: string }
  | { readonly kind: 'handler'; readonly file: string; readonly line: number }
  /** A reserved queue, or a policy without a handler that has an answer. */
  | { readonly kind: 'built-in' | 'defaults' };

/** Passes the calls on to the trace it was made for, and remembers who answered. */
export class AnswerTrace implements EventTrace {
  readonly #inner: EventTrace | null;
  #last: EventCall | null = null;

  constructor(inner: EventTrace | null) {
    this.#inner = inner;
  }

  elapsedMs(): number {
    return this.#inner?.elapsedMs() ?? 0;
  }

  add(call: EventCall): void {
    this.#last = call;
    this.#inner?.add(call);
  }

  /** The handlers before the last one abstained; when that did too, the defaults apply. */
  get source(): ConfigSource {
    const call = this.#last;
    if (call?.route !== undefined) return { kind: 'route', route: call.route };
    if (!call?.handler || (call.returned?.length ?? 0) === 0) return { kind: 'defaults' };
    return { kind: 'handler', ...call.handler };
  }
}
