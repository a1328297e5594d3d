/**
 * What is going on in a context, as its parts need to know it of each other: which coroutine runs,
 * which life of the machine this is, and whether the context may be used any more.
 */
import type { LuaState } from './lua-abi.ts';
import { LuaFatalError, type LuaPlace } from './lua-error.ts';

/** What calls into a context get after its end. */
export const ENDED = new LuaFatalError('the Lua context has ended', null);

let lifeCount = 0;

export class Activity {
  /** The coroutine that is executing now; 0 when Lua is not on the stack. */
  running: LuaState = 0;
  /** Set when the context must not be used any more. */
  fatal: LuaFatalError | null = null;
  /** Changes when the context is renewed: nothing of an earlier life may be used. */
  life = ++lifeCount;

  /** The context breaks; the first reason counts. */
  breakDown(message: string, place: LuaPlace | null, cause?: unknown): LuaFatalError {
    this.fatal ??= new LuaFatalError(message, place, cause);
    return this.fatal;
  }

  /** Nothing may be done any more until it is renewed. */
  end(): void {
    this.fatal ??= ENDED;
  }

  renew(): void {
    this.life = ++lifeCount;
    this.running = 0;
    this.fatal = null;
  }
}
