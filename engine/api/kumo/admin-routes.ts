/**
 * Routes that change what the queues do: bounce, suspend, rebind, abort a session.
 *
 * Source: reference `http-logs-reception.md` §2.2–2.5; golden `admin-*`.
 */
import { toError } from '../../base/assert.ts';
import type { JsonObject, JsonValue } from '../../mail/json.ts';
import { bounceJson, readySuspendJson, suspendJson } from '../../queue/admin-json.ts';
import {
  parseBounceRequest,
  parseReadySuspendRequest,
  parseRebindRequest,
  parseSuspendRequest,
} from '../../queue/admin-requests.ts';
import type { AdminDoor } from './admin-door.ts';
import { BOUNCE_BODY, REBIND_BODY, SUSPEND_BODY, SUSPEND_READY_BODY } from './admin-shapes.ts';
import { jsonBody, wrongShape } from './http-exchange.ts';
import type { Answer, KumoRequest } from './http-exchange.ts';
import { HttpRefusal } from './http-problem.ts';
import type { Shape } from './json-reader.ts';
import { recordOf, required, text } from './json-shapes.ts';
import type { Routes } from './route.ts';
import { readUuid, withDashes } from './uuid-reader.ts';

export const ADMIN_ROUTES: Routes = {
  '/api/admin/bounce/v1': {
    POST: (request, deps) => {
      const wanted = read(request, BOUNCE_BODY, (body) =>
        parseBounceRequest(body, deps.mailClock.now()),
      );
      const { id } = deps.queues.admin.bounce(wanted);
      return { body: { id, bounced: {}, total_bounced: 0 } };
    },
    GET: (_, deps) => ({ body: listBounces(deps.queues, deps.mailClock.now()) }),
    DELETE: (request, { queues }) =>
      remove(request, 'bounce', (id) => queues.admin.removeBounce(id)),
  },
  '/api/admin/suspend/v1': {
    POST: (request, deps) => {
      const wanted = read(request, SUSPEND_BODY, (body) =>
        parseSuspendRequest(body, deps.mailClock.now()),
      );
      return { body: { id: deps.queues.admin.suspend(wanted).id } };
    },
    GET: (_, deps) => ({ body: listSuspensions(deps.queues, deps.mailClock.now()) }),
    DELETE: (request, { queues }) =>
      remove(request, 'suspend', (id) => queues.admin.removeSuspension(id)),
  },
  '/api/admin/suspend-ready-q/v1': {
    POST: (request, deps) => {
      const wanted = read(request, SUSPEND_READY_BODY, (body) =>
        parseReadySuspendRequest(body, deps.mailClock.now()),
      );
      return { body: { id: deps.queues.admin.suspendReadyQueue(wanted).id } };
    },
    GET: (_, deps) => ({ body: listReadySuspensions(deps.queues, deps.mailClock.now()) }),
    DELETE: (request, { queues }) =>
      remove(request, 'suspend-ready-q', (id) => queues.admin.removeReadySuspension(id)),
  },
  '/api/admin/rebind/v1': {
    POST: (request, { queues }) => {
      queues.admin.rebind(read(request, REBIND_BODY, parseRebindRequest));
      return { body: {} };
    },
  },
  '/api/admin/abort-ready-q-conn/v1': {
    POST: (request, { queues }) => {
      const shape = recordOf('AbortReadyQConnV1Request', {
        queue_name: required(text),
        session_id: required(text),
      });
      const { queue_name: queue, session_id: session } = jsonBody(request, shape);
      if (queues.admin.abortSession(queue, session)) return { body: `aborted ${session}` };
      throw new HttpRefusal(404, `no matching dispatcher for queue=${queue} session=${session}`);
    },
  },
};

/** The same from a script: `kumo.api.admin.<area>.<verb>`. Its bounces leave what waits alone. */
export function adminVerb(
  queues: AdminDoor,
  nowMs: number,
  call: { area: 'bounce' | 'suspend' | 'suspend_ready_q'; verb: string; argument?: JsonValue },
): JsonValue {
  const { area, verb } = call;
  const { admin } = queues;
  if (verb === 'list') {
    if (area === 'bounce') return listBounces(queues, nowMs);
    return area === 'suspend'
      ? listSuspensions(queues, nowMs)
      : listReadySuspensions(queues, nowMs);
  }
  if (verb === 'delete') {
    const id = String(call.argument ?? '');
    if (area === 'bounce') return admin.removeBounce(id);
    return area === 'suspend' ? admin.removeSuspension(id) : admin.removeReadySuspension(id);
  }
  const wanted = <T>(parse: (body: JsonObject, nowMs: number) => T): T => {
    try {
      return parse(objectOf(call.argument), nowMs);
    } catch (error) {
      throw new Error(`deserialize error: ${toError(error).message}`, { cause: error });
    }
  };
  if (area === 'bounce') return admin.bounce(wanted(parseBounceRequest), 'only-new').id;
  if (area === 'suspend') return admin.suspend(wanted(parseSuspendRequest)).id;
  return admin.suspendReadyQueue(wanted(parseReadySuspendRequest)).id;
}

function listBounces(queues: AdminDoor, nowMs: number): JsonObject[] {
  return queues.admin.bounces().map((rule) => bounceJson(rule, nowMs));
}

function listSuspensions(queues: AdminDoor, nowMs: number): JsonObject[] {
  return queues.admin.suspensions().map((rule) => suspendJson(rule, nowMs));
}

function listReadySuspensions(queues: AdminDoor, nowMs: number): JsonObject[] {
  return queues.admin.readySuspensions().map((rule) => readySuspendJson(rule, nowMs));
}

/** @throws {HttpRefusal} the body is no JSON, not of this shape, or not what `parse` wants */
function read<T>(
  request: KumoRequest,
  shape: Shape<JsonObject>,
  parse: (body: JsonObject) => T,
): T {
  const body = jsonBody(request, shape);
  try {
    return parse(body);
  } catch (error) {
    throw wrongShape(toError(error).message);
  }
}

function objectOf(value: JsonValue | undefined): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error('invalid type: expected a map');
}

/** Takes the id out of the body and says what became of the entry. */
function remove(request: KumoRequest, what: string, removeEntry: (id: string) => boolean): Answer {
  const { id } = jsonBody(request, recordOf('CancelV1Request', { id: required(uuid) }));
  if (removeEntry(id)) return { body: `removed ${id}` };
  throw new HttpRefusal(404, `${what} entry ${id} not found`);
}

/** However it is written: lower case, with dashes. */
const uuid: Shape<string> = (reader) => {
  const parsed = readUuid(reader.text());
  if ('complaint' in parsed) throw reader.data(`UUID parsing failed: ${parsed.complaint}`);
  return withDashes(parsed.digits);
};
