/**
 * The queue's door, as reception, injection and the policy bindings see it.
 * `queues.ts` implements it.
 */
import type { Message } from '../mail/message.ts';
import type { EventTrace } from '../policy/event-call.ts';
import type { InsertReason } from './insert-reason.ts';

export interface QueueDoor {
  /**
   * Finds or makes the scheduled queue of this name (asking `get_queue_config`, the pool and its
   * sources the first time). A failure is remembered for 60 s.
   * @throws {Error} with KumoMTA's text; SMTP reception turns it into 421, HTTP into a Bounce
   */
  resolve(queueName: string, trace: EventTrace | null): Promise<void>;
  /**
   * Puts a stored message into its queue; due now means it goes on to the ready path before this
   * resolves (strict mode: a maildir delivery is finished by then).
   * @throws {Error} when the insertion failed; the caller unwinds
   */
  insert(message: Message, reason: InsertReason, trace: EventTrace | null): Promise<void>;
}
