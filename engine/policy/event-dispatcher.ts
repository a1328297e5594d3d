/**
 * Runs the handlers of one event in one context, by KumoMTA's dispatch rules, and records the call.
 *
 * Events with several handlers: in order of registration, until one returns at least one value (an
 * explicit nil is one). Events with one handler: what it returned, nothing counts as nil.
 *
 * Source: reference `lua-api.md` §1.2.
 */
import { toError } from '../base/assert.ts';
import type { Clock, MonotonicMs } from '../base/clock.ts';
import { CURRENT_EVENT_GLOBAL } from './bindings/core.ts';
import { CallRecorder, printable, SECRET } from './call-recorder.ts';
import { policyErrorOf } from './context-factory.ts';
import { PolicyError, PolicyReject } from './events.ts';
import type { EventTrace } from './event-call.ts';
import { LuaError, LuaFatalError, type LuaPlace } from './lua/lua-error.ts';
import { LUA_TTABLE, type LuaState } from './lua/lua-abi.ts';
import type { LuaValue } from './lua/lua-value.ts';
import { maskedTrace } from './masked-trace.ts';
import { MULTIPLE_HANDLER_EVENTS, type Handler, type PolicyContext } from './policy-context.ts';

export interface EventRequest<T> {
  readonly event: string;
  readonly args: readonly LuaValue[];
  readonly trace: EventTrace | null;
  /** Numbers of arguments that must not be shown, from 1. */
  readonly secretArgs?: readonly number[];
  /** A reject is an error like any other. */
  readonly rejects?: 'as-errors';
  /** @throws {Error} the handler returned something of the wrong kind */
  convert(values: readonly LuaValue[]): T;
  /** No handler, or all abstained. */
  missing(): T;
}

export class EventDispatcher {
  readonly #clock: Clock;
  readonly #ended: (event: string, seconds: number) => void;

  /** @param ended is told of every event that had a handler, and how long that took */
  constructor(clock: Clock, ended: (event: string, seconds: number) => void = () => undefined) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /**
   * @throws {PolicyReject} the handler rejected
   * @throws {PolicyError} anything else went wrong; the context must be dropped
   */
  run<T>(context: PolicyContext, request: EventRequest<T>): T | Promise<T> {
    const handlers = context.handlers.get(request.event);
    if (!handlers) return request.missing();
    context.currentEvent = request.event;
    context.lua.resetBudget();
    const isList = MULTIPLE_HANDLER_EVENTS.has(request.event);
    const startedMs = this.#clock.monotonic();
    let result: T | Promise<T>;
    try {
      result = this.#runFrom(context, request, handlers, 0, isList);
    } catch (error) {
      this.#done(request.event, startedMs);
      throw error;
    }
    const done = (): void => this.#done(request.event, startedMs);
    if (result instanceof Promise) void result.then(done, done);
    else done();
    return result;
  }

  #done(event: string, startedMs: MonotonicMs): void {
    this.#ended(event, (this.#clock.monotonic() - startedMs) / 1000);
  }

  /** Every handler of an event, whatever it returns. */
  async runAll(context: PolicyContext, event: string): Promise<void> {
    context.currentEvent = event;
    const request = {
      event,
      args: [],
      trace: null,
      convert: () => undefined,
      missing: () => undefined,
    };
    for (const handler of context.handlers.get(event) ?? []) {
      context.lua.resetBudget();
      await this.#call(context, request, handler, discardResults);
    }
  }

  /** Calls a custom-Lua constructor and keeps what it returned, as a registry reference. */
  async construct(
    context: PolicyContext,
    request: Pick<CallRequest, 'event' | 'args' | 'trace'>,
    handler: Handler,
  ): Promise<number> {
    const startedMs = this.#clock.monotonic();
    context.currentEvent = request.event;
    context.lua.resetBudget();
    const asked: CallRequest = { ...request, rejects: 'as-errors' };
    const kept = await this.#call(context, asked, handler, (L, count) => {
      const { lua } = context;
      if (count === 0) lua.machine.lua.lua_pushnil(L);
      else lua.machine.lua.lua_settop(L, lua.machine.lua.lua_gettop(L) - count + 1);
      return { type: lua.machine.lua.lua_type(L, -1), ref: lua.machine.ref(L) };
    });
    this.#done(request.event, startedMs);
    context.recorder?.returned(kept.type === LUA_TTABLE ? ['connection'] : [undefined]);
    context.recorder = null;
    return kept.ref;
  }

  #runFrom<T>(
    context: PolicyContext,
    request: EventRequest<T>,
    handlers: readonly Handler[],
    index: number,
    isList: boolean,
  ): T | Promise<T> {
    for (let i = index; i < handlers.length; i++) {
      const handler = handlers[i] as Handler;
      const values = this.#call(context, request, handler, (L, count) =>
        context.lua.calls.readResults(L, count),
      );
      if (values instanceof Promise) {
        return values.then((settled) => {
          if (!isList || settled.length > 0) return this.#convert(context, request, settled);
          this.#returned(context, settled);
          return this.#runFrom(context, request, handlers, i + 1, isList);
        });
      }
      if (isList && values.length === 0) {
        this.#returned(context, values);
        continue;
      }
      return this.#convert(context, request, values);
    }
    return request.missing();
  }

  #call<R>(
    context: PolicyContext,
    request: CallRequest,
    handler: Handler,
    take: (L: LuaState, count: number) => R,
  ): R | Promise<R> {
    const { lua } = context;
    const fail = (thrown: unknown): never => this.#fail(context, request, thrown);
    this.#record(context, request, handler.place);
    try {
      lua.setGlobal(CURRENT_EVENT_GLOBAL, request.event);
      const values = lua.calls.invoke(handler.ref, request.args, take);
      return values instanceof Promise ? values.catch(fail) : values;
    } catch (thrown) {
      return fail(thrown);
    }
  }

  #convert<T>(context: PolicyContext, request: EventRequest<T>, values: readonly LuaValue[]): T {
    try {
      const converted = request.convert(values);
      this.#returned(context, values);
      return converted;
    } catch (thrown) {
      return this.#fail(context, request, thrown);
    }
  }

  #record(context: PolicyContext, request: CallRequest, place: LuaPlace | null): void {
    const { trace, args, secretArgs } = request;
    if (!trace) return;
    const shown = args.map((arg, i) => (secretArgs?.includes(i + 1) ? SECRET : printable(arg)));
    const secrets = (secretArgs ?? []).map((number) => args[number - 1]);
    const kept = maskedTrace(trace, secrets);
    context.recorder = new CallRecorder(kept, this.#clock, request.event, shown, place);
  }

  #returned(context: PolicyContext, values: readonly LuaValue[]): void {
    context.recorder?.returned(values);
    context.recorder = null;
  }

  #fail(context: PolicyContext, request: CallRequest, thrown: unknown): never {
    const error =
      request.rejects === 'as-errors'
        ? policyErrorOf(thrown, request.event)
        : settledError(thrown, request.event);
    const place = error instanceof PolicyError ? placeOf(error) : placeOfCause(thrown);
    context.recorder?.failed(error, place);
    context.recorder = null;
    throw error;
  }
}

function discardResults(): void {
  // `init` and its kin are called for their effects.
}

/** What a single call needs of its request. */
type CallRequest = Pick<
  EventRequest<unknown>,
  'event' | 'args' | 'trace' | 'secretArgs' | 'rejects'
>;

/** A reject that survived its way through Lua, else a policy error. */
export function settledError(thrown: unknown, event: string): PolicyReject | PolicyError {
  if (thrown instanceof PolicyReject) return thrown;
  if (thrown instanceof LuaError && thrown.root instanceof PolicyReject) {
    // Where a reject is no reply (constructors, injection), its text shows the traceback.
    const reject = new PolicyReject(thrown.root.code, thrown.root.text, thrown.root.mode);
    reject.message = thrown.message;
    return reject;
  }
  return policyErrorOf(toError(thrown), event);
}

function placeOf(error: PolicyError): LuaPlace | null {
  return error.file === null || error.line === null ? null : { file: error.file, line: error.line };
}

function placeOfCause(thrown: unknown): LuaPlace | null {
  return thrown instanceof LuaError || thrown instanceof LuaFatalError ? thrown.place : null;
}
