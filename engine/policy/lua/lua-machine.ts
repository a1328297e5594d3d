/**
 * One Lua virtual machine: an instance of wasmoon's `glue.wasm` with a memory of its own.
 *
 * Emscripten's JavaScript around that file is not used: it costs a check and an `apply` per call,
 * brings a virtual file system, and shares one memory among all states. With a memory per machine a
 * limit is a refused `memory.grow`, and whatever a script breaks ends with its machine.
 *
 * `lua_error` unwinds by throwing `LONGJMP` through our frames; nobody but `invoke_vii` may catch it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { withSmallMemory } from './small-memory.ts';
import { isAscii, isUtf8 } from 'node:buffer';
import { STACK_END, STACK_START, takeSnapshot, type MemorySnapshot } from './memory-snapshot.ts';
import { LUA_REGISTRYINDEX, type LuaExports, type LuaState, type Pointer } from './lua-abi.ts';

/** What the wasm code throws for `longjmp`; a number, so that it cannot be taken for an error. */
const LONGJMP = Infinity;

/** Bytes at the disposal of `pushString` and of out-parameters, so that calls need no malloc. */
const SCRATCH_BYTES = 64 * 1024;
const PAGE_BYTES = 65_536;
/** Above this length the native decoder beats a loop over the characters. */
const SHORT_TEXT_BYTES = 32;

export interface LuaCallbacks {
  /** `lua_CFunction` of every registered host function. */
  dispatch(L: LuaState): number;
  /** `lua_CFunction` of closures whose first upvalue is a host object. */
  dispatchClosure(L: LuaState): number;
  /** `lua_KFunction`: a suspended host function goes on. */
  resumed(L: LuaState, status: number, context: number): number;
  /** `lua_Hook`, called every so many instructions. */
  hook(L: LuaState, debug: Pointer): void;
  /** The memory is to grow, or must not any more; may throw, which breaks the machine. */
  grows(verdict: 'granted' | 'refused'): void;
  /** What `warn` writes. */
  write(bytes: Uint8Array): void;
}

/** Whether a caught value is `lua_error` on its way: it must be thrown on. */
export function isLongjmp(thrown: unknown): boolean {
  return thrown === LONGJMP;
}

export class LuaMachine {
  readonly lua: LuaExports;
  u8: Uint8Array = new Uint8Array();
  /** The same bytes; Node's decoders are methods of `Buffer`. */
  bytes: Buffer = Buffer.alloc(0);
  u32: Uint32Array = new Uint32Array();
  i32: Int32Array = new Int32Array();
  readonly scratch: Pointer;
  /** Two words for out-parameters. */
  readonly out: Pointer;
  readonly dispatchPointer: number;
  readonly dispatchClosurePointer: number;
  readonly resumedPointer: number;
  readonly hookPointer: number;
  readonly #memoryBytesMax: number;
  readonly #names = new Map<string, Pointer>();
  /** Names that came after the snapshot: their memory is gone when it is restored. */
  #laterNames: Map<string, Pointer> | null = null;
  #snapshot: MemorySnapshot | null = null;

  /** @param memoryBytesMax the memory never grows above this; a script then gets "not enough memory" */
  constructor(callbacks: LuaCallbacks, memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax;
    const instance = new WebAssembly.Instance(luaModule(), this.#imports(callbacks));
    this.lua = instance.exports as unknown as LuaExports;
    this.#refreshViews();
    this.lua.__wasm_call_ctors();
    this.lua.emscripten_stack_init();
    this.#checkLayout();
    this.scratch = this.lua.malloc(SCRATCH_BYTES + 16);
    this.out = this.scratch + SCRATCH_BYTES;
    const table = this.lua.__indirect_function_table;
    const first = table.grow(4);
    const adapted = adapt(callbacks);
    [adapted['d'], adapted['c'], adapted['k'], adapted['h']].forEach((fn, i) => {
      table.set(first + i, fn);
    });
    this.dispatchPointer = first;
    this.dispatchClosurePointer = first + 1;
    this.resumedPointer = first + 2;
    this.hookPointer = first + 3;
  }

  get memoryBytes(): number {
    return this.u8.byteLength;
  }

  /** A C string that lives as long as the machine; for the names of fields and globals. */
  name(text: string): Pointer {
    let pointer = this.#names.get(text) ?? this.#laterNames?.get(text);
    if (pointer === undefined) {
      const bytes = Buffer.from(text, 'utf8');
      pointer = this.#allocate(bytes.length + 1);
      this.u8.set(bytes, pointer);
      this.u8[pointer + bytes.length] = 0;
      (this.#laterNames ?? this.#names).set(text, pointer);
    }
    return pointer;
  }

  pushString(L: LuaState, text: string): void {
    const length = text.length;
    const { u8, scratch } = this;
    if (length <= SHORT_TEXT_BYTES) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        u8[scratch + i] = code;
      }
      if (i === length) {
        this.lua.lua_pushlstring(L, scratch, length);
        return;
      }
    }
    if (length * 3 <= SCRATCH_BYTES) {
      const written = this.bytes.write(text, scratch, 'utf8');
      this.lua.lua_pushlstring(L, scratch, written);
    } else {
      this.pushBytes(L, Buffer.from(text, 'utf8'));
    }
  }

  pushBytes(L: LuaState, bytes: Uint8Array): void {
    if (bytes.byteLength <= SCRATCH_BYTES) {
      this.u8.set(bytes, this.scratch);
      this.lua.lua_pushlstring(L, this.scratch, bytes.byteLength);
      return;
    }
    this.withBytes(bytes, (pointer) => this.lua.lua_pushlstring(L, pointer, bytes.byteLength));
  }

  /** Lends a copy of `bytes` in the machine's memory. */
  withBytes<T>(bytes: Uint8Array, use: (pointer: Pointer) => T): T {
    const pointer = this.#allocate(bytes.byteLength + 1);
    try {
      this.u8.set(bytes, pointer);
      this.u8[pointer + bytes.byteLength] = 0;
      return use(pointer);
    } finally {
      this.lua.free(pointer);
    }
  }

  /** The text at `pointer`, or `undefined` when it is not UTF-8. */
  text(pointer: Pointer, length: number): string | undefined {
    if (length <= SHORT_TEXT_BYTES) {
      const { u8 } = this;
      let text = '';
      let i = 0;
      for (; i < length; i++) {
        const code = u8[pointer + i] ?? 0;
        if (code > 127) break;
        text += String.fromCharCode(code);
      }
      if (i === length) return text;
    }
    const view = this.bytes.subarray(pointer, pointer + length);
    if (isAscii(view)) return view.toString('latin1');
    return isUtf8(view) ? view.toString('utf8') : undefined;
  }

  copy(pointer: Pointer, length: number): Uint8Array {
    return this.u8.slice(pointer, pointer + length);
  }

  /** A zero-terminated text, invalid bytes replaced. */
  cString(pointer: Pointer): string {
    if (pointer === 0) return '';
    return this.bytes.toString('utf8', pointer, this.u8.indexOf(0, pointer));
  }

  pop(L: LuaState, count: number): void {
    this.lua.lua_settop(L, -count - 1);
  }

  /** Takes the top value into the registry. */
  ref(L: LuaState): number {
    return this.lua.luaL_ref(L, LUA_REGISTRYINDEX);
  }

  unref(L: LuaState, ref: number): void {
    this.lua.luaL_unref(L, LUA_REGISTRYINDEX, ref);
  }

  pushRef(L: LuaState, ref: number): number {
    return this.lua.lua_rawgeti(L, LUA_REGISTRYINDEX, BigInt(ref));
  }

  /** Remembers the present memory, to come back to it with `restore`. Nothing may be running. */
  snapshot(): void {
    this.#snapshot = takeSnapshot(this.bytes, this.lua.stackSave());
    this.#laterNames = new Map();
  }

  /** The machine as it was at `snapshot`, whatever happened since. */
  restore(): void {
    if (!this.#snapshot) throw new Error('Bug: a machine without a snapshot');
    const { statics, heap, stackPointer } = this.#snapshot;
    this.u8.set(statics, 0);
    this.u8.set(heap, STACK_END);
    this.lua.stackRestore(stackPointer);
    this.#laterNames = new Map();
  }

  #allocate(size: number): Pointer {
    const pointer = this.lua.malloc(size);
    if (pointer === 0) throw new Error('not enough memory');
    return pointer;
  }

  #checkLayout(): void {
    const { lua } = this;
    const end = lua.emscripten_stack_get_end();
    if (end !== STACK_START || lua.emscripten_stack_get_base() !== STACK_END) {
      throw new Error('Bug: glue.wasm has another memory layout than this file expects');
    }
  }

  #refreshViews(): void {
    const { buffer } = this.lua.memory;
    this.u8 = new Uint8Array(buffer);
    this.bytes = Buffer.from(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  #grow(bytesWanted: number, callbacks: LuaCallbacks): number {
    const isTooMuch = bytesWanted > this.#memoryBytesMax;
    callbacks.grows(isTooMuch ? 'refused' : 'granted');
    if (isTooMuch) return 0;
    const have = this.lua.memory.buffer.byteLength;
    // A fifth more than asked for, so that a growing script does not grow page by page.
    const generous = Math.min(bytesWanted * 1.2, this.#memoryBytesMax);
    for (const target of [generous, bytesWanted]) {
      try {
        this.lua.memory.grow(Math.ceil((target - have) / PAGE_BYTES));
        this.#refreshViews();
        return 1;
      } catch {
        // Try the exact amount, then give up.
      }
    }
    return 0;
  }

  #imports(callbacks: LuaCallbacks): WebAssembly.Imports {
    const functions: ((a: number, b: number) => void)[] = [];
    const unsupported = (): number => ERRNO_NOSYS;
    const env = {
      invoke_vii: (index: number, a: number, b: number): void => {
        const { lua } = this;
        const stack = lua.stackSave();
        try {
          const fn = (functions[index] ??= lua.__indirect_function_table.get(index) as never);
          fn(a, b);
        } catch (thrown) {
          lua.stackRestore(stack);
          if (thrown !== LONGJMP) throw thrown;
          lua.setThrew(1, 0);
        }
      },
      _emscripten_throw_longjmp: (): never => {
        throw LONGJMP;
      },
      emscripten_resize_heap: (bytesWanted: number): number =>
        this.#grow(bytesWanted >>> 0, callbacks),
      // Lua seeds its string hash from this: constant, so that `pairs` has one order.
      emscripten_date_now: (): number => 0,
      _emscripten_get_now_is_monotonic: (): number => 1,
      abort: (): never => {
        throw new Error('Lua aborted: error outside of a protected call');
      },
      exit: (): never => {
        throw new Error('Lua called exit');
      },
      system: (): number => -1,
      strftime: (): number => 0,
      _mktime_js: (): number => -1,
      _localtime_js: (): void => undefined,
      _gmtime_js: (): void => undefined,
      _tzset_js: (): void => undefined,
      __syscall_openat: unsupported,
      __syscall_fcntl64: unsupported,
      __syscall_ioctl: unsupported,
      __syscall_dup3: unsupported,
      __syscall_unlinkat: unsupported,
      __syscall_rmdir: unsupported,
      __syscall_renameat: unsupported,
      __syscall_readlinkat: unsupported,
    };
    return { env, wasi_snapshot_preview1: this.#wasi(callbacks) };
  }

  #wasi(callbacks: LuaCallbacks): WebAssembly.ModuleImports {
    return {
      environ_get: (): number => 0,
      environ_sizes_get: (count: Pointer, size: Pointer): number => {
        this.u32[count >> 2] = 0;
        this.u32[size >> 2] = 0;
        return 0;
      },
      fd_write: (_fd: number, vectors: Pointer, count: number, written: Pointer): number => {
        let total = 0;
        for (let i = 0; i < count; i++) {
          const pointer = this.u32[(vectors >> 2) + i * 2] ?? 0;
          const length = this.u32[(vectors >> 2) + i * 2 + 1] ?? 0;
          callbacks.write(this.copy(pointer, length));
          total += length;
        }
        this.u32[written >> 2] = total;
        return 0;
      },
      fd_read: (_fd: number, _vectors: Pointer, _count: number, read: Pointer): number => {
        this.u32[read >> 2] = 0;
        return 0;
      },
      fd_close: (): number => 0,
      fd_seek: () => ERRNO_NOSYS,
    };
  }
}

/** `-ENOSYS` as emscripten numbers it: there is no file system below the C library. */
const ERRNO_NOSYS = -52;

let compiled: WebAssembly.Module | undefined;

/** The compiled code, shared by all machines of this thread. */
function luaModule(): WebAssembly.Module {
  if (!compiled) {
    const path = createRequire(import.meta.url).resolve('wasmoon/dist/glue.wasm');
    compiled = new WebAssembly.Module(withSmallMemory(new Uint8Array(readFileSync(path))));
  }
  return compiled;
}

let adapter: WebAssembly.Module | undefined;

/**
 * The callbacks as functions with wasm signatures, which is what a function table takes. The module
 * imports each and exports it again.
 */
function adapt(callbacks: LuaCallbacks): WebAssembly.Exports {
  // prettier-ignore
  adapter ??= new WebAssembly.Module(new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    // types: (i32)->i32, (i32,i32,i32)->i32, (i32,i32)->()
    0x01, 0x12, 0x03, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x01, 0x7f,
    0x60, 0x02, 0x7f, 0x7f, 0x00,
    // imports: e.d, e.c, e.k, e.h
    0x02, 0x19, 0x04, 0x01, 0x65, 0x01, 0x64, 0x00, 0x00, 0x01, 0x65, 0x01, 0x63, 0x00, 0x00,
    0x01, 0x65, 0x01, 0x6b, 0x00, 0x01, 0x01, 0x65, 0x01, 0x68, 0x00, 0x02,
    // exports: d, c, k, h
    0x07, 0x11, 0x04, 0x01, 0x64, 0x00, 0x00, 0x01, 0x63, 0x00, 0x01, 0x01, 0x6b, 0x00, 0x02,
    0x01, 0x68, 0x00, 0x03,
  ]));
  const e = {
    d: (L: number) => callbacks.dispatch(L),
    c: (L: number) => callbacks.dispatchClosure(L),
    k: (L: number, status: number, context: number) => callbacks.resumed(L, status, context),
    h: (L: number, debug: number) => callbacks.hook(L, debug),
  };
  return new WebAssembly.Instance(adapter, { e }).exports;
}
