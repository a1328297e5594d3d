/**
 * Calls from Lua to the host: finding the function, converting what it returns or throws, and
 * suspending the coroutine while a promise is pending.
 *
 * A suspended call yields a light userdata that names it. Whoever resumes the coroutine, the
 * context or a script that wrapped it, continues in `resumed`; when the promise has not settled yet,
 * it yields again.
 *
 * Source: reference `lua-api.md` §0.1, §16 no. 1.
 */
import { toError } from '../../base/assert.ts';
import type { Activity } from './activity.ts';
import { CallFrame, type FrameHost } from './call-frame.ts';
import type { ErrorReader } from './error-reader.ts';
import type { HostResult } from './host-function.ts';
import { LUA_TLIGHTUSERDATA, upvalueIndex, type LuaState } from './lua-abi.ts';
import { LibraryError, LuaFatalError, RaisedError } from './lua-error.ts';
import { isLongjmp, type LuaMachine } from './lua-machine.ts';
import type { LuaObjects } from './lua-objects.ts';
import { MultiValue, type LuaValue } from './lua-value.ts';
import type { LuaValues } from './lua-values.ts';
import type { RegisteredFunction } from './registered-function.ts';

/** Light userdata with this mark stand for suspended host functions. */
const PENDING_MARK = 0x4000_0000;

interface HostCallsParts {
  readonly machine: LuaMachine;
  readonly values: LuaValues;
  readonly objects: LuaObjects;
  readonly errors: ErrorReader;
  readonly frameHost: FrameHost;
  readonly activity: Activity;
}

/** A host function whose promise has not settled, or whose coroutine has not been resumed yet. */
export interface Pending {
  isSettled: boolean;
  value: LuaValue | MultiValue;
  error: Error | null;
  settled: Promise<void>;
}

export class HostCalls {
  readonly #parts: HostCallsParts;
  readonly #functions: RegisteredFunction[];
  /** One frame per depth of nesting; a suspended call takes its frame along. */
  readonly #frames: CallFrame[] = [];
  #depth = 0;
  readonly #pending: (Pending | null)[] = [];
  readonly #suspendedFrames = new Set<CallFrame>();

  /** @param functions by the number that their Lua closures carry */
  constructor(parts: HostCallsParts, functions: RegisteredFunction[]) {
    this.#parts = parts;
    this.#functions = functions;
  }

  /** Lua has been left altogether. */
  resetDepth(): void {
    this.#depth = 0;
  }

  /** Calls under way come to nothing. */
  abandon(): void {
    for (const frame of this.#suspendedFrames) frame.kill();
    this.#suspendedFrames.clear();
    this.#pending.length = 0;
    this.#depth = 0;
  }

  /** The suspended call that a coroutine yielded; null when a script yielded something of its own. */
  yielded(L: LuaState, count: number): Pending | null {
    const { lua } = this.#parts.machine;
    if (count !== 1 || lua.lua_type(L, -1) !== LUA_TLIGHTUSERDATA) return null;
    return this.#pending[lua.lua_touserdata(L, -1) - PENDING_MARK] ?? null;
  }

  dispatch(L: LuaState): number {
    const id = this.#parts.machine.lua.lua_touserdata(L, upvalueIndex(1));
    const fn = this.#functions[id];
    if (!fn) throw new Error(`Bug: host function ${id} is not registered`);
    return this.#callHost(L, fn);
  }

  dispatchClosure(L: LuaState): number {
    const closure = this.#parts.objects.closureAt(L, upvalueIndex(1));
    return this.#callHost(L, { name: closure.name, effect: 'pure', base: 0, run: closure.run });
  }

  #callHost(L: LuaState, fn: RegisteredFunction): number {
    const { activity } = this.#parts;
    const depth = this.#depth;
    const outer = activity.running;
    let result: HostResult;
    let frame: CallFrame | null = null;
    try {
      activity.running = L;
      if (fn.raw) {
        const count = fn.raw(L);
        activity.running = outer;
        return count;
      }
      frame = this.#frames[depth] ??= new CallFrame(this.#parts.frameHost);
      this.#depth = depth + 1;
      frame.begin(L, fn.base, fn.name);
      result = fn.run?.(frame);
      if (!(result instanceof Promise)) frame.end();
    } catch (thrown) {
      frame?.end();
      if (activity.fatal) throw activity.fatal;
      if (isMachineFailure(thrown)) throw thrown;
      this.#depth = depth;
      activity.running = outer;
      return this.#raise(L, toError(thrown));
    }
    this.#depth = depth;
    activity.running = outer;
    if (result instanceof Promise) return this.#suspend(L, result, depth);
    return this.#pushResult(L, result);
  }

  #pushResult(L: LuaState, result: LuaValue | MultiValue): number {
    try {
      if (!(result instanceof MultiValue)) {
        this.#parts.values.push(L, result);
        return 1;
      }
      this.#parts.machine.lua.lua_checkstack(L, result.values.length);
      for (const value of result.values) this.#parts.values.push(L, value);
      return result.values.length;
    } catch (thrown) {
      if (isMachineFailure(thrown)) throw thrown;
      return this.#raise(L, toError(thrown));
    }
  }

  #raise(L: LuaState, error: Error): number {
    if (error instanceof LibraryError) return this.#raiseString(L, error);
    this.#parts.objects.push(L, new RaisedError(error, this.#parts.errors.traceback(L)));
    return this.#parts.machine.lua.lua_error(L);
  }

  #raiseString(L: LuaState, error: LibraryError): number {
    const caller = error.position === 'bare' ? null : this.#parts.errors.position(L);
    this.#parts.machine.pushString(L, `${caller ?? ''}${error.message}`);
    return this.#parts.machine.lua.lua_error(L);
  }

  #suspend(L: LuaState, promise: Promise<LuaValue | MultiValue>, depth: number): number {
    const { lua } = this.#parts.machine;
    const frame = this.#frames[depth];
    this.#frames.splice(depth, 1);
    const pending: Pending = {
      isSettled: false,
      value: undefined,
      error: null,
      settled: Promise.resolve(),
    };
    if (frame) this.#suspendedFrames.add(frame);
    pending.settled = promise
      .then(
        (value) => void (pending.value = value),
        (thrown: unknown) => void (pending.error = toError(thrown)),
      )
      .then(() => {
        pending.isSettled = true;
        if (frame && this.#suspendedFrames.delete(frame)) frame.end();
      });
    // Raises "attempt to yield across a C-call boundary"; the promise is left to itself.
    if (lua.lua_isyieldable(L) === 0) {
      return lua.lua_yieldk(L, 0, 0, this.#parts.machine.resumedPointer);
    }
    let slot = this.#pending.indexOf(null);
    if (slot < 0) slot = this.#pending.length;
    this.#pending[slot] = pending;
    return this.#yield(L, slot);
  }

  #yield(L: LuaState, slot: number): number {
    this.#parts.machine.lua.lua_pushlightuserdata(L, PENDING_MARK + slot);
    return this.#parts.machine.lua.lua_yieldk(L, 1, slot, this.#parts.machine.resumedPointer);
  }

  /** The continuation of a suspended host function; a foreign resumer may come too early. */
  resumed(L: LuaState, slot: number): number {
    const pending = this.#pending[slot];
    if (!pending) throw new Error(`Bug: no suspended call ${slot}`);
    if (!pending.isSettled) return this.#yield(L, slot);
    this.#pending[slot] = null;
    return pending.error ? this.#raise(L, pending.error) : this.#pushResult(L, pending.value);
  }
}

/** Errors that unwound through wasm frames: `lua_error` itself, traps, an exhausted stack. */
export function isMachineFailure(thrown: unknown): boolean {
  return (
    isLongjmp(thrown) ||
    thrown instanceof LuaFatalError ||
    thrown instanceof WebAssembly.RuntimeError ||
    (thrown instanceof RangeError && /call stack/.test(thrown.message))
  );
}
