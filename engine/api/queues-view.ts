/** Queues for the window: live lists from memory, what the store knows of their messages. */
import { createdMsOf } from '../base/ids.ts';
import type { SpoolId } from '../base/ids.ts';
import type { Clock } from '../base/clock.ts';
import type { Queues } from '../queue/queues.ts';
import type { PastAttempt, QueueMessage } from '../store/queue-reads.ts';
import type { Store } from '../store/store.ts';
import type { QueuesDoor } from './doors.ts';
import type {
  LeftMessage,
  QueueAction,
  QueueActionResult,
  QueueDetail,
  QueueList,
  QueuedMessage,
} from './protocol.ts';

const LEFT_SINCE_MS = 3_600_000;
const LEFT_MAX = 50;

export class QueuesView implements QueuesDoor {
  readonly #queues: Queues;
  readonly #store: Store;
  readonly #mailClock: Clock;

  constructor(queues: Queues, store: Store, mailClock: Clock) {
    this.#queues = queues;
    this.#store = store;
    this.#mailClock = mailClock;
  }

  list(): QueueList {
    const { lists } = this.#queues;
    return { scheduled: lists.scheduled(), ready: lists.ready(), nowMs: this.#mailClock.now() };
  }

  async detail(name: string, limit: number): Promise<QueueDetail | null> {
    const detail = this.#queues.lists.detail(name, limit);
    if (detail === null) return null;
    const sinceMs = detail.nowMs - LEFT_SINCE_MS;
    const [stored, left] = await Promise.all([
      this.#store.read('queueMessages', { queue: name, limit }),
      this.#store.read('queueLeft', { queue: name, sinceMs, limit: LEFT_MAX }),
    ]);
    const byId = new Map<string, QueueMessage>(
      stored.messages.map((message) => [message.messageId, message]),
    );
    return {
      queue: detail.queue,
      retryIntervalMs: detail.config.retryIntervalMs,
      maxRetryIntervalMs: detail.config.maxRetryIntervalMs,
      maxAgeMs: detail.config.maxAgeMs,
      configSource: null,
      messages: detail.messages.map((waiting): QueuedMessage => {
        const known = byId.get(waiting.messageId);
        return {
          messageId: waiting.messageId,
          seq: waiting.rowSeq,
          to: known?.to ?? '',
          subject: known?.subject ?? '',
          createdMs: waiting.createdMs,
          dueMs: waiting.dueMs,
          numAttempts: waiting.numAttempts,
          expiresMs: waiting.expiresMs,
          past: (known?.past ?? []).flatMap(pastOf),
          predicted: waiting.predicted,
          why: waiting.why,
        };
      }),
      more: detail.more,
      left: left.map(leftMessage),
      nowMs: detail.nowMs,
    };
  }

  async act(action: QueueAction): Promise<QueueActionResult> {
    const { admin } = this.#queues;
    switch (action.verb) {
      case 'deliver-now': {
        const changed = admin.deliverNow({
          ...(action.queue !== undefined && { queue: action.queue }),
          ...(action.messageIds !== undefined && { ids: action.messageIds as readonly SpoolId[] }),
        });
        return { changed, text: `${count(changed)} due now` };
      }
      case 'suspend':
        admin.suspend({
          criteria: onlyQueue(action.queue),
          reason: action.reason,
          ...(action.durationMs !== undefined && { durationMs: action.durationMs }),
        });
        return { changed: 1, text: `${action.queue} is suspended` };
      case 'resume': {
        const changed = admin.resume(action.queue);
        return {
          changed,
          text: changed > 0 ? `${action.queue} is resumed` : `${action.queue} was not suspended`,
        };
      }
      case 'bounce': {
        if (action.messageIds !== undefined) {
          const changed = await admin.bounceMessages(
            action.messageIds as readonly SpoolId[],
            action.reason,
          );
          return { changed, text: `${count(changed)} bounced` };
        }
        const rule = { criteria: onlyQueue(action.queue), reason: action.reason };
        admin.bounce(rule);
        return {
          changed: 1,
          text:
            action.queue === undefined ? 'All queues are bouncing' : `${action.queue} is bouncing`,
        };
      }
    }
  }
}

/** Rules name a queue exactly; without a name they match every queue. */
function onlyQueue(
  queue: string | undefined,
): Parameters<Queues['admin']['suspend']>[0]['criteria'] {
  return {
    campaign: null,
    tenant: null,
    domain: null,
    routingDomain: null,
    queueNames: queue === undefined ? [] : [queue],
  };
}

function pastOf(past: PastAttempt): QueuedMessage['past'] {
  if (past.outcome !== 'delivered' && past.outcome !== 'deferred' && past.outcome !== 'bounced')
    return [];
  return [{ atMs: past.atMs, outcome: past.outcome, text: past.text }];
}

function leftMessage(message: QueueMessage): LeftMessage {
  return {
    messageId: message.messageId,
    seq: message.seq,
    to: message.to,
    state: message.state,
    code: message.code,
    text: message.lastText,
    createdMs: createdMsOf(message.messageId),
    leftMs: message.lastAttemptMs ?? 0,
    past: message.past.flatMap(pastOf),
  };
}

function count(messages: number): string {
  return messages === 1 ? '1 message is' : `${messages} messages are`;
}
