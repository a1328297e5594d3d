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
/** Grown so often since it should have stopped, it is stopped without a place: it is in a coroutine of its own. */
const OVERDUE_GROWTHS_MAX = 3;

export class LuaLimits {
  readonly #machine: LuaMachine;
  readonly #activity: Activity;
  readonly #time: LuaTime;
  readonly #memoryBytesMax: number;
  /** How often the present event was refused more memory. */
  #refusals = 0;
  /** How often memory was asked for when the event should have ended already. */
  #overdueGrowths = 0;

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
    // `firstLuaPlace` needs it when there may be no memory left.
    machine.name('Sl');
    machine.lua.lua_sethook(L, machine.hookPointer, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  }

  /** The next event begins. */
  reset(): void {
    this.#time.reset();
    this.#refusals = 0;
    this.#overdueGrowths = 0;
  }

  /** @throws {LuaFatalError} the time is used up, or it asked for memory in vain too often */
  check(L: LuaState): void {
    const excess = this.#excess;
    if (excess === null) return;
    const place = firstLuaPlace(this.#machine, L);
    const where = place ? ` at ${place.file}:${place.line}` : '';
    throw this.#activity.breakDown(`${excess}${where}`, place);
  }

  /**
   * Between two instructions that the hook counts a script may fill its memory: a loop that makes
   * long strings spends its time in C. So the clock is looked at here, too. It may be Lua's stack
   * that grows and is on the move: nothing on it can be read, so the next instruction is to stop.
   *
   * @throws {LuaFatalError} it does not come to one
   */
  checkMemory(verdict: 'granted' | 'refused'): void {
    const L = this.#activity.running;
    if (L === 0 || this.#time.budgetMs === undefined) return;
    if (verdict === 'refused') this.#refusals++;
    const excess = this.#excess;
    if (excess === null) return;
    if (++this.#overdueGrowths > OVERDUE_GROWTHS_MAX) throw this.#activity.breakDown(excess, null);
    this.#machine.lua.lua_sethook(L, this.#machine.hookPointer, LUA_MASKCOUNT, 1);
  }

  /** What was too much; null while it may go on. */
  get #excess(): string | null {
    const { budgetMs, isUsedUp } = this.#time;
    if (budgetMs !== undefined && isUsedUp) return `Lua ran for longer than ${budgetMs / 1000} s`;
    if (this.#refusals <= REFUSALS_MAX) return null;
    return `Lua went on asking for more than its ${Math.round(this.#memoryBytesMax / 2 ** 20)} MB of memory`;
  }
}
