/**
 * How long Lua may work for one event, and how much memory it may ask for meanwhile. The clock is
 * looked at every so many instructions, and whenever memory grows. What goes too far breaks the
 * context.
 */
import type { Activity } from './activity.ts';
import { LUA_MASKCOUNT, type LuaState } from './lua-abi.ts';
import type { LuaMachine } from './lua-machine.ts';
import { firstLuaPlace } from './lua-place.ts';
import type { LuaTime } from './lua-time.ts';

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const HOOK_INSTRUCTIONS = 10_000;
/** A script may catch "not enough memory", collect, and go on; not for ever. */
const REFUSALS_MAX = 64;

export class LuaLimits {
  readonly #machine: LuaMachine;
  readonly #activity: Activity;
  readonly #time: LuaTime;
  readonly #memoryBytesMax: number;
  /** How often the present event was refused more memory. */
  #refusals = 0;

  constructor(parts: {
    machine: LuaMachine;
    activity: Activity;
    time: LuaTime;
    memoryBytesMax: number;
  }) {
    this.#machine = parts.machine;
    this.#activity = parts.activity;
    this.#time = parts.time;
    this.#memoryBytesMax = parts.memoryBytesMax;
  }

  /** Looks at the clock from here on, if time is limited; in the coroutines of `L`, too. */
  watch(L: LuaState): void {
    if (this.#time.budgetMs === undefined) return;
    const machine = this.#machine;
    // `firstLuaPlace` may need it while memory is being allocated.
    machine.name('Sl');
    machine.lua.lua_sethook(L, machine.hookPointer, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  }

  /** The next event begins. */
  reset(): void {
    this.#time.reset();
    this.#refusals = 0;
  }

  /** @throws {LuaFatalError} the time is used up */
  checkTime(L: LuaState): void {
    const { budgetMs } = this.#time;
    if (budgetMs === undefined || !this.#time.isUsedUp) return;
    const place = firstLuaPlace(this.#machine, L);
    const where = place ? ` at ${place.file}:${place.line}` : '';
    throw this.#activity.breakDown(`Lua ran for longer than ${budgetMs / 1000} s${where}`, place);
  }

  /**
   * Between two instructions that the hook counts a script may fill its memory: a loop that makes
   * long strings spends its time in C. So the clock is looked at here, too.
   *
   * @throws {LuaFatalError} the time is used up, or it asked in vain too often
   */
  checkMemory(verdict: 'granted' | 'refused'): void {
    const L = this.#activity.running;
    if (L === 0 || this.#time.budgetMs === undefined) return;
    this.checkTime(L);
    if (verdict === 'granted' || ++this.#refusals <= REFUSALS_MAX) return;
    const place = firstLuaPlace(this.#machine, L);
    const limit = Math.round(this.#memoryBytesMax / 2 ** 20);
    throw this.#activity.breakDown(
      `Lua went on asking for more than its ${limit} MB of memory`,
      place,
    );
  }
}
