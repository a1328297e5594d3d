/**
 * Core control of a policy: registering handlers, rejecting, looking at the own stack, `print`.
 *
 * Source: reference `lua-api.md` §1.1, §3.1; recorded error texts of KumoMTA.
 */
import { PolicyReject } from '../events.ts';
import type { HostCall, HostFunction, HostResult, StackFrame } from '../lua/host-function.ts';
import { LUA_NULL, type LuaValue } from '../lua/lua-value.ts';
import { chunkFile } from '../lua/lua-place.ts';
import { KUMO_VERSION } from '../kumo-version.ts';
import { MULTIPLE_HANDLER_EVENTS, type PolicyContext } from '../policy-context.ts';
import type { Bindings } from './bindings.ts';
import type { CoreDeps } from './core-deps.ts';

/** The global that names the event in progress, as KumoMTA's own modules read it. */
export const CURRENT_EVENT_GLOBAL = '_KUMO_CURRENT_EVENT';

export function coreBindings(deps: CoreDeps): Bindings {
  const fn = (
    effect: HostFunction['effect'],
    signature: string,
    doc: string,
    run: HostFunction['run'],
  ): HostFunction => ({ effect, signature, doc, run });
  return {
    modules: [
      {
        path: ['_G'],
        functions: {
          print: fn('write', 'print(...)', 'Prints values, separated by tabs.', (call) =>
            print(deps, call),
          ),
        },
      },
      {
        path: ['kumo'],
        constants: { version: KUMO_VERSION },
        functions: {
          on: fn('write', 'on(event, handler)', 'Registers a handler for an event.', (call) =>
            on(deps, call),
          ),
          reject: fn('pure', 'reject(code, text)', 'Refuses what is being asked.', (call) => {
            throw new PolicyReject(call.integer(1, 'u16'), call.string(2), 'If421');
          }),
          disconnect: fn(
            'pure',
            "disconnect(code, text, mode='ForceDisconnect')",
            'Refuses and closes the connection.',
            (call) => {
              throw new PolicyReject(call.integer(1, 'u16'), call.string(2), disconnectMode(call));
            },
          ),
          traceback: fn('pure', 'traceback(level) -> array', 'The Lua stack.', traceback),
          get_event_registrars: fn(
            'pure',
            'get_event_registrars(event) -> array',
            'Where the handlers of an event were registered.',
            (call) => {
              const handlers = contextOf(deps, call).handlers.get(call.string(1));
              return handlers?.map((handler) => [...handler.registrars]);
            },
          ),
          validation_failed: fn('write', 'validation_failed()', 'Makes `--validate` fail.', () => {
            deps.world.validationFailed = true;
            return undefined;
          }),
          sleep: fn('read', 'sleep(seconds)', 'Waits on the mail clock.', async (call) => {
            await deps.mailClock.sleep(Math.max(call.number(1), 0) * 1000);
            return undefined;
          }),
        },
      },
    ],
    types: [],
  };
}

function contextOf(deps: CoreDeps, call: HostCall): PolicyContext {
  const context = deps.world.contextOf(call.context);
  if (!context) throw new Error('Bug: this Lua context belongs to no policy');
  return context;
}

function on(deps: CoreDeps, call: HostCall): HostResult {
  const name = call.string(1);
  const fn = call.func(2);
  const context = contextOf(deps, call);
  const current = context.lua.getGlobal(CURRENT_EVENT_GLOBAL);
  if (typeof current === 'string' && current !== 'main') {
    call.context.release(fn);
    throw new Error(
      `Attempting to register an event handler via \`kumo.on('${name}', ...)\` from within the event handler '${current}'. ` +
        'You must move your event handler registration so that it is setup directly when the policy is loaded ' +
        'in order for it to consistently trigger and handle events.',
    );
  }
  const handlers = context.handlers.get(name) ?? [];
  const [first] = handlers;
  if (first && !MULTIPLE_HANDLER_EVENTS.has(name)) {
    call.context.release(fn);
    throw new Error(`${name} event already has a handler defined at ${first.source}:${first.line}`);
  }
  const { source, line } = call.where(1) ?? { source: '?', line: 0 };
  handlers.push({
    ref: fn.ref,
    source,
    line,
    registrars: registrars(call),
    place: { file: chunkFile(source), line },
  });
  context.handlers.set(name, handlers);
  return undefined;
}

/** The calling stack as `short_src:line`, innermost first. */
function registrars(call: HostCall): string[] {
  const places: string[] = [];
  for (let level = 1; ; level++) {
    const at = call.where(level);
    if (!at) return places;
    if (at.line > 0) places.push(`${at.shortSrc}:${at.line}`);
  }
}

type DisconnectMode = PolicyReject['mode'];

function disconnectMode(call: HostCall): DisconnectMode {
  if (call.isNil(3)) return 'ForceDisconnect';
  const value = call.value(3);
  if (value === 'If421' || value === 'FollowWith421' || value === 'ForceDisconnect') return value;
  throw call.badArgument(
    3,
    `expected one of 'If421', 'FollowWith421' or 'ForceDisconnect', but got ${debugOf(value, call)}`,
  );
}

/** mlua's debug form of a value. */
function debugOf(value: LuaValue, call: HostCall): string {
  if (typeof value === 'string') return `String(${JSON.stringify(value)})`;
  if (typeof value === 'boolean') return `Boolean(${value})`;
  if (typeof value === 'number') {
    return Number.isInteger(value) ? `Integer(${value})` : `Number(${value})`;
  }
  return String(call.toText(3));
}

function traceback(call: HostCall): HostResult {
  const frames: LuaValue[] = [];
  for (let level = call.integer(1, 'usize'); ; level++) {
    const frame = call.stackFrame(level);
    if (!frame) return frames;
    frames.push(frameTable(frame));
  }
}

function frameTable(frame: StackFrame): LuaValue {
  const line = (n: number): LuaValue => (n < 0 ? LUA_NULL : n);
  const text = (value: string): LuaValue => (value === '' ? LUA_NULL : value);
  return {
    event: LUA_NULL,
    name: text(frame.name),
    name_what: text(frame.nameWhat),
    source: text(frame.source),
    short_src: text(frame.shortSrc),
    line_defined: line(frame.lineDefined),
    last_line_defined: line(frame.lastLineDefined),
    what: frame.what,
    curr_line: frame.currentLine,
    is_tail_call: frame.isTailCall,
  };
}

function print(deps: CoreDeps, call: HostCall): HostResult {
  const parts: string[] = [];
  for (let n = 1; n <= call.count; n++) {
    const text = call.toText(n);
    parts.push(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
  }
  const line = call.where(1)?.line;
  deps.world.print(
    parts.join('\t'),
    line !== undefined && line > 0 ? line : undefined,
    call.context,
  );
  return undefined;
}
