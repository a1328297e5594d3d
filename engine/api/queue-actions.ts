/**
 * The verbs of Queues, for the window and the command line: what was done in words, and the action
 * that takes it back where there is one.
 */
import type { Clock } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import { onlyQueue, EVERYTHING } from '../queue/admin-rules.ts';
import type { Rebound } from '../queue/admin-sweeps.ts';
import type { Queues } from '../queue/queues.ts';
import type { QueueAction, QueueActionResult, RebindAction, SetDueAction } from './protocol.ts';
import { ApiProblem } from './route.ts';

/** Undoing names every message; more than this are not named. */
const UNDO_COUNT_MAX = 10_000;

export class QueueActions {
  readonly #queues: Queues;
  readonly #mailClock: Clock;
  readonly #onShift: () => Promise<void>;

  /** @param onShift called when due times changed that no list was told of one by one */
  constructor(queues: Queues, mailClock: Clock, onShift: () => Promise<void>) {
    this.#queues = queues;
    this.#mailClock = mailClock;
    this.#onShift = onShift;
  }

  async act(action: QueueAction): Promise<QueueActionResult> {
    const { admin } = this.#queues;
    switch (action.verb) {
      case 'deliver-now': {
        this.#assertKnown(action.queue);
        const changed = admin.deliverNow({
          ...(action.queue !== undefined && { queue: action.queue }),
          ...(action.messageIds !== undefined && { ids: asIds(action.messageIds) }),
        });
        return { changed, text: `${count(changed)} due now` };
      }
      case 'suspend':
        admin.suspend({
          criteria: onlyQueue(action.queue),
          reason: action.reason,
          ...(action.durationMs !== undefined && { durationMs: action.durationMs }),
        });
        return {
          changed: 1,
          text: `${action.queue} is suspended${this.#absent(action.queue)}`,
          undo: { verb: 'resume', queue: action.queue },
        };
      case 'resume':
        return this.#resume(action.queue);
      case 'bounce':
        return this.#bounce(action);
      case 'stop-bounce': {
        const isDone = admin.stopBounce(action.queue);
        const text = isDone ? 'bounces no more' : 'was not bouncing by its own rule';
        return { changed: isDone ? 1 : 0, text: `${action.queue} ${text}` };
      }
      case 'rebind':
        return this.#rebind(action);
      case 'set-due':
        return this.#setDue(action);
      case 'suspend-path':
        admin.suspendReadyQueue({ name: action.path, reason: action.reason });
        return {
          changed: 1,
          text: `${action.path} is suspended`,
          undo: { verb: 'resume-path', path: action.path },
        };
      case 'resume-path':
        return this.#resumePath(action.path);
    }
  }

  #resume(queue: string): QueueActionResult {
    const { admin, lists } = this.#queues;
    const before = lists.summary(queue)?.suspended ?? null;
    const changed = admin.resume(queue);
    const still = lists.summary(queue)?.suspended ?? null;
    if (changed === 0) {
      const text =
        still === null
          ? `${queue} was not suspended${this.#absent(queue)}`
          : `${queue} is held by a rule for several queues (${still.reason}), which stays`;
      return { changed, text };
    }
    return {
      changed,
      text: `${queue} is resumed`,
      undo:
        before === null
          ? null
          : {
              verb: 'suspend',
              queue,
              reason: before.reason,
              durationMs: Math.max(1, before.untilMs - this.#mailClock.now()),
            },
    };
  }

  #resumePath(path: string): QueueActionResult {
    const { admin } = this.#queues;
    const rule = admin.readySuspensions().find(({ name }) => name === path);
    if (rule === undefined || !admin.removeReadySuspension(rule.id)) {
      return { changed: 0, text: `${path} was not suspended` };
    }
    return {
      changed: 1,
      text: `${path} is resumed`,
      undo: { verb: 'suspend-path', path, reason: rule.reason },
    };
  }

  async #bounce(action: QueueAction & { verb: 'bounce' }): Promise<QueueActionResult> {
    const { admin } = this.#queues;
    const { queue, messageIds, reason } = action;
    if (messageIds !== undefined) {
      const changed = await admin.bounceMessages(asIds(messageIds), reason);
      return { changed, text: `${count(changed)} bounced` };
    }
    const note = queue === undefined ? '' : this.#absent(queue);
    admin.bounce({ criteria: queue === undefined ? EVERYTHING : onlyQueue(queue), reason });
    const what = queue === undefined ? 'All queues are' : `${queue} is`;
    return { changed: 1, text: `${what} bouncing, also what enters in the next 5 minutes${note}` };
  }

  /** A rule may be for a queue to come; a name that is mistyped is noticed by this. */
  #absent(queue: string): string {
    return this.#isKnown(queue) ? '' : '; there is no queue of that name now';
  }

  async #rebind(action: RebindAction): Promise<QueueActionResult> {
    const { queue, messageIds, data, reason } = action;
    this.#assertKnown(queue);
    if (Object.keys(data).length === 0) {
      throw new ApiProblem(
        400,
        'invalid',
        'Cannot rebind: data is empty, expected a queue, routing_domain, tenant or campaign',
      );
    }
    const { admin } = this.#queues;
    const request = {
      reason,
      suppressLogging: false,
      data: Object.fromEntries(Object.entries(data).filter(isText)),
      unset: Object.keys(data).filter((key) => data[key] === null),
      triggerEvent: false,
      alwaysFlush: false,
    };
    const long = messageIds === undefined ? this.#longQueue(queue) : null;
    if (long !== null) {
      const { name, depth } = long;
      admin.rebind({ ...request, criteria: onlyQueue(name) });
      const text = `${depth} messages of ${name} are being bound elsewhere, which takes a while and cannot be undone`;
      return { changed: depth, text, undo: null };
    }
    const rebound = await admin.rebindMessages(this.#idsOf(queue, messageIds), request);
    const moved = rebound.filter(({ from, to }) => from !== to);
    const target = moved[0]?.to;
    const stayed = rebound.length - moved.length;
    const text =
      target === undefined
        ? `No message moved: ${rebound.length === 0 ? 'none waited' : 'the queue is named the same'}`
        : `${count(moved.length)} bound to ${target} and due now${stayed > 0 ? `, ${stayed} stayed` : ''}`;
    return { changed: moved.length, text, undo: undoOfRebind(moved) };
  }

  async #setDue(action: SetDueAction): Promise<QueueActionResult> {
    const { admin } = this.#queues;
    const { queue, messageIds, changes, dueMs, inMs } = action;
    this.#assertKnown(queue);
    const atMs = dueMs ?? this.#mailClock.now() + (inMs ?? 0);
    if (changes === undefined && dueMs === undefined && inMs === undefined) {
      throw new ApiProblem(
        400,
        'invalid',
        'Cannot change a due time: found neither dueMs nor inMs',
      );
    }
    const when = changes === undefined ? `at ${new Date(atMs).toISOString()}` : 'as before';
    const isWhole = messageIds === undefined && changes === undefined;
    const long = isWhole ? this.#longQueue(queue) : null;
    if (long !== null) {
      const changed = admin.setAllDue(long.name, atMs);
      await this.#onShift();
      return { changed, text: `${count(changed)} due ${when}, which cannot be undone`, undo: null };
    }
    const before = await admin.setDue(
      changes === undefined
        ? this.#idsOf(queue, messageIds).map((id) => ({ id, dueMs: atMs }))
        : changes.map((each) => ({ id: each.messageId as SpoolId, dueMs: each.dueMs })),
    );
    return {
      changed: before.length,
      text: `${count(before.length)} due ${when}`,
      undo:
        before.length === 0 || before.length > UNDO_COUNT_MAX
          ? null
          : {
              verb: 'set-due',
              changes: before.map((each) => ({ messageId: each.id, dueMs: each.dueMs })),
            },
    };
  }

  #isKnown(queue: string): boolean {
    return this.#queues.lists.summary(queue) !== null;
  }

  /** @throws {ApiProblem} no message is in a queue of this name */
  #assertKnown(queue: string | undefined): void {
    if (queue !== undefined && !this.#isKnown(queue)) throw noSuchQueue(queue);
  }

  /** A queue in which more wait than an undo may name: its messages are not taken one by one. */
  #longQueue(name: string | undefined): { name: string; depth: number } | null {
    if (name === undefined) return null;
    const depth = this.#queues.lists.summary(name)?.depth ?? 0;
    return depth > UNDO_COUNT_MAX ? { name, depth } : null;
  }

  /** @throws {ApiProblem} neither is given: nothing is meant */
  #idsOf(queue: string | undefined, messageIds: readonly string[] | undefined): readonly SpoolId[] {
    if (messageIds !== undefined) return asIds(messageIds);
    if (queue === undefined) {
      throw new ApiProblem(
        400,
        'invalid',
        'Found neither queue nor messageIds, expected one of them',
      );
    }
    return this.#queues.admin.dueTimes(queue).map(({ id }) => id);
  }
}

/** All messages of one queue had the same metas; of several queues only the first can be undone. */
function undoOfRebind(moved: readonly Rebound[]): QueueAction | null {
  const [first] = moved;
  if (first === undefined || moved.length > UNDO_COUNT_MAX) return null;
  const key = JSON.stringify(first.before);
  if (moved.some(({ before }) => JSON.stringify(before) !== key)) return null;
  return {
    verb: 'rebind',
    messageIds: moved.map(({ id }) => id),
    data: first.before,
    reason: `back to ${first.from}`,
  };
}

export function noSuchQueue(name: string): ApiProblem {
  return new ApiProblem(
    404,
    'no-queue',
    `no scheduled queue ${name}: it is empty and was forgotten, or never existed`,
  );
}

function asIds(messageIds: readonly string[]): readonly SpoolId[] {
  return messageIds as readonly SpoolId[];
}

function isText(entry: [string, string | null]): entry is [string, string] {
  return entry[1] !== null;
}

function count(messages: number): string {
  return messages === 1 ? '1 message is' : `${messages} messages are`;
}
