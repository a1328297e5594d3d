/**
 * `kumo.api.admin.<area>.<verb>(argument)`: the operator's rules from a script. Making a rule
 * answers its id; a bounce made this way acts on new mail only and always logs.
 *
 * Source: reference `http-logs-reception.md` §2.2; `lua-api.md` §17.2; golden `admin-lua-twins`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { QueueAdmin } from './admin.ts';
import { bounceJson, readySuspendJson, suspendJson } from './admin-json.ts';
import {
  parseBounceRequest,
  parseReadySuspendRequest,
  parseSuspendRequest,
} from './admin-requests.ts';

/** @throws {Error} in the words of Lua's decoder, or when there is no rule of that id */
export function callAdmin(
  admin: QueueAdmin,
  call: {
    readonly area: 'bounce' | 'suspend' | 'suspend_ready_q';
    readonly verb: string;
    readonly argument: JsonValue | undefined;
    readonly nowMs: EpochMs;
  },
): JsonValue {
  const { area, verb, argument, nowMs } = call;
  switch (`${area}.${verb}`) {
    case 'bounce.list':
      return admin.bounces().map((rule) => bounceJson(rule, nowMs));
    case 'suspend.list':
      return admin.suspensions().map((rule) => suspendJson(rule, nowMs));
    case 'suspend_ready_q.list':
      return admin.readySuspensions().map((rule) => readySuspendJson(rule, nowMs));
    case 'bounce.bounce':
      return admin.bounce(decoded(argument, nowMs, parseBounceRequest), 'only-new').id;
    case 'suspend.suspend':
      return admin.suspend(decoded(argument, nowMs, parseSuspendRequest)).id;
    case 'suspend_ready_q.suspend':
      return admin.suspendReadyQueue(decoded(argument, nowMs, parseReadySuspendRequest)).id;
    case 'bounce.delete':
      return removed('bounce', argument, (id) => admin.removeBounce(id));
    case 'suspend.delete':
      return removed('suspend', argument, (id) => admin.removeSuspension(id));
    case 'suspend_ready_q.delete':
      return removed('suspend-ready-q', argument, (id) => admin.removeReadySuspension(id));
    default:
      throw new Error(`Bug: no admin call ${area}.${verb}`);
  }
}

function decoded<T>(
  argument: JsonValue | undefined,
  nowMs: EpochMs,
  parse: (body: JsonObject, nowMs: EpochMs) => T,
): T {
  if (argument === undefined || argument === null) {
    throw new Error('deserialize error: invalid type: nil, expected table');
  }
  if (typeof argument !== 'object' || Array.isArray(argument)) {
    throw new Error('deserialize error: invalid type: expected a table');
  }
  try {
    return parse(argument, nowMs);
  } catch (error) {
    throw new Error(`deserialize error: ${toError(error).message}`, { cause: error });
  }
}

function removed(
  kind: string,
  argument: JsonValue | undefined,
  remove: (id: string) => boolean,
): null {
  const id = typeof argument === 'string' ? argument : '';
  if (!remove(id)) throw new Error(`${kind} entry ${id} not found`);
  return null;
}
