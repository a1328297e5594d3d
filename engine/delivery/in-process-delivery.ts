/**
 * Deliveries that stay inside the engine: an HTTP injection that was put off (`deferred_generation`)
 * and an SMTP reception whose policy runs later (`deferred_queue`). What they execute is given by
 * the engine; here their results become outcomes.
 *
 * Source: reference `http-logs-reception.md` §1.6, §4.11; golden `http-inject-deferred-generation`,
 * `reception-deferred-queue`.
 */
import { toError } from '../base/assert.ts';
import type { Message } from '../mail/message.ts';
import { plainReply } from '../mail/smtp-reply.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { PolicyReject } from '../policy/events.ts';
import type { CallTrace } from './attempt.ts';
import type { AttemptReport, DeliverySession, Outcome } from './deliverer.ts';

export interface InProcessProtocols {
  /** Runs the injection that is the body of this message. */
  generate(message: Message): Promise<void>;
  /**
   * Clears the meta `queue`, asks `smtp_server_message_deferred_inject` and the overlay, and
   * inserts the message into the queue it now names.
   * @throws PolicyReject as the script or the overlay said
   */
  injectDeferred(message: Message, trace: EventTrace): Promise<void>;
  /** Collects the policy's calls of one attempt. */
  newTrace(): CallTrace;
}

export function openInProcessSession(
  kind: 'httpInjectionGenerator' | 'deferredSmtpInjection',
  protocols: InProcessProtocols,
  sessionId: string,
): DeliverySession {
  const run = kind === 'httpInjectionGenerator' ? generate : injectDeferred;
  return {
    id: sessionId,
    isExhausted: false,
    phase: 'DeliveringMessage',
    peer: null,
    plan: async () => {},
    connect: async () => {},
    deliver: async ([message], recorded) => {
      if (message === undefined) throw new Error('Bug: a delivery without a message');
      await recorded;
      const trace = protocols.newTrace();
      return report(await run(protocols, message, trace), trace);
    },
    close: async () => {},
    abort: () => {},
  };
}

type Result = Pick<Outcome, 'kind' | 'reply'>;

async function generate(protocols: InProcessProtocols, message: Message): Promise<Result> {
  try {
    await protocols.generate(message);
    return { kind: 'delivered', reply: plainReply(250, 'ok') };
  } catch (error) {
    return { kind: 'bounced', reply: plainReply(500, toError(error).message) };
  }
}

async function injectDeferred(
  protocols: InProcessProtocols,
  message: Message,
  trace: EventTrace,
): Promise<Result> {
  try {
    await protocols.injectDeferred(message, trace);
    return { kind: 'rebound', reply: plainReply(250, 'ok') };
  } catch (error) {
    if (error instanceof PolicyReject) {
      const kind = error.code >= 500 ? 'bounced' : 'deferred';
      return { kind, reply: plainReply(error.code, error.text) };
    }
    return { kind: 'deferred', reply: plainReply(450, toError(error).message) };
  }
}

function report(result: Result, { calls }: CallTrace): AttemptReport {
  return {
    outcomes: [{ ...result, recipients: 'all' }],
    address: { peerAddress: null, sourceAddress: null, tls: null },
    transcript: [],
    events: calls,
    details: {},
    connectionBroken: false,
  };
}
