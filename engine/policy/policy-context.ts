/**
 * A Lua context with a policy in it: the handlers that its run of the policy file registered, and
 * the call it is working on. One event at a time.
 *
 * Source: reference `lua-api.md` §1.1–1.3.
 */
import type { MonotonicMs } from '../base/clock.ts';
import type { CallRecorder } from './call-recorder.ts';
import type { LuaContext } from './lua/lua-context.ts';
import type { LuaPlace } from './lua/lua-error.ts';

/** Events whose handlers form a list; any other event has one handler. */
export const MULTIPLE_HANDLER_EVENTS: ReadonlySet<string> = new Set([
  'pre_init',
  'validate_config',
  'get_queue_config',
  'should_enqueue_log_record',
  'requeue_message',
  'throttle_insert_ready_queue',
  'get_acl_definition',
]);

export interface Handler {
  /** Registry reference of the function. */
  readonly ref: number;
  /** Chunk name of the code that registered it, `@` and all. */
  readonly source: string;
  readonly line: number;
  /** The registering call's stack as `short_src:line`, innermost first. */
  readonly registrars: readonly string[];
  readonly place: LuaPlace;
}

export class PolicyContext {
  readonly lua: LuaContext;
  readonly handlers = new Map<string, Handler[]>();
  readonly epoch: number;
  readonly createdMs: MonotonicMs;
  useCount = 0;
  /** The event it is working on, or the last one. */
  currentEvent = 'policy file';
  recorder: CallRecorder | null = null;

  constructor(lua: LuaContext, epoch: number, createdMs: MonotonicMs) {
    this.lua = lua;
    this.epoch = epoch;
    this.createdMs = createdMs;
  }
}
