/**
 * A Lua context: one state on a machine of its own, with the host's bindings registered.
 *
 *     const context = LuaContext.create({ clock });
 *     context.register([serdeBindings(deps), timeBindings(deps)]);
 *     await context.run('return require("kumo").time.now()', 'test');   // LuaValue[]
 *     await context.call(ref, [1, 'two']);                              // ref: LuaFunctionRef
 *     context.dispose();
 *
 * Modules whose path starts with `_G` become globals, all others entries of `package.loaded`
 * (`['kumo', 'time']` is the field `time` of `require 'kumo'`). Failures are `LuaError`; a
 * `LuaFatalError` (budget, broken machine) leaves the context unusable.
 *
 * Every call runs in a coroutine. A host function that returned a promise yields it
 * (`lua_yieldk`) and is resumed when the promise has settled; calls nest, and a call made while
 * another one is suspended uses a coroutine of its own. Finished coroutines are used again.
 *
 * Long because every way into Lua and out of it is here.
 *
 * Source: reference `lua-api.md` §0, §16.
 */
import { toError } from '../../base/assert.ts';
import type { Bindings } from '../bindings/bindings.ts';
import { CallFrame } from './call-frame.ts';
import { ErrorReader } from './error-reader.ts';
import { HostCalls, isMachineFailure, type Activity } from './host-calls.ts';
import type { HostCall, LuaContextHandle } from './host-function.ts';
import {
  LUA_ERRSYNTAX,
  LUA_MASKCOUNT,
  LUA_MULTRET,
  LUA_OK,
  LUA_TFUNCTION,
  LUA_TTABLE,
  LUA_YIELD,
  type LuaState,
} from './lua-abi.ts';
import { LuaError, LuaFatalError, RaisedError, type LuaPlace } from './lua-error.ts';
import { isLongjmp, LuaMachine } from './lua-machine.ts';
import { LuaObjects } from './lua-objects.ts';
import { firstLuaPlace, placeInMessage } from './lua-place.ts';
import type { HostObject, LuaFunctionRef, LuaValue } from './lua-value.ts';
import { LuaTime, type LuaTimeOptions } from './lua-time.ts';
import { LuaValues } from './lua-values.ts';
import type { RegisteredFunction } from './registered-function.ts';
import { registerBindings, type Gate } from './registration.ts';
import { nameLightUserdata, seedRandom, trimStandardLibrary } from './standard-library.ts';

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const HOOK_INSTRUCTIONS = 10_000;
/** A script may catch "not enough memory", collect, and go on; not for ever. */
const REFUSALS_MAX = 64;
/** A wasm memory cannot address more. */
const MEMORY_BYTES_MAX = 2 ** 32 - 65_536;
/** New userdata after which Lua is told to collect: it sees their four bytes, not what they hold. */
const OBJECTS_PER_COLLECTION = 5_000;
const WEIGHT_PER_COLLECTION = 32 * 1024 * 1024;

export interface LuaContextOptions extends LuaTimeOptions {
  /** Memory of this context; absent: what wasm can address. */
  readonly memoryBytesMax?: number;
  readonly gate?: Gate;
  /** Where `warn` goes. */
  readonly warn?: (text: string) => void;
  /** Two words that seed `math.random`. */
  readonly seed?: readonly [number, number];
}

/** A coroutine that calls run in. */
interface Thread {
  readonly L: LuaState;
  readonly ref: number;
}

/** What calls into a context get after its end. */
const ENDED = new LuaFatalError('the Lua context has ended', null);

let contextCount = 0;

export class LuaContext implements LuaContextHandle {
  /** Changes when the context is renewed: nothing of an earlier life may be used. */
  #id = ++contextCount;
  readonly machine: LuaMachine;
  readonly values: LuaValues;
  readonly objects: LuaObjects;
  readonly handle: LuaContextHandle = this;
  readonly #options: LuaContextOptions;
  readonly #main: LuaState;
  readonly #functions: RegisteredFunction[] = [];
  #sealedFunctionCount = 0;
  readonly #calls: HostCalls;
  readonly #errors: ErrorReader;
  readonly #threads: Thread[] = [];
  readonly #activity: Activity = { running: 0, fatal: null };
  readonly #time: LuaTime;
  /** How often the present event was refused more memory. */
  #refusals = 0;
  /** Registry references of functions that the bridge itself calls. */
  readonly #messageHandler: number;
  readonly #collectGarbage: number;

  static create(options: LuaContextOptions): LuaContext {
    return new LuaContext(options);
  }

  private constructor(options: LuaContextOptions) {
    this.#options = options;
    this.#time = new LuaTime(options);
    this.machine = new LuaMachine(
      {
        dispatch: (L) => this.#calls.dispatch(L),
        dispatchClosure: (L) => this.#calls.dispatchClosure(L),
        resumed: (L, _status, context) => this.#calls.resumed(L, context),
        hook: (L) => this.#checkBudget(L),
        grows: (verdict) => this.#checkMemory(verdict),
        write: (bytes) => options.warn?.(Buffer.from(bytes).toString('utf8')),
      },
      options.memoryBytesMax ?? MEMORY_BYTES_MAX,
    );
    const { lua } = this.machine;
    const L = (this.#main = lua.luaL_newstate());
    this.objects = new LuaObjects(
      this.machine,
      (S, fn) => this.pushFunction(S, fn),
      (S, value) => this.values.push(S, value),
      (S, index) => this.values.read(S, index),
    );
    this.values = new LuaValues(this.machine, L, this.objects, () => this.#id);
    lua.luaL_openlibs(L);
    this.#errors = new ErrorReader(this.machine, L, this.values, this.objects);
    this.#calls = new HostCalls(
      {
        machine: this.machine,
        values: this.values,
        objects: this.objects,
        errors: this.#errors,
        frameHost: this,
        activity: this.#activity,
      },
      this.#functions,
    );
    trimStandardLibrary(this, L, options.seed ?? [0, 0]);
    this.objects.prepareClosures(L);
    this.objects.define(L, {
      name: 'error',
      class: RaisedError,
      toString: (raised) => (raised as RaisedError).text,
    });
    nameLightUserdata(this, L);
    this.pushFunction(L, {
      name: 'message handler',
      effect: 'pure',
      base: 0,
      raw: (S) => this.#errors.wrapRaised(S),
    });
    this.#messageHandler = this.machine.ref(L);
    lua.lua_getglobal(L, this.machine.name('collectgarbage'));
    this.#collectGarbage = this.machine.ref(L);
    if (options.budgetMs !== undefined) {
      // `firstLuaPlace` may need it while memory is being allocated.
      this.machine.name('Sl');
      lua.lua_sethook(L, this.machine.hookPointer, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    }
  }

  get id(): number {
    return this.#id;
  }

  /** The state that coroutines are made from; nothing runs on it. */
  get mainState(): LuaState {
    return this.#main;
  }

  /** Lua's memory, freed parts included; it never shrinks. */
  get memoryBytes(): number {
    return this.machine.memoryBytes;
  }

  /** Set when the context must not be used any more. */
  get fatal(): LuaFatalError | null {
    return this.#activity.fatal;
  }

  get isRunning(): boolean {
    return this.#activity.running !== 0;
  }

  register(bindings: readonly Bindings[]): void {
    registerBindings(this, bindings, this.#options.gate ?? null);
  }

  /** Compiles `chunk`. @throws {LuaError} `syntax error: …` */
  load(chunk: string | Uint8Array, name: string): LuaFunctionRef {
    const L = this.#main;
    const { lua } = this.machine;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    const status = this.loadInto(L, bytes, name);
    if (status !== LUA_OK) {
      const message = String(this.values.read(L, -1));
      lua.lua_settop(L, 0);
      const place = placeInMessage(message, () => name);
      const kind = status === LUA_ERRSYNTAX ? 'syntax error' : 'memory error';
      throw new LuaError(`${kind}: ${message}`, null, place);
    }
    return { kind: 'function', ref: this.machine.ref(L), contextId: this.id };
  }

  /** Compiles onto the stack: a function, or an error message with a status other than `LUA_OK`. */
  loadInto(L: LuaState, bytes: Uint8Array, name: string, mode = ''): number {
    const { lua } = this.machine;
    return this.machine.withBytes(Buffer.from(`${name}\0${mode}`, 'utf8'), (names) =>
      this.machine.withBytes(bytes, (pointer) =>
        lua.luaL_loadbufferx(
          L,
          pointer,
          bytes.byteLength,
          names,
          mode === '' ? 0 : names + Buffer.byteLength(name) + 1,
        ),
      ),
    );
  }

  /** Runs a chunk as a coroutine and resolves to what it returned. */
  async run(chunk: string | Uint8Array, name: string): Promise<readonly LuaValue[]> {
    const fn = this.load(chunk, name);
    try {
      return await this.call(fn, []);
    } finally {
      this.release(fn);
    }
  }

  /** Calls a function in a coroutine of its own. */
  async call(fn: LuaFunctionRef, args: readonly LuaValue[]): Promise<readonly LuaValue[]> {
    this.#assertOwn(fn);
    return this.invoke(fn.ref, args, (L, count) => this.readResults(L, count));
  }

  /**
   * Like `call` for the registry reference `ref`; `take` reads the results off the stack. No
   * promise is made when nothing suspended.
   */
  invoke<T>(
    ref: number,
    args: readonly LuaValue[],
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    this.#assertUsable();
    const thread = this.#takeThread();
    let pushed = false;
    try {
      this.machine.pushRef(thread.L, ref);
      for (const arg of args) this.values.push(thread.L, arg);
      pushed = true;
    } finally {
      if (!pushed) this.#dropThread(thread);
    }
    return this.#start(thread, args.length, take);
  }

  /** Calls method `name` of the table behind `ref`: `table:name(...args)`. */
  invokeMethod<T>(
    ref: number,
    name: string,
    args: readonly LuaValue[],
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    this.#assertUsable();
    const thread = this.#takeThread();
    const { lua } = this.machine;
    this.machine.pushRef(thread.L, ref);
    lua.lua_getfield(thread.L, -1, this.machine.name(name));
    lua.lua_rotate(thread.L, -2, 1);
    for (const arg of args) this.values.push(thread.L, arg);
    return this.#start(thread, args.length + 1, take);
  }

  forward(fn: LuaFunctionRef, call: HostCall): readonly LuaValue[] | Promise<readonly LuaValue[]> {
    if (!(call instanceof CallFrame)) throw new Error('Bug: a call of another bridge');
    this.#assertOwn(fn);
    this.#assertUsable();
    const thread = this.#takeThread();
    this.machine.pushRef(thread.L, fn.ref);
    const count = call.copyArguments(thread.L);
    return this.#start(thread, count, (L, results) => this.readResults(L, results));
  }

  callSync(fn: LuaFunctionRef, args: readonly LuaValue[]): readonly LuaValue[] {
    this.#assertOwn(fn);
    this.#assertUsable();
    const { lua } = this.machine;
    const L = this.#activity.running || this.#main;
    const top = lua.lua_gettop(L);
    const outermost = this.#enter(L);
    try {
      this.machine.pushRef(L, this.#messageHandler);
      this.machine.pushRef(L, fn.ref);
      for (const arg of args) this.values.push(L, arg);
      const status = lua.lua_pcallk(L, args.length, LUA_MULTRET, top + 1, 0, 0);
      if (status !== LUA_OK) throw this.#errors.errorFrom(L, status);
      const count = lua.lua_gettop(L) - top - 1;
      return this.readResults(L, count);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      if (outermost) this.#leave();
      if (!this.#activity.fatal) lua.lua_settop(L, top);
    }
  }

  release(fn: LuaFunctionRef): void {
    if (!this.#activity.fatal && fn.contextId === this.id) this.machine.unref(this.#main, fn.ref);
  }

  pairsOf(object: HostObject): readonly (readonly [LuaValue, LuaValue])[] | undefined {
    return this.objects.typeOf(object).pairs?.(object);
  }

  releaseRef(ref: number): void {
    if (!this.#activity.fatal) this.machine.unref(this.#main, ref);
  }

  /** The Lua type of the value behind a registry reference. */
  typeOfRef(ref: number): 'table' | 'function' | 'other' {
    const type = this.machine.pushRef(this.#main, ref);
    this.machine.pop(this.#main, 1);
    return type === LUA_TTABLE ? 'table' : type === LUA_TFUNCTION ? 'function' : 'other';
  }

  /** Whether field `name` of the table behind `ref` is a function. */
  hasMethod(ref: number, name: string): boolean {
    const L = this.#main;
    this.machine.pushRef(L, ref);
    const type = this.machine.lua.lua_getfield(L, -1, this.machine.name(name));
    this.machine.pop(L, 2);
    return type === LUA_TFUNCTION;
  }

  setGlobal(name: string, value: LuaValue): void {
    const L = this.#activity.running || this.#main;
    this.values.push(L, value);
    this.machine.lua.lua_setglobal(L, this.machine.name(name));
  }

  getGlobal(name: string): LuaValue {
    const L = this.#activity.running || this.#main;
    this.machine.lua.lua_getglobal(L, this.machine.name(name));
    const value = this.values.read(L, -1);
    this.machine.pop(L, 1);
    return value;
  }

  /** Starts the budget of the next event. */
  resetBudget(): void {
    this.#time.reset();
    this.#refusals = 0;
  }

  /** A full garbage collection. */
  collect(): void {
    if (this.#activity.fatal) return;
    const L = this.#main;
    this.machine.pushRef(L, this.#collectGarbage);
    this.machine.lua.lua_pcallk(L, 0, 0, 0, 0, 0);
    this.machine.lua.lua_settop(L, 0);
    this.objects.resetPressure();
  }

  /** Collects when many host objects, or large ones, were handed to Lua since the last time. */
  collectIfDue(): void {
    const { pushedCount, pushedBytes } = this.objects;
    if (pushedCount >= OBJECTS_PER_COLLECTION || pushedBytes >= WEIGHT_PER_COLLECTION) {
      this.collect();
    }
  }

  readResults(L: LuaState, count: number): LuaValue[] {
    const first = this.machine.lua.lua_gettop(L) - count + 1;
    return Array.from({ length: count }, (_, i) => this.values.read(L, first + i));
  }

  pushFunction(L: LuaState, fn: RegisteredFunction): void {
    const { lua } = this.machine;
    lua.lua_pushlightuserdata(L, this.#functions.length);
    this.#functions.push(fn);
    lua.lua_pushcclosure(L, this.machine.dispatchPointer, 1);
  }

  /** Ends the context: its objects are disposed of, calls under way come to nothing. */
  dispose(): void {
    this.#activity.fatal ??= ENDED;
    this.#calls.abandon();
    this.objects.disposeAll();
    this.#threads.length = 0;
  }

  /** Remembers the context as it is now: set up, and without a script. */
  seal(): void {
    this.#sealedFunctionCount = this.#functions.length;
    this.objects.seal();
    this.machine.snapshot();
  }

  /**
   * After `dispose`: a new context in the place of the old one, as it was at `seal`. Far cheaper
   * than another machine.
   */
  renew(seed: readonly [number, number]): void {
    this.#id = ++contextCount;
    this.machine.restore();
    this.objects.restore();
    this.#functions.length = this.#sealedFunctionCount;
    this.#activity.running = 0;
    this.resetBudget();
    this.#activity.fatal = null;
    seedRandom(this, this.#main, seed);
  }

  #assertOwn(fn: LuaFunctionRef): void {
    if (fn.contextId !== this.#id) throw ENDED;
  }

  #assertUsable(): void {
    if (this.#activity.fatal) throw this.#activity.fatal;
  }

  #takeThread(): Thread {
    const free = this.#threads.pop();
    if (free) return free;
    const L = this.machine.lua.lua_newthread(this.#main);
    return { L, ref: this.machine.ref(this.#main) };
  }

  #dropThread(thread: Thread): void {
    if (this.#activity.fatal) return;
    this.machine.lua.lua_resetthread(thread.L);
    this.machine.unref(this.#main, thread.ref);
  }

  #start<T>(
    thread: Thread,
    argumentCount: number,
    take: (L: LuaState, count: number) => T,
  ): T | Promise<T> {
    const status = this.#resume(thread.L, argumentCount);
    const count = this.machine.u32[this.machine.out >> 2] ?? 0;
    if (status === LUA_YIELD) return this.#continue(thread, count, take);
    return this.#finish(thread, status, count, take);
  }

  async #continue<T>(
    thread: Thread,
    firstCount: number,
    take: (L: LuaState, count: number) => T,
  ): Promise<T> {
    let count = firstCount;
    const life = this.#id;
    for (;;) {
      const pending = this.#calls.yielded(thread.L, count);
      this.machine.pop(thread.L, count);
      // A script's own yield outside of any coroutine has no one to answer it: it goes on at once.
      if (pending) await pending.settled;
      if (life !== this.#id) throw ENDED;
      this.#assertUsable();
      const status = this.#resume(thread.L, 0);
      count = this.machine.u32[this.machine.out >> 2] ?? 0;
      if (status !== LUA_YIELD) return this.#finish(thread, status, count, take);
    }
  }

  #resume(L: LuaState, argumentCount: number): number {
    const from = this.#activity.running;
    const outermost = this.#enter(L);
    try {
      return this.machine.lua.lua_resume(L, from, argumentCount, this.machine.out);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      this.#activity.running = from;
      if (outermost) this.#leave();
    }
  }

  #finish<T>(
    thread: Thread,
    status: number,
    count: number,
    take: (L: LuaState, count: number) => T,
  ): T {
    if (status !== LUA_OK) {
      const error = this.#errors.errorFrom(thread.L, status);
      this.#dropThread(thread);
      throw error;
    }
    try {
      return take(thread.L, count);
    } finally {
      this.machine.lua.lua_settop(thread.L, 0);
      this.#threads.push(thread);
    }
  }

  /** @returns whether this is the outermost entry into Lua, which must `#leave` */
  #enter(L: LuaState): boolean {
    const outermost = this.#activity.running === 0;
    this.#activity.running = L;
    if (outermost) this.#time.enter();
    return outermost;
  }

  #leave(): void {
    this.#activity.running = 0;
    this.#calls.resetDepth();
    this.#time.leave();
  }

  #checkBudget(L: LuaState): void {
    const { budgetMs } = this.#options;
    if (budgetMs === undefined || !this.#time.isUsedUp) return;
    const place = firstLuaPlace(this.machine, L);
    const where = place ? ` at ${place.file}:${place.line}` : '';
    throw this.#makeFatal(`Lua ran for longer than ${budgetMs / 1000} s${where}`, place);
  }

  /**
   * Between two instructions that the hook counts a script may fill its memory: a loop that makes
   * long strings spends its time in C. So the clock is looked at here, too.
   */
  #checkMemory(verdict: 'granted' | 'refused'): void {
    const L = this.#activity.running;
    if (L === 0 || this.#options.budgetMs === undefined) return;
    this.#checkBudget(L);
    if (verdict === 'granted' || ++this.#refusals <= REFUSALS_MAX) return;
    const place = firstLuaPlace(this.machine, L);
    const limit = Math.round((this.#options.memoryBytesMax ?? MEMORY_BYTES_MAX) / 2 ** 20);
    throw this.#makeFatal(`Lua went on asking for more than its ${limit} MB of memory`, place);
  }

  #makeFatal(message: string, place: LuaPlace | null, cause?: unknown): Error {
    this.#activity.fatal ??= new LuaFatalError(message, place, cause);
    return this.#activity.fatal;
  }

  /** What left the wasm code as an exception: everything but our own errors broke the machine. */
  #settleThrown(thrown: unknown, L: LuaState): Error {
    if (thrown instanceof LuaError || thrown instanceof LuaFatalError) return thrown;
    if (!isMachineFailure(thrown)) return toError(thrown);
    const place = firstLuaPlace(this.machine, L);
    const error = isLongjmp(thrown) ? 'error outside of a protected call' : toError(thrown).message;
    return this.#makeFatal(`Lua stopped: ${error}`, place, thrown);
  }
}
