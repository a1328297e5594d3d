/** Queues for the window: live lists from memory, what the store knows of their messages. */
import { createdMsOf } from '../base/ids.ts';
import type { MailClock } from '../base/mail-clock.ts';
import { expiryMs, predictAttempts } from '../queue/predict.ts';
import type { ScheduledQueueDetail, WaitingSummary } from '../queue/queue-lists.ts';
import type { Queues } from '../queue/queues.ts';
import type { Scheduling } from '../mail/scheduling.ts';
import type { PastAttempt, QueueMessage } from '../store/queue-reads.ts';
import type { Store } from '../store/store.ts';
import type { QueuesDoor } from './doors.ts';
import { QueueActions } from './queue-actions.ts';
import { sourceLinkOf, withClock } from './waiting-words.ts';
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
  readonly #mailClock: MailClock;
  readonly #actions: QueueActions;

  /** @param onShift called when due times changed that no list was told of one by one */
  constructor(queues: Queues, store: Store, mailClock: MailClock, onShift: () => Promise<void>) {
    this.#actions = new QueueActions(queues, mailClock, onShift);
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
      egressPool: detail.config.egressPool,
      configSource: sourceLinkOf(detail.configSource),
      messages: detail.messages.map((waiting) =>
        this.#message(waiting, byId.get(waiting.messageId), detail),
      ),
      more: detail.more,
      left: left.map(leftMessage),
      nowMs: detail.nowMs,
    };
  }

  act(action: QueueAction): Promise<QueueActionResult> {
    return this.#actions.act(action);
  }

  /** What the store knows of a waiting message beside what memory does. */
  #message(
    waiting: WaitingSummary,
    known: QueueMessage | undefined,
    detail: ScheduledQueueDetail,
  ): QueuedMessage {
    const scheduling =
      known?.scheduling == null ? null : (JSON.parse(known.scheduling) as Scheduling);
    const state = { ...waiting, scheduling };
    return {
      messageId: waiting.messageId,
      seq: waiting.rowSeq,
      to: known?.to ?? '',
      subject: known?.subject ?? '',
      createdMs: waiting.createdMs,
      dueMs: waiting.dueMs,
      numAttempts: waiting.numAttempts,
      expiresMs: scheduling === null ? waiting.expiresMs : expiryMs(state, detail.config),
      past: (known?.past ?? []).flatMap(pastOf),
      predicted:
        scheduling === null
          ? waiting.predicted
          : predictAttempts(state, detail.config, detail.nowMs),
      why: withClock(waiting, this.#mailClock),
    };
  }
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
