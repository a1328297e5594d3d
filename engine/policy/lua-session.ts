/**
 * One custom-Lua delivery session: the object a constructor returned, and the context it lives in
 * for as long as the session does.
 *
 * Source: reference `lua-api.md` §5.4; `queues-delivery.md` §7.
 */
import type { Clock } from '../base/clock.ts';
import type { Message } from '../mail/message.ts';
import { MessageObject } from './bindings/message-object.ts';
import { CallRecorder, printable } from './call-recorder.ts';
import { mluaType } from './config-serde.ts';
import { settledError } from './event-dispatcher.ts';
import { PolicyError, PolicyReject, type LuaConnection } from './events.ts';
import type { EventTrace } from './event-call.ts';
import { utf8Problem } from './lua/lua-error.ts';
import { LuaTable, type LuaValue } from './lua/lua-value.ts';
import { coercedText } from './lua/number-text.ts';
import type { PolicyContext } from './policy-context.ts';

export interface LuaSessionParts {
  readonly context: PolicyContext;
  /** Registry reference of what the constructor returned. */
  readonly ref: number;
  readonly constructorName: string;
  readonly clock: Clock;
  /** Gives the context back, or ends it. */
  readonly done: (context: PolicyContext, outcome: 'reusable' | 'broken') => void;
  readonly log: (text: string) => void;
}

export class LuaSession implements LuaConnection {
  readonly #parts: LuaSessionParts;
  #isReleased = false;
  #isBroken = false;

  constructor(parts: LuaSessionParts) {
    this.#parts = parts;
  }

  async send(
    messages: readonly Message[],
    batchSize: number,
    trace: EventTrace | null,
  ): Promise<string> {
    const { context, ref } = this.#parts;
    const method = batchSize === 1 ? 'send' : 'send_batch';
    const objects = messages.map((message) => new MessageObject(message));
    const argument = batchSize === 1 ? objects[0] : new LuaTable(objects, [], false);
    const event = `${this.#parts.constructorName}:${method}`;
    if (context.lua.typeOfRef(ref) !== 'table') {
      throw new PolicyError('invalid connection object', { event });
    }
    const found = context.lua.memberType(ref, method);
    if (found !== 'function') {
      throw new PolicyError(
        `sender:${method} method not found: error converting Lua ${found} to function`,
        { event },
      );
    }
    const recorder =
      trace && new CallRecorder(trace, this.#parts.clock, event, objects.map(printable), null);
    try {
      const [value] = await this.#call(method, [argument], event, recorder);
      const text = senderText(value);
      recorder?.returned([value]);
      return text;
    } catch (thrown) {
      const error = settledError(thrown, event);
      recorder?.failed(error, placeOf(error));
      if (error instanceof PolicyReject) throw error;
      throw new PolicyError(`sender:${method} method failed: ${error.message}`, {
        event,
        ...placeOf(error),
        cause: error,
      });
    } finally {
      context.recorder = null;
    }
  }

  async close(): Promise<void> {
    if (this.#isReleased) return;
    const { context, ref, constructorName, log } = this.#parts;
    try {
      if (
        context.lua.typeOfRef(ref) === 'table' &&
        context.lua.memberType(ref, 'close') === 'function'
      ) {
        await this.#call('close', [], `${constructorName}:close`, null);
      }
    } catch (error) {
      this.#isBroken = true;
      log(`${constructorName}: close failed: ${(error as Error).message}`);
    } finally {
      this.release();
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const { context, ref, done } = this.#parts;
    context.lua.releaseRef(ref);
    done(context, this.#isBroken || context.lua.isRunning ? 'broken' : 'reusable');
  }

  async #call(
    method: string,
    args: readonly LuaValue[],
    event: string,
    recorder: CallRecorder | null,
  ): Promise<readonly LuaValue[]> {
    const { context, ref } = this.#parts;
    const { lua } = context;
    context.currentEvent = event;
    context.recorder = recorder;
    context.useCount++;
    lua.resetBudget();
    try {
      return await lua.calls.invokeMethod(ref, method, args, (L, count) =>
        lua.calls.readResults(L, count),
      );
    } catch (error) {
      if (!isReject(error, event)) this.#isBroken = true;
      throw error;
    } finally {
      lua.collectIfDue();
    }
  }
}

function isReject(error: unknown, event: string): boolean {
  return settledError(error, event) instanceof PolicyReject;
}

function placeOf(error: PolicyReject | PolicyError): { file: string; line: number } | null {
  if (error instanceof PolicyReject || error.file === null || error.line === null) return null;
  return { file: error.file, line: error.line };
}

/** A string or a number, as the text of the reply. */
function senderText(value: LuaValue): string {
  const text = coercedText(value);
  if (text !== undefined) return text;
  if (value instanceof Uint8Array) {
    throw new Error(`error converting Lua string to &str (${utf8Problem(value)})`);
  }
  throw new Error(`error converting Lua ${mluaType(value)} to String (expected string or number)`);
}
