/**
 * The replies that the queue itself gives, in KumoMTA's exact words. Some are logged, some are
 * only told to `requeue_message`. Numbers in comments are those of the reference's table.
 *
 * Source: reference `queues-delivery.md` §3.4, §3.5, §3.8, §3.11.
 */
import {
  chronoDebugSpan,
  chronoDebugUtc,
  chronoDisplaySpan,
  chronoDisplayUtc,
} from '../base/chrono-text.ts';
import type { EpochMs } from '../base/clock.ts';
import { formatDuration } from '../base/duration.ts';
import { expiresDisplay } from '../mail/scheduling.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import { plainReply, reply } from '../mail/smtp-reply.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { InsertContext } from './insert-reason.ts';

/** 5, counted retry of a message with `expires`, and spool-in of one. */
export function beyondExpires(nextDueMs: EpochMs, scheduling: Scheduling): SmtpReply {
  return reply(
    551,
    `5.4.7 Next delivery time would be at ${chronoDisplayUtc(nextDueMs)} which exceeds the ` +
      `expiry time ${expiresDisplay(scheduling)} configured via set_scheduling`,
  );
}

/** 5, counted retry, and spool-in. */
export function beyondMaxAge(ageAtDueMs: number, maxAgeMs: number): SmtpReply {
  return reply(
    551,
    `5.4.7 Next delivery time would be ${formatDuration(ageAtDueMs)} after creation, ` +
      `which exceeds max_age=${formatDuration(maxAgeMs)}`,
  );
}

/** 5, requeue that counts no attempt. */
export function beyondMaxAgeUncounted(ageAtDueMs: number, maxAgeMs: number): SmtpReply {
  return reply(
    551,
    `5.4.7 Next delivery time ${chronoDisplaySpan(ageAtDueMs)} > ${chronoDisplaySpan(maxAgeMs)}`,
  );
}

/** 6 */
export function noQueueName(error: string): SmtpReply {
  return reply(551, `5.1.3 Failed to compute queue name: ${error}`);
}

/** 7 */
export function delayed(context: InsertContext, nowMs: EpochMs, dueMs: EpochMs): SmtpReply {
  const wait = formatDuration(dueMs - nowMs);
  return plainReply(
    400,
    `Context: ${context.join(', ')}. Next due in ${wait} at ${chronoDebugUtc(dueMs)}`,
  );
}

/** 8 */
export function queueSuspended(reason: string): SmtpReply {
  return reply(451, `4.4.4 KumoMTA internal: scheduled queue is suspended: ${reason}`);
}

/** 9 */
export function queueThrottled(queue: string, delayMs: number): SmtpReply {
  return reply(
    451,
    `4.4.4 KumoMTA internal: ${queue} throttled message rate, delay=${chronoDebugSpan(delayMs)}`,
  );
}

/** 10 */
export function eventThrottled(queue: string, dueMs: EpochMs): SmtpReply {
  return reply(
    451,
    `4.4.4 KumoMTA internal: ${queue} throttle_insert_ready_queue event throttled message rate, ` +
      `due=${chronoDebugUtc(dueMs)}`,
  );
}

/** 11 */
export function insertFailed(queue: string, error: string): SmtpReply {
  return reply(
    451,
    `4.4.4 KumoMTA internal: ${queue} error while inserting into ready queue: ${error}`,
  );
}

/** 12, without the words in front */
export function noSourceEligible(queue: string, pool: string): string {
  return `no sources for ${queue} pool=\`${pool}\` are eligible for selection at this time`;
}

/** 13, without the words in front */
export function noSourceAvailable(queue: string, pool: string): string {
  return `no sources available for ${queue} pool=\`${pool}\``;
}

/** 12, 13 */
export function internal(text: string): SmtpReply {
  return reply(451, `4.4.4 KumoMTA internal: ${text}`);
}

/** 14 */
export function resolveFailed(queue: string, error: string): string {
  return `failed to resolve queue ${queue}: ${error}`;
}

/** 16 */
export function connectFailed(error: string): SmtpReply {
  return plainReply(400, `KumoMTA internal: failed to connect to any candidate hosts: ${error}`);
}

/** 17 */
export function deliverFailed(error: string): SmtpReply {
  return plainReply(400, `KumoMTA internal: error in deliver_message: ${error}`);
}

/** 18 */
export const TOO_MANY_CONNECTION_FAILURES = reply(
  451,
  '4.4.1 bulk delay of ready queue: too many successive connection failures where there was no ' +
    'answer from any hosts listed in MX',
);

/** 19 */
export const READY_QUEUE_THROTTLED = reply(451, '4.4.1 KumoMTA internal: ready queue throttled');

/** 20 */
export const RETURNED = reply(451, '4.4.1 KumoMTA internal: returning message to scheduled queue');

/** 21 */
export function watchdogAborted(session: {
  readonly phase: string;
  readonly detail: string | null;
  readonly id: string;
  readonly ageMs: number;
  readonly phaseMs: number;
}): SmtpReply {
  const detail = session.detail === null ? 'None' : JSON.stringify(session.detail);
  return reply(
    451,
    `4.4.1 dispatcher watchdog aborted task; phase=${session.phase} detail=${detail} ` +
      `session=${session.id} age=${formatDuration(session.ageMs)} ` +
      `time_in_phase=${formatDuration(session.phaseMs)}`,
  );
}

/** 34 */
export function adminBounced(reason: string): SmtpReply {
  return reply(551, `5.7.1 Administrator bounced with reason: ${reason}`);
}

/** 35 */
export function rebound(from: string, to: string, reason: string): SmtpReply {
  return plainReply(250, `Rebound from ${from} to ${to}: ${reason}`);
}
