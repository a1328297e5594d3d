/**
 * A Lua context: one state on a machine of its own, with the host's bindings registered.
 *
 *     const context = LuaContext.create({ clock });
 *     context.register([serdeBindings(deps), timeBindings(deps)]);
 *     await context.run('return require("kumo").time.now()', 'test');   // LuaValue[]
 *     await context.calls.call(ref, [1, 'two']);                              // ref: LuaFunctionRef
 *     context.dispose();
 *
 * Modules whose path starts with `_G` become globals, all others entries of `package.loaded`
 * (`['kumo', 'time']` is the field `time` of `require 'kumo'`). Failures are `LuaError`; a
 * `LuaFatalError` (budget, broken machine) leaves the context unusable.
 *
 * States: made, sealed (set up, without a script), ended, renewed (as it was when it was sealed).
 * Calls into Lua are in `lua-calls.ts`, calls out of it in `host-calls.ts`.
 *
 * Source: reference `lua-api.md` §0, §16.
 */
import type { Bindings } from '../bindings/bindings.ts';
import { Activity } from './activity.ts';
import { ErrorReader } from './error-reader.ts';
import { HostCalls } from './host-calls.ts';
import { LUA_ERRSYNTAX, LUA_OK, LUA_TFUNCTION, LUA_TTABLE, type LuaState } from './lua-abi.ts';
import { LuaCalls } from './lua-calls.ts';
import { LuaError, RaisedError, type LuaFatalError } from './lua-error.ts';
import { LuaLimits } from './lua-limits.ts';
import { LuaMachine } from './lua-machine.ts';
import { LuaObjects } from './lua-objects.ts';
import { placeInMessage } from './lua-place.ts';
import type { LuaFunctionRef, LuaValue } from './lua-value.ts';
import { LuaTime, type LuaTimeOptions } from './lua-time.ts';
import { LuaValues } from './lua-values.ts';
import type { RegisteredFunction } from './registered-function.ts';
import { registerBindings, type Gate } from './registration.ts';
import { nameLightUserdata, seedRandom, trimStandardLibrary } from './standard-library.ts';
import { luaTypeName } from './type-name.ts';

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

export class LuaContext {
  readonly machine: LuaMachine;
  readonly values: LuaValues;
  readonly objects: LuaObjects;
  /** The way into Lua; all that host functions see of the context. */
  readonly calls: LuaCalls;
  readonly #options: LuaContextOptions;
  readonly #main: LuaState;
  readonly #functions: RegisteredFunction[] = [];
  #sealedFunctionCount = 0;
  readonly #hostCalls: HostCalls;
  readonly #activity = new Activity();
  readonly #limits: LuaLimits;
  /** Registry reference of Lua's function. */
  readonly #collectGarbage: number;

  static create(options: LuaContextOptions): LuaContext {
    return new LuaContext(options);
  }

  private constructor(options: LuaContextOptions) {
    this.#options = options;
    const time = new LuaTime(options);
    const { memoryBytesMax = MEMORY_BYTES_MAX } = options;
    this.machine = new LuaMachine(
      {
        dispatch: (L) => this.#hostCalls.dispatch(L),
        dispatchClosure: (L) => this.#hostCalls.dispatchClosure(L),
        resumed: (L, _status, context) => this.#hostCalls.resumed(L, context),
        hook: (L) => this.#limits.check(L),
        grows: (verdict) => this.#limits.checkMemory(verdict),
        write: (bytes) => options.warn?.(Buffer.from(bytes).toString('utf8')),
      },
      memoryBytesMax,
    );
    const { machine } = this;
    const { lua } = machine;
    this.#limits = new LuaLimits({ machine, activity: this.#activity, time, memoryBytesMax });
    const L = (this.#main = lua.luaL_newstate());
    this.objects = new LuaObjects(
      machine,
      (S, fn) => this.pushFunction(S, fn),
      (S, value) => this.values.push(S, value),
      (S, index) => this.values.read(S, index),
    );
    this.values = new LuaValues(machine, L, this.objects, () => this.#activity.life);
    lua.luaL_openlibs(L);
    const errors = new ErrorReader(machine, L, this.values, this.objects);
    this.#hostCalls = new HostCalls(
      {
        machine: machine,
        values: this.values,
        objects: this.objects,
        errors,
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
      raw: (S) => errors.wrapRaised(S),
    });
    this.calls = new LuaCalls({
      machine,
      main: L,
      values: this.values,
      objects: this.objects,
      errors,
      hostCalls: this.#hostCalls,
      activity: this.#activity,
      time,
      messageHandler: machine.ref(L),
    });
    lua.lua_getglobal(L, machine.name('collectgarbage'));
    this.#collectGarbage = machine.ref(L);
    this.#limits.watch(L);
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
    return { kind: 'function', ref: this.machine.ref(L), contextId: this.#activity.life };
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
      return await this.calls.call(fn, []);
    } finally {
      this.calls.release(fn);
    }
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

  /** What field `name` of the table behind `ref` is, in mlua's words. */
  memberType(ref: number, name: string): string {
    const L = this.#main;
    this.machine.pushRef(L, ref);
    this.machine.lua.lua_getfield(L, -1, this.machine.name(name));
    const type = luaTypeName(this.machine.lua, L, -1);
    this.machine.pop(L, 2);
    return type;
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
    this.#limits.reset();
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

  pushFunction(L: LuaState, fn: RegisteredFunction): void {
    const { lua } = this.machine;
    lua.lua_pushlightuserdata(L, this.#functions.length);
    this.#functions.push(fn);
    lua.lua_pushcclosure(L, this.machine.dispatchPointer, 1);
  }

  /** Ends the context: its objects are disposed of, calls under way come to nothing. */
  dispose(): void {
    this.#activity.end();
    this.#hostCalls.abandon();
    this.objects.disposeAll();
    this.calls.abandon();
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
    this.machine.restore();
    this.objects.restore();
    this.#functions.length = this.#sealedFunctionCount;
    this.#limits.reset();
    this.#activity.renew();
    seedRandom(this, this.#main, seed);
  }
}
