/**
 * The queue's state in the JSON of KumoMTA's admin API; the HTTP routes and `kumo.api.admin` share
 * it.
 *
 * Source: reference `queues-delivery.md` §10, `http-logs-reception.md` §2.2-2.8; golden `admin-*`.
 */
import { chronoDebugUtc } from '../base/chrono-text.ts';
import type { EpochMs } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import type { EgressSite } from '../delivery/ready-queue-name.ts';
import type { JsonObject, JsonValue } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import { schedulingToJson } from '../mail/scheduling.ts';
import type { BounceRule, ReadySuspendRule, SuspendRule } from './admin-rules.ts';
import type { Dispatcher } from './dispatcher.ts';
import { egressConstraints } from './egress-constraints.ts';
import type { ReadyQueue } from './ready-queue.ts';
import { watchdogLimitMs } from './watchdog.ts';

export function bounceJson(rule: BounceRule, nowMs: EpochMs): JsonObject {
  const { campaign, tenant, domain, routingDomain } = rule.criteria;
  return {
    id: rule.id,
    campaign,
    tenant,
    domain,
    routing_domain: routingDomain,
    reason: rule.reason,
    duration: remaining(rule.expiresMs, nowMs),
    bounced: Object.fromEntries(rule.bounced),
    total_bounced: [...rule.bounced.values()].reduce((sum, count) => sum + count, 0),
  };
}

export function suspendJson(rule: SuspendRule, nowMs: EpochMs): JsonObject {
  const { campaign, tenant, domain } = rule.criteria;
  const duration = remaining(rule.expiresMs, nowMs);
  return { id: rule.id, campaign, tenant, domain, reason: rule.reason, duration };
}

export function readySuspendJson(rule: ReadySuspendRule, nowMs: EpochMs): JsonObject {
  return {
    id: rule.id,
    name: rule.name,
    reason: rule.reason,
    duration: remaining(rule.expiresMs, nowMs),
    expires: chronoDebugUtc(rule.expiresMs),
  };
}

/** A message as `inspect-message` shows it; `queued` adds what only a waiting one has. */
export function messageJson(
  message: Message,
  options: { readonly wantBody: boolean; readonly queued: boolean },
): JsonObject {
  const recipients = message.recipients.map(({ email }) => email);
  const isDozing = message.isDozing;
  const data =
    options.wantBody && message.isLoaded ? Buffer.from(message.data).toString('utf8') : null;
  if (isDozing) message.doze();
  return {
    sender: message.sender.email,
    recipient: recipients.length === 1 ? (recipients[0] ?? '') : recipients,
    meta: message.meta,
    data,
    ...(options.queued
      ? {
          due: message.due === null ? null : chronoDebugUtc(message.due),
          num_attempts: message.numAttempts,
        }
      : {}),
    ...(message.scheduling === null ? {} : { scheduling: schedulingToJson(message.scheduling) }),
  };
}

export function readyStatesJson(queues: Iterable<ReadyQueue>): JsonObject {
  const states: JsonObject = {};
  for (const queue of queues) {
    if (queue.states.size > 0) states[queue.name] = statesOf(queue);
  }
  return { states_by_ready_queue: states };
}

export function readyQueueJson(
  queue: ReadyQueue,
  options: {
    readonly nowMs: EpochMs;
    readonly suspension: ReadySuspendRule | null;
    readonly includeScheduledQueues: boolean;
  },
): JsonObject {
  const { identity, path } = queue;
  const states = statesOf(queue);
  return {
    queue_name: queue.name,
    mx: mxJson(identity.site),
    egress_source: identity.source.name,
    egress_pool: identity.pool,
    protocol: identity.protocol.kind === 'smtp' ? 'smtp_client' : identity.protocol.kind,
    state: {
      ready_count: queue.count,
      connection_count: queue.dispatchers.size,
      connection_rate_throttled: states['connection_rate_throttled'] ?? null,
      connection_limited: states['connection_limited'] ?? null,
      suspended:
        options.suspension === null ? null : readySuspendJson(options.suspension, options.nowMs),
      watchdog_threshold: formatDuration(watchdogLimitMs(path, identity.protocol)),
    },
    path_config: path.json,
    constraints: egressConstraints(path),
    ...(options.includeScheduledQueues
      ? { scheduled_queue_names: queue.messages.feeders.map(({ name }) => name) }
      : {}),
    dispatchers: [...queue.dispatchers].map((one) => dispatcherJson(one, queue, options.nowMs)),
    now: chronoDebugUtc(options.nowMs),
  };
}

function dispatcherJson(dispatcher: Dispatcher, queue: ReadyQueue, nowMs: EpochMs): JsonObject {
  const { deliveredCount, transFailedCount, failedCount } = dispatcher;
  const ageMs = Math.max(1, nowMs - dispatcher.startedMs);
  return {
    session_id: dispatcher.id,
    started_at: chronoDebugUtc(dispatcher.startedMs),
    age: formatDuration(nowMs - dispatcher.startedMs),
    phase: phaseJson(dispatcher, queue),
    detail: dispatcher.peer,
    time_in_current_phase: formatDuration(nowMs - dispatcher.phaseSinceMs),
    messages_delivered: deliveredCount,
    messages_transfailed: transFailedCount,
    messages_failed: failedCount,
    delivered_this_connection: 0,
    overall_rate_per_sec: ((deliveredCount + transFailedCount + failedCount) * 1000) / ageMs,
  };
}

function phaseJson({ phase, entries }: Dispatcher, { identity }: ReadyQueue): JsonValue {
  const { protocol } = identity;
  if (phase !== 'AccumulatingBatch' || protocol.kind !== 'lua') return phase;
  return { AccumulatingBatch: { have: entries.length, want: protocol.batchSize } };
}

function mxJson({ mx }: EgressSite): JsonObject | null {
  if (mx === null) return null;
  const byPreference: JsonObject = {};
  for (const [preference, hosts] of mx.byPreference) byPreference[preference] = [...hosts];
  return {
    site_name: mx.siteName,
    by_preference: byPreference,
    is_mx: mx.isMx,
    is_domain_literal: mx.isDomainLiteral,
    is_secure: mx.isSecure,
  };
}

function remaining(expiresMs: EpochMs, nowMs: EpochMs): string {
  return formatDuration(Math.max(0, expiresMs - nowMs));
}

function statesOf(queue: ReadyQueue): JsonObject {
  const states: JsonObject = {};
  for (const [state, { context, since }] of queue.states) {
    states[state] = { context, since: chronoDebugUtc(since) };
  }
  return states;
}
