/**
 * The queue as one thing: the door that reception and injection use, the start after a restart,
 * the stop, and the way to its verbs (`admin`) and lists (`lists`).
 *
 * States: *made*, *started* (`start`, then `resume` once the policy is ready), *stopping* (`stop`:
 * nothing new begins, attempts under way may end), *stopped*.
 */
import type { Timer } from '../base/clock.ts';
import type { SpoolId } from '../base/ids.ts';
import type { Message } from '../mail/message.ts';
import type { EventTrace } from '../policy/event-call.ts';
import { Activity } from './activity.ts';
import { QueueAdmin } from './admin.ts';
import { AdminRules } from './admin-rules.ts';
import { EgressCatalog } from './egress-catalog.ts';
import type { InsertReason } from './insert-reason.ts';
import { Insertion } from './insertion.ts';
import { MaildirPath } from './maildir-path.ts';
import { Promotion } from './promotion.ts';
import type { QueueDeps, QueueParts } from './queue-deps.ts';
import type { QueueDoor } from './queue-door.ts';
import { QueueLists } from './queue-lists.ts';
import { QueueRegistry } from './queue-registry.ts';
import { ReadyPath } from './ready-path.ts';
import { ReadyQueues } from './ready-queues.ts';
import { Requeue } from './requeue.ts';
import { Reroute } from './reroute.ts';
import { resumeWaiting } from './resume.ts';
import type { ResumeReport } from './resume.ts';
import { Waiting } from './waiting.ts';
import { WaitingTable } from './waiting-table.ts';
import { STOP_GRACE_MS } from './watchdog.ts';

const SWEEP_MS = 10_000;
const QUIET_LOOK_MS = 2;
const QUIET_TURNS = 50;

export class Queues implements QueueDoor {
  readonly admin: QueueAdmin;
  readonly lists: QueueLists;
  readonly reroute: Reroute;
  readonly #parts: QueueParts;
  #sweep: Timer | null = null;

  constructor(deps: QueueDeps) {
    this.#parts = buildParts(deps);
    this.admin = new QueueAdmin(this.#parts);
    this.lists = new QueueLists(this.#parts);
    this.reroute = new Reroute(this.#parts);
  }

  /** Begins to look after the queues: those that are not used any more are dropped. */
  start(): void {
    const { registry, readyQueues, activity, deps } = this.#parts;
    this.#sweep ??= deps.realClock.timer(SWEEP_MS, () => {
      this.#sweep = null;
      registry.reap();
      readyQueues.reap();
      void registry.refreshStale();
      void readyQueues.refreshStale();
      if (!activity.isStopping) this.start();
    });
  }

  /**
   * Puts back what waited when the engine stopped. Call it once, when the policy is ready.
   * @param isNew whether a message was made since and is in its queue already
   */
  resume(isNew: (id: SpoolId) => boolean = () => false): Promise<ResumeReport> {
    return resumeWaiting(this.#parts, isNew);
  }

  async resolve(queueName: string, trace: EventTrace | null): Promise<void> {
    await this.#parts.registry.resolve(queueName, trace);
  }

  async insert(message: Message, reason: InsertReason, trace: EventTrace | null): Promise<void> {
    const { registry, insertion, activity } = this.#parts;
    const queue = await registry.resolve(message.queueName(), trace);
    queue.outsideCount++;
    queue.lastChangeMs = this.#parts.deps.clock.now();
    try {
      await activity.during(() => insertion.insert(queue, message, [reason], trace));
    } finally {
      queue.outsideCount--;
    }
  }

  /** The policy, the routes or the open hosts changed: configurations are asked for again. */
  async configChanged(): Promise<void> {
    await this.#parts.registry.configChanged();
    await this.#parts.readyQueues.configChanged();
  }

  /** Told when something that `lists` shows has changed, several changes at once. */
  onChange(listener: () => void): () => void {
    return this.#parts.activity.onChange(listener);
  }

  /** Whether nothing would happen any more if mail time stood still. */
  get isQuiet(): boolean {
    const { activity, readyQueues } = this.#parts;
    if (activity.underWayCount > 0) return false;
    return [...readyQueues.all()].every((queue) => queue.isSettled);
  }

  /**
   * Resolves when it is quiet: before the clock jumps, and between two events of a forward; at
   * once when it is aborted.
   */
  async whenQuiet(signal?: AbortSignal): Promise<void> {
    const { realClock } = this.#parts.deps;
    for (let look = 0; !this.isQuiet && signal?.aborted !== true; look++) {
      // Most of what an event starts ends within a few turns of the loop.
      if (look < QUIET_TURNS) await new Promise<void>((resolve) => setImmediate(resolve));
      else await realClock.sleep(QUIET_LOOK_MS);
    }
  }

  /**
   * Nothing new begins; idle sessions close, attempts under way may end, and what is left is
   * aborted after a grace of real time. Everything that waits is in the store already.
   * @param graceMs of everything; left out, each session says its own
   */
  async stop(graceMs?: number): Promise<void> {
    const { activity, registry, readyQueues, deps } = this.#parts;
    activity.stop();
    this.#sweep?.cancel();
    registry.close();
    readyQueues.stop();
    const beganMs = deps.realClock.monotonic();
    const isOver = (limitMs: number): boolean => deps.realClock.monotonic() - beganMs >= limitMs;
    while (this.#isUnderWay()) {
      const sessions = [...readyQueues.all()].flatMap(({ dispatchers }) => [...dispatchers]);
      const late = sessions.filter((session) => isOver(graceMs ?? session.stopGraceMs));
      for (const session of late) session.abort();
      if (late.length === sessions.length && isOver(graceMs ?? STOP_GRACE_MS)) break;
      await deps.realClock.sleep(QUIET_LOOK_MS);
    }
    for (let look = 0; this.#isUnderWay() && look < 500; look++) {
      await deps.realClock.sleep(QUIET_LOOK_MS);
    }
    await deps.maildirs.close();
  }

  #isUnderWay(): boolean {
    const { activity, readyQueues } = this.#parts;
    if (activity.underWayCount > 0) return true;
    return [...readyQueues.all()].some((queue) => queue.dispatchers.size > 0);
  }
}

/** The parts know each other through one record, which is complete before any of them is used. */
export function buildParts(deps: QueueDeps): QueueParts {
  const made: { -readonly [K in keyof QueueParts]?: QueueParts[K] } = { deps };
  const parts = made as QueueParts;
  made.activity = new Activity(deps.realClock);
  made.table = new WaitingTable();
  made.rules = new AdminRules(deps.clock, deps.random, deps.mode);
  made.catalog = new EgressCatalog(deps.events, deps.clock);
  made.registry = new QueueRegistry(parts);
  made.waiting = new Waiting(parts);
  made.promotion = new Promotion(parts);
  made.insertion = new Insertion(parts);
  made.requeue = new Requeue(parts);
  made.readyPath = new ReadyPath(parts);
  made.maildirPath = new MaildirPath(parts);
  made.readyQueues = new ReadyQueues(parts);
  return parts;
}
