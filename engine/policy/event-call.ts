/** One call of a policy event, as the Journey shows it. */
import type { JsonValue } from '../mail/json.ts';

export interface EventCall {
  readonly event: string;
  /** Milliseconds since the trace began (connect, or the start of an attempt). */
  readonly atMs: number;
  readonly durationMs: number;
  /** Printable forms of the arguments, secrets as `••••`. */
  readonly args: readonly string[];
  /** Printable forms of what the handler returned; absent when it raised. */
  readonly returned?: readonly string[];
  /** What it raised: a reject, or an error with its place. */
  readonly raised?: {
    readonly code?: number;
    readonly text: string;
    readonly file?: string;
    readonly line?: number;
  };
  /** `print` and `kumo.log_*` lines. */
  readonly prints: readonly { readonly text: string; readonly line?: number }[];
  /** Metadata that the handler changed. */
  readonly metaChanges: readonly {
    readonly key: string;
    readonly from: JsonValue | undefined;
    readonly to: JsonValue;
    readonly line?: number;
  }[];
  /** Where the handler was registered, e.g. `init.lua:58`; absent when the event has no handler. */
  readonly handler?: { readonly file: string; readonly line: number };
  /** A route decided this, not the policy; its name. */
  readonly route?: string;
}

/** Collects the calls made on behalf of one transaction or attempt. Bounded; says when it was cut. */
export interface EventTrace {
  /** Milliseconds since the trace began. */
  elapsedMs(): number;
  add(call: EventCall): void;
}
