/**
 * What a message-level route did to a message, kept in its meta: the rows and attempts carry the
 * route's name, and a later move can start from what the policy had said.
 */
import type { JsonObject, JsonValue } from '../mail/json.ts';
import { ROUTE_META } from '../mail/message.ts';
import type { Message } from '../mail/message.ts';
import { ownRoutingDomain } from './route.ts';
import type { Route } from './route.ts';

/** Sends the message on the route's way; its queue is another one from now on. */
export function applyRoute(message: Message, { name, to }: Route): void {
  const before: JsonObject = {
    queue: message.getMeta('queue') ?? null,
    routing_domain: message.getMeta('routing_domain') ?? null,
  };
  message.setMeta(ROUTE_META, { name, before });
  switch (to.kind) {
    case 'null':
    case 'reject':
      return;
    case 'queue':
      return message.setMeta('queue', to.name);
    case 'routingDomain':
      return redirect(message, to.domain);
    default:
      return redirect(message, ownRoutingDomain(name));
  }
}

function redirect(message: Message, routingDomain: string): void {
  if (message.getMeta('queue') !== undefined) message.setMeta('queue', null);
  message.setMeta('routing_domain', routingDomain);
}

/** Puts back what the policy had said; nothing when no route had decided. */
export function undoRoute(message: Message): void {
  const decided = message.getMeta(ROUTE_META);
  if (!isObject(decided)) return;
  const { before } = decided;
  if (isObject(before)) {
    for (const key of ['queue', 'routing_domain']) {
      const value = before[key] ?? null;
      if ((message.getMeta(key) ?? null) !== value) message.setMeta(key, value);
    }
  }
  message.setMeta(ROUTE_META, null);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
