/**
 * The way of a message into its scheduled queue, and out of it when it is due: rules of the
 * operator, rates, the policy's throttle, then the protocol's own entry (`ready-path.ts`,
 * `maildir-path.ts`). Whatever is in the way sends it back to waiting with a reason.
 *
 * A message that is due goes through all of it at once, inside the call that inserted it.
 *
 * Source: reference `queues-delivery.md` §4.1, §4.2.
 */
import { toError } from '../base/assert.ts';
import { Attempt } from '../delivery/attempt.ts';
import { deliveryProtocolName } from '../delivery/ready-queue-name.ts';
import type { Message } from '../mail/message.ts';
import type { SmtpReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import type { BounceRule, SuspendRule } from './admin-rules.ts';
import { EntryFailure, ReadyQueueFull } from './entry-failure.ts';
import { withReason } from './insert-reason.ts';
import type { InsertContext } from './insert-reason.ts';
import {
  adminBounced,
  eventThrottled,
  insertFailed,
  queueSuspended,
  queueThrottled,
} from './internal-replies.ts';
import type { QueueParts } from './queue-deps.ts';
import { retryDelayMs } from './retry-schedule.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';

export class Insertion {
  readonly #parts: QueueParts;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /**
   * Puts a message into a queue: on its way when it is due, else among those that wait.
   * @throws {Error} from `throttle_insert_ready_queue`
   */
  async insert(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    trace: EventTrace | null,
  ): Promise<void> {
    const { deps, rules, activity, waiting } = this.#parts;
    const bounce = rules.bounceFor(queue.name, queue.parsed);
    if (bounce !== null) return this.adminBounce(queue, message, bounce);
    if (activity.isStopping) return waiting.keep(queue, message);
    if (message.due === null || message.due <= deps.clock.now()) {
      return this.insertReady(queue, message, context, trace);
    }
    return waiting.wait(queue, message, context);
  }

  /** A due message on its way: the order of checks is KumoMTA's. */
  async insertReady(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    trace: EventTrace | null,
  ): Promise<void> {
    const { deps, rules } = this.#parts;
    const bounce = rules.bounceFor(queue.name, queue.parsed);
    if (bounce !== null) return this.adminBounce(queue, message, bounce);
    const suspension = rules.suspensionFor(queue.name, queue.parsed);
    if (suspension !== null) return this.suspended(queue, message, suspension, null);
    if (await this.#isRateThrottled(queue, message, context, trace)) return;
    if (deps.events.has('throttle_insert_ready_queue')) {
      await deps.events.throttleInsertReadyQueue(message, trace);
      if (await this.#wasPutOff(queue, message, context, trace)) return;
    }
    queue.outsideCount++;
    try {
      await this.#enter(queue, message, context, trace);
    } catch (error) {
      await this.entryFailed(queue, message, context, toError(error), trace);
    } finally {
      queue.outsideCount--;
    }
  }

  /** What becomes of a message that could not enter; also called for entries that end later. */
  async entryFailed(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    error: Error,
    trace: EventTrace | null,
  ): Promise<void> {
    if (error instanceof ReadyQueueFull) {
      return this.#parts.waiting.forceWait(queue, message, context);
    }
    const failure = error instanceof EntryFailure ? error : new EntryFailure(error.message);
    const reasons = failure.reasons.reduce(withReason, context);
    const response = insertFailed(queue.name, failure.message);
    queue.noteFailure(failure.reply ?? response);
    await this.#parts.requeue.requeue({
      queue,
      message,
      increment: 'count-attempt',
      delayMs: null,
      response,
      context: withReason(reasons, 'FailedToInsertIntoReadyQueue'),
      trace: failure.attempt?.trace ?? trace,
      isNested: true,
      onDecided: ({ nextDueMs, arithmetic }) =>
        failure.attempt?.end({
          outcome: 'deferred',
          reply: failure.reply ?? response,
          nextDueMs,
          arithmetic,
        }),
    });
  }

  async adminBounce(queue: ScheduledQueue, message: Message, rule: BounceRule): Promise<void> {
    const { deps, activity } = this.#parts;
    rule.bounced.set(queue.name, (rule.bounced.get(queue.name) ?? 0) + 1);
    if (!rule.suppressLogging) {
      await deps.log.record({
        type: 'AdminBounce',
        message,
        response: adminBounced(rule.reason),
        site: 'localhost',
        rowSeqs: message.rowSeqs,
      });
    }
    deps.store.removeFromQueue(message);
    activity.changed();
  }

  /**
   * A message whose queue is suspended: that counts as an attempt.
   * @param session set when it had already been taken from a ready queue
   */
  async suspended(
    queue: ScheduledQueue,
    message: Message,
    rule: SuspendRule,
    session: { readonly id: string; readonly readyQueue: string } | null,
  ): Promise<void> {
    const { deps } = this.#parts;
    const site = session?.readyQueue ?? queue.name;
    const response = queueSuspended(rule.reason);
    const attempt = this.beginAttempt(queue, message, site);
    queue.noteFailure(response);
    await deps.log.record({
      type: 'TransientFailure',
      message,
      response,
      site,
      sessionId: session?.id ?? null,
      attemptId: attempt.id,
      rowSeqs: message.rowSeqs,
    });
    await this.#requeueCounted(queue, message, response, attempt);
  }

  /** An attempt that ends before anything was touched. */
  beginAttempt(queue: ScheduledQueue, message: Message, site: string): Attempt {
    const { deps } = this.#parts;
    return Attempt.begin(deps, message, {
      protocol: deliveryProtocolName(queue.config.protocol),
      site,
      pool: null,
      source: null,
      route: message.routeName ?? queue.route,
      nextDueMs: deps.clock.now() + retryDelayMs(message.numAttempts, queue.config),
    });
  }

  async #enter(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    trace: EventTrace | null,
  ): Promise<void> {
    const { deps, readyPath, maildirPath } = this.#parts;
    const { protocol } = queue.config;
    if (protocol.kind === 'null') return deps.store.removeFromQueue(message);
    if (protocol.kind === 'maildir') {
      return maildirPath.deliver(queue, message, { protocol, context, trace });
    }
    if (protocol.kind === 'smtp' && deps.leaving !== null) {
      const { domain, routingDomain } = queue.parsed;
      const plan = { queue: queue.name, domain, routingDomain, mxList: protocol.mxList };
      const captured = await deps.leaving.captureInstead(plan);
      if (captured !== null) {
        return maildirPath.deliver(queue, message, { ...captured, context, trace });
      }
    }
    return readyPath.enter(queue, message, trace);
  }

  async #isRateThrottled(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    trace: EventTrace | null,
  ): Promise<boolean> {
    const { deps, requeue } = this.#parts;
    const rate = queue.config.maxMessageRate;
    if (rate === null) return false;
    const key = `schedq-${queue.name}-message-rate`;
    const { retryAfterSeconds } = deps.throttles.take(key, rate, deps.clock.monotonic());
    if (retryAfterSeconds === null) return false;
    const delayMs = retryAfterSeconds * 1000;
    await requeue.requeue({
      queue,
      message,
      increment: 'keep-count',
      delayMs,
      response: queueThrottled(queue.name, delayMs),
      context: withReason(context, 'MessageRateThrottle'),
      trace,
    });
    return true;
  }

  /** Did the throttle event move the due time? Its own choice is not kept, as in KumoMTA. */
  async #wasPutOff(
    queue: ScheduledQueue,
    message: Message,
    context: InsertContext,
    trace: EventTrace | null,
  ): Promise<boolean> {
    const { deps, requeue } = this.#parts;
    if (message.due === null || message.due <= deps.clock.now()) return false;
    await requeue.requeue({
      queue,
      message,
      increment: 'keep-count',
      delayMs: null,
      response: eventThrottled(queue.name, message.due),
      context: withReason(context, 'ThrottledByThrottleInsertReadyQueue'),
      trace,
    });
    return true;
  }

  async #requeueCounted(
    queue: ScheduledQueue,
    message: Message,
    response: SmtpReply,
    attempt: Attempt,
  ): Promise<void> {
    await this.#parts.requeue.requeue({
      queue,
      message,
      increment: 'count-attempt',
      delayMs: null,
      response,
      context: ['LoggedTransientFailure'],
      trace: attempt.trace,
      isNested: true,
      onDecided: ({ nextDueMs, arithmetic }) =>
        attempt.end({ outcome: 'deferred', reply: response, nextDueMs, arithmetic }),
    });
  }
}
