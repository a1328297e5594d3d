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
 * Source: DESIGN §2; reference `lua-api.md` §0, §16.
 */
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/assert.ts';
import type { Bindings } from '../bindings/bindings.ts';
import { CallFrame } from './call-frame.ts';
import type { HostCall, HostFunction, HostResult, LuaContextHandle } from './host-function.ts';
import {
  LUA_DEBUG,
  LUA_ERRMEM,
  LUA_ERRSYNTAX,
  LUA_MASKCOUNT,
  LUA_MULTRET,
  LUA_OK,
  LUA_REGISTRYINDEX,
  LUA_TFUNCTION,
  LUA_TLIGHTUSERDATA,
  LUA_TSTRING,
  LUA_TTABLE,
  LUA_TUSERDATA,
  LUA_YIELD,
  upvalueIndex,
  type LuaState,
} from './lua-abi.ts';
import { LibraryError, LuaError, LuaFatalError, RaisedError } from './lua-error.ts';
import { isLongjmp, LuaMachine } from './lua-machine.ts';
import { LuaObjects } from './lua-objects.ts';
import { firstLuaPlace, placeInMessage } from './lua-place.ts';
import { MultiValue, type HostObject, type LuaFunctionRef, type LuaValue } from './lua-value.ts';
import { LuaValues } from './lua-values.ts';
import type { RegisteredFunction } from './registered-function.ts';
import { seedRandom, trimStandardLibrary } from './standard-library.ts';

/** Instructions between two looks at the clock: about a tenth of a millisecond. */
const HOOK_INSTRUCTIONS = 10_000;
/** A wasm memory cannot address more. */
const MEMORY_BYTES_MAX = 2 ** 32 - 65_536;
/** New userdata after which Lua is told to collect: it sees their four bytes, not what they hold. */
const OBJECTS_PER_COLLECTION = 5_000;
const WEIGHT_PER_COLLECTION = 32 * 1024 * 1024;
/** Light userdata with this mark stand for suspended host functions. */
const PENDING_MARK = 0x4000_0000;

export interface LuaContextOptions {
  /** Real time, for the budget. */
  readonly clock: Clock;
  /** Lua time of one call, waiting not counted; absent: unlimited. */
  readonly budgetMs?: number;
  /** Memory of this context; absent: what wasm can address. */
  readonly memoryBytesMax?: number;
  /** Replaces host functions (dry runs); null keeps the function. */
  readonly gate?: (name: string, fn: Pick<HostFunction, 'effect'>) => HostFunction['run'] | null;
  /** Told when Lua begins and stops to occupy the thread. */
  readonly heartbeat?: { enter(sinceMs: number): void; leave(): void };
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

interface Pending {
  isSettled: boolean;
  value: LuaValue | MultiValue;
  error: Error | null;
  settled: Promise<void>;
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
  readonly #frames: CallFrame[] = [];
  #depth = 0;
  readonly #threads: Thread[] = [];
  readonly #pending: (Pending | null)[] = [];
  /** Frames of calls that are suspended. */
  readonly #suspendedFrames = new Set<CallFrame>();
  #sealedFunctionCount = 0;
  /** The coroutine that is executing now; 0 when Lua is not on the stack. */
  #running: LuaState = 0;
  #usedMs = 0;
  #sliceStart = 0;
  #fatal: LuaFatalError | null = null;
  readonly #messageHandler: number;
  readonly #collectGarbage: number;
  readonly #toString: number;

  static create(options: LuaContextOptions): LuaContext {
    return new LuaContext(options);
  }

  private constructor(options: LuaContextOptions) {
    this.#options = options;
    this.machine = new LuaMachine(
      {
        dispatch: (L) => this.#dispatch(L),
        dispatchClosure: (L) => this.#dispatchClosure(L),
        resumed: (L, _status, context) => this.#resumed(L, context),
        hook: (L) => this.#checkBudget(L),
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
    trimStandardLibrary(this, L, options.seed ?? [0, 0]);
    this.objects.prepareClosures(L);
    this.objects.define(L, {
      name: 'error',
      class: RaisedError,
      toString: (raised) => (raised as RaisedError).text,
    });
    this.#nameLightUserdata(L);
    this.pushFunction(L, {
      name: 'message handler',
      effect: 'pure',
      base: 0,
      raw: (S) => this.#wrapRaised(S),
    });
    this.#messageHandler = this.machine.ref(L);
    lua.lua_getglobal(L, this.machine.name('collectgarbage'));
    this.#collectGarbage = this.machine.ref(L);
    lua.lua_getglobal(L, this.machine.name('tostring'));
    this.#toString = this.machine.ref(L);
    if (options.budgetMs !== undefined) {
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
    return this.#fatal;
  }

  get isRunning(): boolean {
    return this.#running !== 0;
  }

  register(bindings: readonly Bindings[]): void {
    const L = this.#main;
    const { lua } = this.machine;
    for (const { modules, types } of bindings) {
      for (const type of types) {
        this.objects.define(L, type);
      }
      for (const module of modules) {
        this.#pushModule(L, module.path);
        for (const [name, fn] of Object.entries(module.functions)) {
          const fullName = [...module.path, name].join('.');
          const run = this.#options.gate?.(fullName, fn) ?? fn.run;
          this.pushFunction(L, { name: fullName, effect: fn.effect, base: 0, run });
          lua.lua_setfield(L, -2, this.machine.name(name));
        }
        for (const [name, value] of Object.entries(module.constants ?? {})) {
          this.values.push(L, value);
          lua.lua_setfield(L, -2, this.machine.name(name));
        }
        lua.lua_settop(L, 0);
      }
    }
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
      const place = placeInMessage(message, (short) =>
        short === shortSource(name) ? name : short,
      );
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
    const L = this.#running || this.#main;
    const top = lua.lua_gettop(L);
    const outermost = this.#enter(L);
    try {
      this.machine.pushRef(L, this.#messageHandler);
      this.machine.pushRef(L, fn.ref);
      for (const arg of args) this.values.push(L, arg);
      const status = lua.lua_pcallk(L, args.length, LUA_MULTRET, top + 1, 0, 0);
      if (status !== LUA_OK) throw this.#errorFrom(L, status);
      const count = lua.lua_gettop(L) - top - 1;
      return this.readResults(L, count);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      if (outermost) this.#leave();
      if (!this.#fatal) lua.lua_settop(L, top);
    }
  }

  release(fn: LuaFunctionRef): void {
    if (!this.#fatal && fn.contextId === this.id) this.machine.unref(this.#main, fn.ref);
  }

  pairsOf(object: HostObject): readonly (readonly [LuaValue, LuaValue])[] | undefined {
    return this.objects.typeOf(object).pairs?.(object);
  }

  releaseRef(ref: number): void {
    if (!this.#fatal) this.machine.unref(this.#main, ref);
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
    const L = this.#running || this.#main;
    this.values.push(L, value);
    this.machine.lua.lua_setglobal(L, this.machine.name(name));
  }

  getGlobal(name: string): LuaValue {
    const L = this.#running || this.#main;
    this.machine.lua.lua_getglobal(L, this.machine.name(name));
    const value = this.values.read(L, -1);
    this.machine.pop(L, 1);
    return value;
  }

  /** Starts the budget of the next event. */
  resetBudget(): void {
    this.#usedMs = 0;
  }

  /** A full garbage collection. */
  collect(): void {
    if (this.#fatal) return;
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
    this.#fatal ??= ENDED;
    for (const frame of this.#suspendedFrames) frame.kill();
    this.#suspendedFrames.clear();
    this.objects.disposeAll();
    this.#threads.length = 0;
    this.#pending.length = 0;
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
    this.#depth = 0;
    this.#running = 0;
    this.#usedMs = 0;
    this.#fatal = null;
    seedRandom(this, this.#main, seed);
  }

  /** glibc prints the NULL pointer as `(nil)`; the C library of the wasm build does not. */
  #nameLightUserdata(L: LuaState): void {
    const { lua } = this.machine;
    lua.lua_pushlightuserdata(L, 0);
    lua.lua_createtable(L, 0, 2);
    this.pushFunction(L, {
      name: '__tostring',
      effect: 'pure',
      base: 0,
      raw: (S) => {
        const pointer = lua.lua_touserdata(S, 1);
        const shown = pointer === 0 ? '(nil)' : `0x${pointer.toString(16).padStart(12, '0')}`;
        this.machine.pushString(S, `userdata: ${shown}`);
        return 1;
      },
    });
    lua.lua_setfield(L, -2, this.machine.name('__tostring'));
    lua.lua_pushboolean(L, 0);
    lua.lua_setfield(L, -2, this.machine.name('__metatable'));
    lua.lua_setmetatable(L, -2);
    lua.lua_settop(L, 0);
  }

  #pushModule(L: LuaState, path: readonly string[]): void {
    const { lua } = this.machine;
    const [root, ...rest] = path;
    if (root === '_G') {
      lua.lua_rawgeti(L, LUA_REGISTRYINDEX, 2n);
    } else {
      lua.luaL_getsubtable(L, LUA_REGISTRYINDEX, this.machine.name('_LOADED'));
      lua.luaL_getsubtable(L, -1, this.machine.name(root ?? ''));
    }
    for (const name of rest) lua.luaL_getsubtable(L, -1, this.machine.name(name));
  }

  #assertOwn(fn: LuaFunctionRef): void {
    if (fn.contextId !== this.#id) throw ENDED;
  }

  #assertUsable(): void {
    if (this.#fatal) throw this.#fatal;
  }

  #takeThread(): Thread {
    const free = this.#threads.pop();
    if (free) return free;
    const L = this.machine.lua.lua_newthread(this.#main);
    return { L, ref: this.machine.ref(this.#main) };
  }

  #dropThread(thread: Thread): void {
    if (this.#fatal) return;
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
      const pending = this.#yieldedPending(thread.L, count);
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

  #yieldedPending(L: LuaState, count: number): Pending | null {
    const { lua } = this.machine;
    if (count !== 1 || lua.lua_type(L, -1) !== LUA_TLIGHTUSERDATA) return null;
    return this.#pending[lua.lua_touserdata(L, -1) - PENDING_MARK] ?? null;
  }

  #resume(L: LuaState, argumentCount: number): number {
    const from = this.#running;
    const outermost = this.#enter(L);
    try {
      return this.machine.lua.lua_resume(L, from, argumentCount, this.machine.out);
    } catch (thrown) {
      throw this.#settleThrown(thrown, L);
    } finally {
      this.#running = from;
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
      const error = this.#errorFrom(thread.L, status);
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
    const outermost = this.#running === 0;
    this.#running = L;
    if (outermost) {
      this.#sliceStart = this.#options.clock.monotonic();
      this.#options.heartbeat?.enter(this.#sliceStart);
    }
    return outermost;
  }

  #leave(): void {
    this.#running = 0;
    this.#depth = 0;
    this.#usedMs += this.#options.clock.monotonic() - this.#sliceStart;
    this.#options.heartbeat?.leave();
  }

  #checkBudget(L: LuaState): void {
    const { budgetMs, clock } = this.#options;
    if (budgetMs === undefined) return;
    if (this.#usedMs + clock.monotonic() - this.#sliceStart <= budgetMs) return;
    const place = firstLuaPlace(this.machine, L);
    const where = place ? ` at ${place.file}:${place.line}` : '';
    throw this.#makeFatal(`Lua ran for longer than ${budgetMs / 1000} s${where}`, place);
  }

  #makeFatal(
    message: string,
    place: { file: string; line: number } | null,
    cause?: unknown,
  ): Error {
    this.#fatal ??= new LuaFatalError(message, place, cause);
    return this.#fatal;
  }

  /** What left the wasm code as an exception: everything but our own errors broke the machine. */
  #settleThrown(thrown: unknown, L: LuaState): Error {
    if (thrown instanceof LuaError || thrown instanceof LuaFatalError) return thrown;
    if (!isMachineFailure(thrown)) return toError(thrown);
    const place = firstLuaPlace(this.machine, L);
    const error = isLongjmp(thrown) ? 'error outside of a protected call' : toError(thrown).message;
    return this.#makeFatal(`Lua stopped: ${error}`, place, thrown);
  }

  #dispatch(L: LuaState): number {
    const id = this.machine.lua.lua_touserdata(L, upvalueIndex(1));
    const fn = this.#functions[id];
    if (!fn) throw new Error(`Bug: host function ${id} is not registered`);
    return this.#callHost(L, fn);
  }

  #dispatchClosure(L: LuaState): number {
    const closure = this.objects.closureAt(L, upvalueIndex(1));
    return this.#callHost(L, { name: closure.name, effect: 'pure', base: 0, run: closure.run });
  }

  #callHost(L: LuaState, fn: RegisteredFunction): number {
    const depth = this.#depth;
    const outer = this.#running;
    let result: HostResult;
    let frame: CallFrame | null = null;
    try {
      this.#running = L;
      if (fn.raw) {
        const count = fn.raw(L);
        this.#running = outer;
        return count;
      }
      frame = this.#frames[depth] ??= new CallFrame(this);
      this.#depth = depth + 1;
      frame.begin(L, fn.base, fn.name);
      result = fn.run?.(frame);
      if (!(result instanceof Promise)) frame.end();
    } catch (thrown) {
      frame?.end();
      if (this.#fatal) throw this.#fatal;
      if (isMachineFailure(thrown)) throw thrown;
      this.#depth = depth;
      this.#running = outer;
      return this.#raise(L, toError(thrown));
    }
    this.#depth = depth;
    this.#running = outer;
    if (result instanceof Promise) return this.#suspend(L, result, depth);
    return this.#pushResult(L, result);
  }

  #pushResult(L: LuaState, result: LuaValue | MultiValue): number {
    try {
      if (!(result instanceof MultiValue)) {
        this.values.push(L, result);
        return 1;
      }
      this.machine.lua.lua_checkstack(L, result.values.length);
      for (const value of result.values) this.values.push(L, value);
      return result.values.length;
    } catch (thrown) {
      if (isMachineFailure(thrown)) throw thrown;
      return this.#raise(L, toError(thrown));
    }
  }

  #raise(L: LuaState, error: Error): number {
    if (error instanceof LibraryError) return this.#raiseString(L, error);
    this.objects.push(L, new RaisedError(error, this.#traceback(L)));
    return this.machine.lua.lua_error(L);
  }

  #raiseString(L: LuaState, error: LibraryError): number {
    const caller = error.position === 'bare' ? null : this.#position(L);
    this.machine.pushString(L, `${caller ?? ''}${error.message}`);
    return this.machine.lua.lua_error(L);
  }

  /** `luaL_where(L, 1)`: the position of the Lua code that called the host, if it was Lua code. */
  #position(L: LuaState): string | null {
    const { machine } = this;
    const debug = machine.scratch;
    if (machine.lua.lua_getstack(L, 1, debug) === 0) return null;
    machine.lua.lua_getinfo(L, machine.name('Sl'), debug);
    const line = machine.i32[(debug + LUA_DEBUG.currentLine) >> 2] ?? -1;
    return line > 0 ? `${machine.cString(debug + LUA_DEBUG.shortSrc)}:${line}: ` : null;
  }

  #suspend(L: LuaState, promise: Promise<LuaValue | MultiValue>, depth: number): number {
    const { lua } = this.machine;
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
      return lua.lua_yieldk(L, 0, 0, this.machine.resumedPointer);
    }
    let slot = this.#pending.indexOf(null);
    if (slot < 0) slot = this.#pending.length;
    this.#pending[slot] = pending;
    return this.#yield(L, slot);
  }

  #yield(L: LuaState, slot: number): number {
    this.machine.lua.lua_pushlightuserdata(L, PENDING_MARK + slot);
    return this.machine.lua.lua_yieldk(L, 1, slot, this.machine.resumedPointer);
  }

  /** The continuation of a suspended host function; a foreign resumer may come too early. */
  #resumed(L: LuaState, slot: number): number {
    const pending = this.#pending[slot];
    if (!pending) throw new Error(`Bug: no suspended call ${slot}`);
    if (!pending.isSettled) return this.#yield(L, slot);
    this.#pending[slot] = null;
    return pending.error ? this.#raise(L, pending.error) : this.#pushResult(L, pending.value);
  }

  /** The message handler of `callSync`: gives every error its traceback while the stack is there. */
  #wrapRaised(L: LuaState): number {
    const { lua } = this.machine;
    if (lua.lua_type(L, 1) === LUA_TUSERDATA && this.objects.at(L, 1) instanceof RaisedError) {
      return 1;
    }
    const error = this.#runtimeError(L);
    this.objects.push(L, new RaisedError(error, ''));
    return 1;
  }

  /** The error a failed call left on top of `L`. */
  #errorFrom(L: LuaState, status: number): Error {
    const { lua } = this.machine;
    if (status === LUA_ERRMEM) {
      return new LuaError('memory error: not enough memory', null, firstLuaPlace(this.machine, L));
    }
    if (lua.lua_type(L, -1) === LUA_TUSERDATA) {
      const object = this.objects.at(L, -1);
      if (object instanceof RaisedError) return this.#hostError(L, object);
    }
    return this.#runtimeError(L);
  }

  #hostError(L: LuaState, raised: RaisedError): Error {
    if (raised.error instanceof LuaError && raised.traceback === '') return raised.error;
    const { error, root } = raised;
    const place =
      firstLuaPlace(this.machine, L) ?? (error instanceof LuaError ? error.place : null);
    return new LuaError(raised.text.trimEnd(), root instanceof LuaError ? null : root, place);
  }

  /** For an error that Lua code raised; the value is on top of `L`, whose stack is still there. */
  #runtimeError(L: LuaState): LuaError {
    const message = this.#errorText(L);
    const place =
      placeInMessage(message, (short) => this.#sourceOf(L, short)) ??
      firstLuaPlace(this.machine, L);
    return new LuaError(`runtime error: ${message}\n${this.#traceback(L)}`, null, place);
  }

  #errorText(L: LuaState): string {
    const { machine } = this;
    const { lua } = machine;
    lua.lua_checkstack(L, 4);
    if (lua.lua_type(L, -1) === LUA_TSTRING) {
      return Buffer.from(this.values.readBytes(L, -1)).toString('utf8');
    }
    // A `__tostring` may fail in turn, so it runs protected, and not on a coroutine that is dead.
    const S = this.#main;
    machine.pushRef(S, this.#toString);
    lua.lua_pushvalue(L, -1);
    lua.lua_xmove(L, S, 1);
    const status = lua.lua_pcallk(S, 1, 1, 0, 0, 0);
    const text = status === LUA_OK ? this.values.readBytes(S, -1) : null;
    machine.pop(S, 1);
    return text === null ? '(error object cannot be printed)' : Buffer.from(text).toString('utf8');
  }

  #sourceOf(L: LuaState, shortSrc: string): string {
    return firstLuaPlace(this.machine, L, shortSrc)?.file ?? shortSrc;
  }

  #traceback(L: LuaState): string {
    const { machine } = this;
    machine.lua.lua_checkstack(L, 8);
    machine.lua.luaL_traceback(L, L, 0, 0);
    const text = this.values.readString(L, -1);
    machine.pop(L, 1);
    return typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
  }
}

/** Errors that unwound through wasm frames: `lua_error` itself, traps, an exhausted stack. */
function isMachineFailure(thrown: unknown): boolean {
  return (
    isLongjmp(thrown) ||
    thrown instanceof LuaFatalError ||
    thrown instanceof WebAssembly.RuntimeError ||
    (thrown instanceof RangeError && /call stack/.test(thrown.message))
  );
}

/** How Lua prints a chunk's name in messages. */
function shortSource(name: string): string {
  return name.startsWith('@') || name.startsWith('=') ? name.slice(1) : `[string "${name}"]`;
}
