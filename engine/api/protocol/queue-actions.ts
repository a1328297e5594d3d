/**
 * `POST /queues/actions`: what can be done with queues and with what waits in them. `queue` or
 * `messageIds` choose; for `deliver-now` and `bounce` both absent means everything. `bounce` and
 * `suspend` make a rule with a lifetime, as KumoMTA's admin API does.
 */
export type QueueAction =
  | {
      readonly verb: 'deliver-now';
      readonly queue?: string;
      readonly messageIds?: readonly string[];
    }
  | {
      readonly verb: 'suspend';
      readonly queue: string;
      readonly reason: string;
      readonly durationMs?: number;
    }
  | { readonly verb: 'resume'; readonly queue: string }
  | {
      readonly verb: 'bounce';
      readonly queue?: string;
      readonly messageIds?: readonly string[];
      readonly reason: string;
    }
  /** Ends the bouncing of what enters the queue; what was bounced stays bounced. */
  | { readonly verb: 'stop-bounce'; readonly queue: string }
  | RebindAction
  | SetDueAction
  | { readonly verb: 'suspend-path'; readonly path: string; readonly reason: string }
  | { readonly verb: 'resume-path'; readonly path: string };

/** The metas that name a queue, as KumoMTA's rebind sets them; null takes one away. */
export interface RebindAction {
  readonly verb: 'rebind';
  readonly queue?: string;
  readonly messageIds?: readonly string[];
  readonly data: Readonly<Record<string, string | null>>;
  readonly reason: string;
}

/** Another due time: a moment of the mail clock, or a wait from now. `changes` is each its own. */
export interface SetDueAction {
  readonly verb: 'set-due';
  readonly queue?: string;
  readonly messageIds?: readonly string[];
  readonly dueMs?: number;
  readonly inMs?: number;
  readonly changes?: readonly { readonly messageId: string; readonly dueMs: number }[];
}

export interface QueueActionResult {
  readonly changed: number;
  readonly text: string;
  /** What takes it back, as far as that is possible. */
  readonly undo?: QueueAction | null;
}
