/**
 * Message methods on due times and scheduling constraints.
 *
 * Source: reference `lua-api.md` §4.1, §4.4; recorded error texts of KumoMTA.
 */
import { chronoDebugUtc } from '../../base/chrono-text.ts';
import type { EpochMs } from '../../base/clock.ts';
import { firstHeaderValue, headerString, removeNamedHeaders } from '../../mail/header.ts';
import type { JsonObject } from '../../mail/json.ts';
import type { Message } from '../../mail/message.ts';
import { adjustDue, parseScheduling, schedulingToJson } from '../../mail/scheduling.ts';
import { materialize } from '../config-read.ts';
import { invalidType, mluaType, tableOf } from '../config-serde.ts';
import type { HostCall } from '../lua/host-function.ts';
import { LUA_NULL, type LuaValue } from '../lua/lua-value.ts';
import { luaJsonText, luaToJson } from '../lua-json.ts';
import type { CoreDeps } from './core-deps.ts';
import { replaceData } from './message-headers.ts';
import { method, type MessageMethods } from './message-object.ts';
import { parseJson } from './serde-json.ts';
import { parseRfc3339 } from './time-parse.ts';

export function schedulingMethods(deps: CoreDeps): MessageMethods {
  const now = (): EpochMs => deps.mailClock.now();
  return {
    set_due: method(
      'write',
      'set_due(rfc3339 | nil) -> string',
      'Sets when the next attempt is due.',
      (m, call) => setDue(m, call, now()),
    ),
    set_scheduling: method(
      'write',
      'set_scheduling(table | nil) -> table',
      'Constrains when the message may be sent.',
      (m, call) => {
        const given = materialize(call.value(1), (object) => call.context.pairsOf(object));
        return applyScheduling(m, given, now());
      },
    ),
    import_scheduling_header: method(
      'write',
      'import_scheduling_header(name, remove?) -> table',
      'Takes scheduling constraints from a header.',
      (m, call) => {
        const name = call.string(1);
        const value = firstHeaderValue(m.data, name);
        if (value === undefined) return LUA_NULL;
        const text = headerString(value);
        const result = importScheduling(m, text, name, now());
        if (call.boolean(2)) replaceData(m, removeNamedHeaders(m.data, name));
        return result;
      },
    ),
    num_attempts: method('read', 'num_attempts() -> integer', 'Attempts already made.', (m) => {
      return m.numAttempts;
    }),
    increment_num_attempts: method(
      'write',
      'increment_num_attempts()',
      'Counts one more attempt.',
      (m) => {
        m.numAttempts += 1;
        return undefined;
      },
    ),
  };
}

function setDue(message: Message, call: HostCall, now: EpochMs): LuaValue {
  const value = call.value(1);
  let due: EpochMs | null = null;
  if (value !== undefined && value !== LUA_NULL) {
    if (typeof value !== 'string') {
      throw new Error(
        `deserialize error: ${invalidType(value, 'an RFC 3339 formatted date and time string').message}`,
      );
    }
    try {
      due = Number(parseRfc3339(value)) / 1_000_000;
    } catch (error) {
      throw new Error(`deserialize error: ${(error as Error).message}`, { cause: error });
    }
  }
  message.due = message.scheduling === null ? due : adjustDue(message.scheduling, due ?? now);
  return message.due === null ? LUA_NULL : chronoDebugUtc(message.due);
}

function applyScheduling(message: Message, given: LuaValue, now: EpochMs): LuaValue {
  const isNothing = given === undefined || given === LUA_NULL;
  const fail = (why: string): Error =>
    new Error(`deserialize error: ${why}, while processing ${luaJsonText(given)}`);
  if (!isNothing && !tableOf(given)) {
    throw fail(`invalid type: ${mluaType(given)}, expected table`);
  }
  try {
    message.scheduling = isNothing ? null : parseScheduling(luaToJson(given) as JsonObject);
  } catch (error) {
    throw fail((error as Error).message);
  }
  return scheduled(message, now);
}

function importScheduling(message: Message, text: string, name: string, now: EpochMs): LuaValue {
  try {
    const json = luaToJson(parseJson(text));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new Error(invalidType(json, 'a map').message);
    }
    message.scheduling = parseScheduling(json);
  } catch (error) {
    throw new Error(
      `${text} from header ${name} is not a valid Scheduling header: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return scheduled(message, now);
}

/** Moves the due time to what the new constraints permit, and shows them. */
function scheduled(message: Message, now: EpochMs): LuaValue {
  message.isDirty = true;
  if (message.scheduling === null) return LUA_NULL;
  message.due = adjustDue(message.scheduling, message.due ?? now);
  return schedulingToJson(message.scheduling) as LuaValue;
}
