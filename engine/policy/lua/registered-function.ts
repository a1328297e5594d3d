/** A host function as the bridge keeps it: once per context, called by number. */
import type { Effect, HostResult } from './host-function.ts';
import type { CallFrame } from './call-frame.ts';
import type { LuaState } from './lua-abi.ts';

export interface RegisteredFunction {
  /** `Message.set_meta` for methods, for argument errors and traces; null for plain functions. */
  readonly name: string;
  readonly effect: Effect;
  /** Stack slots before the first argument: 1 for methods, whose `self` comes first. */
  readonly base: 0 | 1;
  readonly run?: (call: CallFrame) => HostResult;
  /** Works on the stack itself and returns the number of results; never suspends. */
  readonly raw?: (L: LuaState) => number;
}
