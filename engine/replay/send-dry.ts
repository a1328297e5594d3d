/**
 * Messages through a custom-Lua constructor, dry: one connection object for the messages of a
 * queue, `send` or `send_batch`, `close` at the end. A reply 421 or an error ends the connection,
 * and the next message gets a new one, as in a delivery.
 *
 * Source: `delivery/lua-delivery.ts`.
 */
import { toError } from '../base/assert.ts';
import { CallTrace } from '../delivery/attempt.ts';
import type { Message } from '../mail/message.ts';
import type { QueueName } from '../mail/queue-name.ts';
import type { EventCall } from '../policy/event-call.ts';
import { PolicyReject } from '../policy/events.ts';
import type { LuaConnection } from '../policy/events.ts';
import type { DryPolicy } from './dry-policy.ts';
import { within } from './dry-reception.ts';
import type { HostCallEntry } from './host-call-log.ts';
import { changesBetween, lookAt } from './message-changes.ts';
import type { MessageChanges } from './message-changes.ts';

export interface DrySending {
  readonly message: Message;
  /** Null: it failed with something that is no reply. */
  readonly reply: { readonly code: number; readonly text: string } | null;
  readonly state: 'delivered' | 'deferred' | 'bounced';
  readonly problem: string | null;
  readonly events: readonly EventCall[];
  readonly calls: readonly HostCallEntry[];
  readonly changes: MessageChanges;
  readonly durationMs: number;
}

export interface SendOptions {
  readonly constructor_: string;
  readonly batchSize: number;
}

/** @param messages of one queue */
export async function sendDry(
  policy: DryPolicy,
  queue: QueueName,
  messages: readonly Message[],
  { constructor_, batchSize }: SendOptions,
): Promise<DrySending[]> {
  const sent: DrySending[] = [];
  let connection: LuaConnection | null = null;
  for (let from = 0; from < messages.length; from += batchSize) {
    const batch = messages.slice(from, from + batchSize);
    const before = batch.map(lookAt);
    const startedMs = policy.clock.monotonic();
    const trace = new CallTrace(policy.clock);
    let outcome: Pick<DrySending, 'reply' | 'state' | 'problem'>;
    try {
      const { domain, tenant, campaign } = queue;
      connection ??= await within(
        policy.clock,
        policy.events.construct(constructor_, domain, tenant, campaign, trace),
      );
      const text: string = await within(policy.clock, connection.send(batch, batchSize, trace));
      outcome = { reply: { code: 200, text }, state: 'delivered', problem: null };
    } catch (error) {
      outcome = outcomeOf(error);
      if (outcome.reply === null || outcome.reply.code === 421) {
        await connection?.close();
        connection = null;
      }
    }
    const durationMs = policy.clock.monotonic() - startedMs;
    const calls = policy.takeCalls();
    for (const [index, message] of batch.entries()) {
      const look = before[index] ?? lookAt(message);
      const changes = changesBetween(look, lookAt(message));
      sent.push({ message, ...outcome, events: trace.calls, calls, changes, durationMs });
    }
  }
  await connection?.close();
  return sent;
}

function outcomeOf(error: unknown): Pick<DrySending, 'reply' | 'state' | 'problem'> {
  if (error instanceof PolicyReject) {
    const isTransient = error.code >= 400 && error.code < 500;
    const reply = { code: error.code, text: error.text };
    return { reply, state: isTransient ? 'deferred' : 'bounced', problem: null };
  }
  return { reply: null, state: 'deferred', problem: toError(error).message };
}
