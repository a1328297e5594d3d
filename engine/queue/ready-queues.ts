/**
 * All ready queues: made when the first message needs one, shared by every scheduled queue whose
 * mail goes to the same hosts by the same source, dropped ten minutes after their last use.
 * It also counts connections that several of them share (`additional_connection_limits`).
 */
import { toError } from '../base/assert.ts';
import { readyQueueName, routingDomainOf } from '../delivery/ready-queue-name.ts';
import type { EgressSite } from '../delivery/ready-queue-name.ts';
import type { EventTrace } from '../policy/event-call.ts';
import type { DeliveryProtocol } from '../policy/settings.ts';
import type { QueueParts } from './queue-deps.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { ScheduledQueue } from './scheduled-queue.ts';
import { WaitingTable } from './waiting-table.ts';

/** What leads a message to a ready queue, all of it from the same moment. */
export interface Way {
  /** Name of the egress source. */
  readonly source: string;
  readonly site: EgressSite;
  readonly protocol: DeliveryProtocol;
}

export class ReadyQueues {
  /** Messages of ready queues that are not in memory. */
  readonly stowed = new WaitingTable();
  readonly #parts: QueueParts;
  readonly #queues = new Map<string, ReadyQueue>();
  readonly #making = new Map<string, Promise<ReadyQueue>>();
  /** Connections open under each shared limit. */
  readonly #leases = new Map<string, number>();
  /** The names a queue's sessions were counted under, in the order in which they were opened. */
  readonly #taken = new Map<ReadyQueue, (readonly string[])[]>();

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  get(name: string): ReadyQueue | null {
    return this.#queues.get(name) ?? null;
  }

  all(): IterableIterator<ReadyQueue> {
    return this.#queues.values();
  }

  /**
   * Finds or makes the ready queue of a source, a site and a protocol, its path not older than
   * its refresh interval.
   * @throws {PolicyError} from `get_egress_source` or `get_egress_path_config`
   */
  async obtain(queue: ScheduledQueue, way: Way, trace: EventTrace | null): Promise<ReadyQueue> {
    const name = readyQueueName(way.source, way.site.name, way.protocol);
    const known = this.#queues.get(name);
    if (known !== undefined) {
      const refreshing = known.refreshWhenStale();
      if (refreshing !== null) await refreshing;
      return known;
    }
    const running = this.#making.get(name);
    if (running !== undefined) return running;
    const making = this.#make(name, queue, way, trace).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    return making;
  }

  /**
   * Counts one more session of this queue under every shared limit.
   * @returns null, or the name of the limit that allows no more
   */
  takeLease(queue: ReadyQueue): string | null {
    const limits = Object.entries(queue.path.additionalConnectionLimits);
    for (const [name, limit] of limits) {
      if ((this.#leases.get(name) ?? 0) >= limit) return name;
    }
    const names = limits.map(([name]) => name);
    for (const name of names) this.#leases.set(name, (this.#leases.get(name) ?? 0) + 1);
    this.#taken.set(queue, [...(this.#taken.get(queue) ?? []), names]);
    return null;
  }

  /** One of its sessions ended; queues that waited for a shared limit look again. */
  releaseLease(queue: ReadyQueue): void {
    const taken = this.#taken.get(queue) ?? [];
    const names = taken.shift() ?? [];
    if (taken.length === 0) this.#taken.delete(queue);
    for (const name of names) this.#leases.set(name, (this.#leases.get(name) ?? 1) - 1);
    if (names.length === 0) return;
    for (const other of this.#queues.values()) {
      if (other !== queue && other.states.has('connection_limited')) other.maintain();
    }
  }

  /** The messages of a ready queue that was just suspended go back at once; its sessions end. */
  async suspended(name: string): Promise<void> {
    const ready = this.#queues.get(name);
    if (ready === undefined) return;
    ready.wakeAll();
    await this.returnAll(ready, 'ReadyQueueWasSuspended');
  }

  /** Puts everything back into the scheduled queues, which send it on another way if there is one. */
  async returnAll(
    ready: ReadyQueue,
    reason: 'ReadyQueueWasSuspended' | 'ReadyQueueWasReaped',
  ): Promise<void> {
    const { insertion, activity, deps } = this.#parts;
    for await (const { queue, message } of ready.messages.drain()) {
      try {
        await activity.during(() => insertion.insert(queue, message, [reason], null));
      } catch (error) {
        deps.diagnostic('error', `Queue ${queue.name}: ${toError(error).message}`);
        await insertion.entryFailed(queue, message, [reason], toError(error), null);
      } finally {
        queue.outsideCount--;
      }
    }
  }

  /** The policy changed. KumoMTA refreshes only the paths that ask for it. */
  async configChanged(): Promise<void> {
    const { mode } = this.#parts.deps;
    for (const queue of [...this.#queues.values()]) {
      if (mode === 'ordinary') await queue.renew();
      else if (queue.path.refreshStrategy === 'Epoch') await queue.refresh();
    }
  }

  /** Strict mode: paths that are older than their refresh interval are asked for, used or not. */
  async refreshStale(): Promise<void> {
    const { deps, activity } = this.#parts;
    if (deps.mode === 'ordinary') return;
    for (const queue of [...this.#queues.values()]) {
      if (activity.isStopping) return;
      await queue.refreshWhenStale();
    }
  }

  reap(): void {
    const now = this.#parts.deps.clock.monotonic();
    for (const [name, queue] of this.#queues) {
      if (!queue.isReapable(now)) continue;
      queue.close();
      this.#queues.delete(name);
    }
  }

  /** What no session has taken yet is written down and let go of; idle sessions end. */
  stop(): void {
    for (const ready of this.#queues.values()) {
      ready.close();
      ready.messages.release();
      ready.wakeAll();
    }
  }

  async #make(
    name: string,
    queue: ScheduledQueue,
    { source: sourceName, site, protocol }: Way,
    trace: EventTrace | null,
  ): Promise<ReadyQueue> {
    const { deps, catalog } = this.#parts;
    const { pool } = queue.selection;
    const source = await catalog.source(sourceName, trace);
    const domain = routingDomainOf(queue.parsed);
    const path =
      deps.overlay?.path?.(domain, site.name) ??
      (await deps.events.getEgressPathConfig(domain, source.name, site.name, trace));
    const identity = { name, site, pool, source, creator: queue, protocol };
    const ready = new ReadyQueue(this.#parts, identity, path);
    this.#queues.set(name, ready);
    return ready;
  }
}
