/**
 * Userdata: which host object a Lua userdata stands for, and the metatable of each type.
 *
 * A userdata is four bytes, the slot of its object here; `__gc` frees the slot. An object pushed
 * twice has two userdata, unequal in Lua, as in KumoMTA.
 *
 * Unknown members: nil when the type has methods (or both), an error when it has only fields, and no
 * indexing at all when it has neither. Metatables are protected: `getmetatable(ud) == false`.
 *
 * Source: reference `lua-api.md` §0.5, §12.
 */
import { LUA_TSTRING, LUA_TUSERDATA, type LuaState } from './lua-abi.ts';
import type { HostFunction, UserdataType } from './host-function.ts';
import type { LuaMachine } from './lua-machine.ts';
import { HostClosure, MultiValue, type HostObject, type LuaValue } from './lua-value.ts';
import type { RegisteredFunction } from './registered-function.ts';
import { givingWhatIsSigned, type Gate } from './registration.ts';

/** Pushes a registered function as a Lua C function. */
export type PushFunction = (L: LuaState, fn: RegisteredFunction) => void;

type AnyType = UserdataType<HostObject>;
type AnyClass = abstract new (...args: never[]) => HostObject;

interface DefinedType {
  readonly type: AnyType;
  /** Registry reference of the metatable. */
  readonly metatable: number;
}

export class LuaObjects {
  readonly #machine: LuaMachine;
  readonly #pushFunction: PushFunction;
  readonly #pushValue: (L: LuaState, value: LuaValue) => void;
  readonly #readValue: (L: LuaState, index: number) => LuaValue;
  readonly #slots: (HostObject | HostClosure | null)[] = [];
  readonly #free: number[] = [];
  /** Userdata per object that wants to know when the last one is gone. */
  readonly #counts = new Map<HostObject, number>();
  readonly #types = new Map<unknown, DefinedType>();
  #closureMetatable = 0;
  #sealed: { slots: (HostObject | HostClosure | null)[]; counts: [HostObject, number][] } | null =
    null;
  /** Objects, and the bytes they keep alive, handed to Lua since the last collection. */
  pushedCount = 0;
  pushedBytes = 0;

  constructor(
    machine: LuaMachine,
    pushFunction: PushFunction,
    pushValue: (L: LuaState, value: LuaValue) => void,
    readValue: (L: LuaState, index: number) => LuaValue,
  ) {
    this.#machine = machine;
    this.#pushFunction = pushFunction;
    this.#pushValue = pushValue;
    this.#readValue = readValue;
  }

  /** Live userdata and closures; tests watch it for leaks. */
  get count(): number {
    return this.#slots.length - this.#free.length;
  }

  prepareClosures(L: LuaState): void {
    this.#machine.lua.lua_createtable(L, 0, 2);
    this.#setCollector(L);
    this.#closureMetatable = this.#machine.ref(L);
  }

  /** Remembers the present userdata, as `LuaMachine.snapshot` does the memory. */
  seal(): void {
    this.#sealed = { slots: [...this.#slots], counts: [...this.#counts] };
  }

  /** The userdata as they were at `seal`. */
  restore(): void {
    if (!this.#sealed) throw new Error('Bug: userdata without a snapshot');
    const { slots, counts } = this.#sealed;
    this.#slots.length = 0;
    this.#free.length = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      const object = slots[slot] ?? null;
      this.#slots.push(object);
      if (object === null) this.#free.push(slot);
    }
    this.#counts.clear();
    for (const [object, count] of counts) this.#counts.set(object, count);
    this.resetPressure();
  }

  /** Starts counting anew what is handed to Lua. */
  resetPressure(): void {
    this.pushedCount = 0;
    this.pushedBytes = 0;
  }

  push(L: LuaState, object: HostObject): void {
    this.pushedCount++;
    this.pushedBytes += object.weightBytes;
    const { metatable } = this.#typeOf(object);
    const slot = this.#take(object);
    if (object.dispose) this.#counts.set(object, (this.#counts.get(object) ?? 0) + 1);
    this.#pushSlot(L, slot, metatable);
  }

  pushClosure(L: LuaState, closure: HostClosure): void {
    this.#pushSlot(L, this.#take(closure), this.#closureMetatable);
    this.#machine.lua.lua_pushcclosure(L, this.#machine.dispatchClosurePointer, 1);
  }

  /** The object behind the full userdata at `index`. */
  at(L: LuaState, index: number): HostObject {
    const found = this.#slotAt(L, index);
    if (!found || found instanceof HostClosure) throw new Error('userdata has been destructed');
    return found;
  }

  /** The closure behind the upvalue at `index`. */
  closureAt(L: LuaState, index: number): HostClosure {
    const found = this.#slotAt(L, index);
    if (!(found instanceof HostClosure))
      throw new Error('Bug: a closure without its host function');
    return found;
  }

  /** The name error texts use for a class. */
  nameOf(type: AnyClass): string {
    return this.#types.get(type)?.type.name ?? 'userdata';
  }

  typeOf(object: HostObject): AnyType {
    return this.#typeOf(object).type;
  }

  /** Tells every object that is still referenced that its context has ended. */
  disposeAll(): void {
    for (const object of this.#counts.keys()) object.dispose?.();
    this.#counts.clear();
    this.#slots.length = 0;
    this.#free.length = 0;
  }

  define(L: LuaState, type: AnyType, gate: Gate | null = null): void {
    const machine = this.#machine;
    const { lua } = machine;
    lua.lua_createtable(L, 0, 12);
    this.#setCollector(L);
    machine.pushString(L, type.name);
    lua.lua_setfield(L, -2, machine.name('__name'));
    this.#defineIndex(L, type, gate);
    this.#defineOperators(L, type);
    this.#types.set(type.class, { type, metatable: machine.ref(L) });
  }

  #defineIndex(L: LuaState, type: AnyType, gate: Gate | null): void {
    const { lua } = this.#machine;
    const { methods, fields, index } = type;
    if (methods) {
      lua.lua_createtable(L, 0, Object.keys(methods).length);
      for (const [name, method] of Object.entries(methods)) {
        const fullName = `${type.name}.${name}`;
        const work = givingWhatIsSigned(method);
        const own: HostFunction['run'] = (call) => work(call.self(type.class), call);
        const run = gate?.(fullName, { effect: method.effect, run: own }) ?? own;
        this.#pushFunction(L, { name: fullName, effect: method.effect, base: 1, run });
        lua.lua_setfield(L, -2, this.#machine.name(name));
      }
      if (!fields && !index) {
        lua.lua_setfield(L, -2, this.#machine.name('__index'));
        return;
      }
    }
    if (!fields && !index) return;
    const methodTable = methods ? this.#machine.ref(L) : null;
    this.#set(L, '__index', type, (S) => this.#index(S, type, methodTable));
  }

  #index(L: LuaState, type: AnyType, methodTable: number | null): number {
    const { lua } = this.#machine;
    const self = this.at(L, 1);
    if (methodTable !== null) {
      this.#machine.pushRef(L, methodTable);
      lua.lua_pushvalue(L, 2);
      if (lua.lua_rawget(L, -2) !== 0) return 1;
    }
    const key = this.#readValue(L, 2);
    const field = typeof key === 'string' ? ownMember(type.fields, key) : undefined;
    if (field) this.#pushValue(L, field(self));
    else if (type.index) this.#pushValue(L, type.index(self, key));
    else if (type.methods) lua.lua_pushnil(L);
    else return this.#raiseText(L, `attempt to get an unknown field '${this.#keyText(L)}'`);
    return 1;
  }

  #defineOperators(L: LuaState, type: AnyType): void {
    const { newIndex, length, pairs, equals, add, subtract, close } = type;
    // Every object inherits a `toString`; only an own one is Lua's.
    const toString = Object.hasOwn(type, 'toString') ? type.toString : undefined;
    const two = (S: LuaState): [LuaValue, LuaValue] => [
      this.#readValue(S, 1),
      this.#readValue(S, 2),
    ];
    if (newIndex) {
      this.#set(L, '__newindex', type, (S) => {
        newIndex(this.at(S, 1), this.#readValue(S, 2), this.#readValue(S, 3));
        return 0;
      });
    }
    if (length) this.#setValue(L, '__len', type, (S) => length(this.at(S, 1)));
    if (toString) this.#setValue(L, '__tostring', type, (S) => toString(this.at(S, 1)));
    if (add) this.#setValue(L, '__add', type, (S) => add(...two(S)));
    if (subtract) this.#setValue(L, '__sub', type, (S) => subtract(...two(S)));
    if (equals) {
      this.#setValue(L, '__eq', type, (S) => {
        const [a, b] = two(S);
        return a instanceof type.class ? equals(a, b) : b instanceof type.class && equals(b, a);
      });
    }
    if (close) {
      this.#set(L, '__close', type, (S) => {
        close(this.at(S, 1));
        return 0;
      });
    }
    if (pairs) this.#set(L, '__pairs', type, (S) => this.#pushIterator(S, pairs(this.at(S, 1))));
  }

  #pushIterator(L: LuaState, pairs: readonly (readonly [LuaValue, LuaValue])[]): number {
    let next = 0;
    const step = new HostClosure('next', () => {
      const pair = pairs[next++];
      return pair ? new MultiValue(...pair) : undefined;
    });
    this.pushClosure(L, step);
    return 1;
  }

  #setValue(L: LuaState, event: string, type: AnyType, get: (L: LuaState) => LuaValue): void {
    this.#set(L, event, type, (S) => {
      this.#pushValue(S, get(S));
      return 1;
    });
  }

  #set(L: LuaState, event: string, type: AnyType, raw: (L: LuaState) => number): void {
    this.#pushFunction(L, { name: `${type.name}.${event}`, effect: 'pure', base: 0, raw });
    this.#machine.lua.lua_setfield(L, -2, this.#machine.name(event));
  }

  #setCollector(L: LuaState): void {
    const { lua } = this.#machine;
    this.#pushFunction(L, { name: '__gc', effect: 'pure', base: 0, raw: (S) => this.#collect(S) });
    lua.lua_setfield(L, -2, this.#machine.name('__gc'));
    lua.lua_pushboolean(L, 0);
    lua.lua_setfield(L, -2, this.#machine.name('__metatable'));
  }

  #collect(L: LuaState): number {
    const word = this.#machine.lua.lua_touserdata(L, 1) >> 2;
    const slot = (this.#machine.u32[word] ?? 0) - 1;
    const object = this.#slots[slot];
    if (slot < 0 || !object) return 0;
    this.#machine.u32[word] = 0;
    this.#slots[slot] = null;
    this.#free.push(slot);
    if (!(object instanceof HostClosure) && object.dispose) {
      const left = (this.#counts.get(object) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(object, left);
      } else {
        this.#counts.delete(object);
        object.dispose();
      }
    }
    return 0;
  }

  #take(object: HostObject | HostClosure): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = object;
    return slot;
  }

  #pushSlot(L: LuaState, slot: number, metatable: number): void {
    const machine = this.#machine;
    const pointer = machine.lua.lua_newuserdatauv(L, 4, 0);
    machine.u32[pointer >> 2] = slot + 1;
    machine.pushRef(L, metatable);
    machine.lua.lua_setmetatable(L, -2);
  }

  #slotAt(L: LuaState, index: number): HostObject | HostClosure | null | undefined {
    const pointer = this.#machine.lua.lua_touserdata(L, index);
    return this.#slots[(this.#machine.u32[pointer >> 2] ?? 0) - 1];
  }

  #typeOf(object: HostObject): DefinedType {
    const known = this.#types.get(object.constructor);
    if (known) return known;
    let parent: unknown = Object.getPrototypeOf(object.constructor);
    while (parent) {
      const found = this.#types.get(parent);
      if (found) {
        this.#types.set(object.constructor, found);
        return found;
      }
      parent = Object.getPrototypeOf(parent);
    }
    throw new Error(`Bug: no userdata type is registered for ${object.luaTypeName}`);
  }

  #keyText(L: LuaState): string {
    const { lua } = this.#machine;
    if (lua.lua_type(L, 2) === LUA_TSTRING) return String(this.#readValue(L, 2));
    const pointer = lua.luaL_tolstring(L, 2, 0);
    return this.#machine.cString(pointer);
  }

  #raiseText(L: LuaState, text: string): number {
    this.#machine.pushString(L, text);
    return this.#machine.lua.lua_error(L);
  }

  /** Whether the value at `index` is one of our userdata. */
  isObject(L: LuaState, index: number): boolean {
    return this.#machine.lua.lua_type(L, index) === LUA_TUSERDATA;
  }
}

function ownMember<T>(
  members: Readonly<Record<string, T>> | undefined,
  key: string,
): T | undefined {
  return members && Object.hasOwn(members, key) ? members[key] : undefined;
}
