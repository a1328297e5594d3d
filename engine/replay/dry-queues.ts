/**
 * The queue of a dry run: real queues are found and configured by the policy and the routes, but
 * nothing is put into them. `place` goes the way a due message would go, as far as the door: pool,
 * source, site, egress path, connection plan, or the maildir it would be written to.
 *
 * Source: reference `queues-delivery.md` §4; the order is that of `queue/insertion.ts`.
 */
import { toError } from '../base/assert.ts';
import type { EpochMs } from '../base/clock.ts';
import { PlanFailure } from '../delivery/deliverer.ts';
import { renderPath } from '../delivery/maildir-delivery.ts';
import type { MaildirProtocol } from '../delivery/maildir-delivery.ts';
import { readyQueueName, siteOf } from '../delivery/ready-queue-name.ts';
import { makePlan } from '../delivery/smtp-plan.ts';
import type { Guard } from '../guard/guard.ts';
import { isLoopback } from '../guard/open-hosts.ts';
import type { JsonObject } from '../mail/json.ts';
import type { Message } from '../mail/message.ts';
import type { EventTrace } from '../policy/event-call.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { DeliveryProtocol, EgressPathConfig, EgressSource } from '../policy/settings.ts';
import type { ConfigSource } from '../queue/config-source.ts';
import { predictAttempts } from '../queue/predict.ts';
import type { PredictedAttempt } from '../queue/predict.ts';
import type {
  LeavingPolicy,
  QueueConfigOverlay,
  QueueDeps,
  QueueParts,
} from '../queue/queue-deps.ts';
import type { QueueDoor } from '../queue/queue-door.ts';
import { buildParts } from '../queue/queues.ts';
import type { ScheduledQueue } from '../queue/scheduled-queue.ts';
import type { DryPolicy } from './dry-policy.ts';
import { nobody } from './nobody.ts';

export interface PlannedAddress {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly portFrom: string;
}

/** Where a message would go from its queue. */
export interface Placement {
  readonly queue: string;
  readonly protocol: DeliveryProtocol;
  readonly route: string | null;
  readonly configSource: ConfigSource;
  /** Captured instead of leaving: where it would have gone. */
  readonly captured: string | null;
  /** By recipient, relative to the workspace where it is inside. */
  readonly maildirs: readonly string[];
  readonly pool: string | null;
  readonly source: string | null;
  readonly site: string | null;
  readonly plan: readonly PlannedAddress[];
  readonly notes: readonly string[];
  /** Why nothing would be delivered, in the policy's words where they are its. */
  readonly failure: string | null;
  readonly dueMs: EpochMs;
  readonly retries: readonly PredictedAttempt[];
}

export interface DryQueuesParts {
  readonly policy: DryPolicy;
  readonly events: PolicyEvents;
  readonly overlay: QueueConfigOverlay | null;
  readonly leaving: LeavingPolicy | null;
  /** The real one, asked and not used: what is open. */
  readonly guard: Pick<Guard, 'allows'>;
  readonly mapMaildirPath: (path: string) => string;
  readonly placeOf: (path: string) => string;
}

/** Attempts ahead that are told. */
const RETRIES_MAX = 12;

export class DryQueues implements QueueDoor {
  readonly #parts: DryQueuesParts;
  readonly #queues: QueueParts;

  constructor(parts: DryQueuesParts) {
    this.#parts = parts;
    this.#queues = buildParts(queueDeps(parts));
  }

  async resolve(queueName: string, trace: EventTrace | null): Promise<void> {
    await this.#queues.registry.resolve(queueName, trace);
  }

  /** The reply was given; `place` tells the rest. */
  insert(): Promise<void> {
    return Promise.resolve();
  }

  /** @throws {Error} the queue's configuration fails */
  async place(message: Message, trace: EventTrace): Promise<Placement> {
    const { policy, events } = this.#parts;
    const queue = await this.#queues.registry.resolve(message.queueName(), trace);
    const notes = new PlacementNotes();
    const nowMs = policy.mailClock.now();
    if (message.due === null || message.due <= nowMs) {
      if (events.has('throttle_insert_ready_queue')) {
        await events
          .throttleInsertReadyQueue(message, trace)
          .catch((error: unknown) =>
            notes.push(`throttle_insert_ready_queue failed: ${firstLine(error)}`),
          );
        if (message.due !== null && message.due > nowMs)
          notes.push('throttle_insert_ready_queue put it off');
      }
    }
    const way = await this.#way(queue, message, trace, notes);
    return {
      queue: queue.name,
      protocol: queue.config.protocol,
      route: queue.configSource.kind === 'route' ? queue.configSource.route : message.routeName,
      configSource: queue.configSource,
      captured: way.captured,
      maildirs: way.maildirs,
      pool: way.pool,
      source: way.source,
      site: way.site,
      plan: way.plan,
      notes: notes.texts,
      failure: notes.failure,
      dueMs: Math.max(message.due ?? nowMs, nowMs),
      retries: predictAttempts(
        {
          createdMs: message.createdMs,
          dueMs: message.due,
          numAttempts: message.numAttempts,
          scheduling: message.scheduling,
        },
        queue.config,
        nowMs,
        RETRIES_MAX,
      ),
    };
  }

  async #way(
    queue: ScheduledQueue,
    message: Message,
    trace: EventTrace,
    notes: PlacementNotes,
  ): Promise<Way> {
    const { protocol } = queue.config;
    if (protocol.kind === 'maildir') {
      return { ...NO_WAY, maildirs: this.#maildirs(queue, message, protocol, notes) };
    }
    if (protocol.kind === 'smtp') return this.#smtpWay(queue, protocol, message, trace, notes);
    if (protocol.kind === 'lua') {
      if (!this.#parts.events.has(protocol.constructor_))
        notes.fail(`the policy has no constructor ${protocol.constructor_}`);
      return this.#egress(queue, trace, notes);
    }
    return NO_WAY;
  }

  async #smtpWay(
    queue: ScheduledQueue,
    { mxList }: Extract<DeliveryProtocol, { kind: 'smtp' }>,
    message: Message,
    trace: EventTrace,
    notes: PlacementNotes,
  ): Promise<Way> {
    const { leaving } = this.#parts;
    const { domain, routingDomain } = queue.parsed;
    const captured =
      (await leaving?.captureInstead({ queue: queue.name, domain, routingDomain, mxList })) ?? null;
    // Nobody connects for captured mail: that no path or host is found does not matter.
    const onTheWay = captured === null ? notes : new PlacementNotes();
    const egress = await this.#egress(queue, trace, onTheWay);
    const plan = egress.path === null ? [] : await this.#plan(queue, egress, onTheWay);
    if (captured === null) this.#noteClosed(plan, notes);
    else if (plan.length > 0) notes.push(...onTheWay.texts);
    const maildirs =
      captured === null ? [] : this.#maildirs(queue, message, captured.protocol, notes);
    return { ...egress, plan, maildirs, captured: captured && leavingText(captured.details) };
  }

  async #egress(queue: ScheduledQueue, trace: EventTrace, notes: PlacementNotes): Promise<Egress> {
    const { resolver } = this.#parts.policy;
    const { protocol } = queue.config;
    const { pool, entries } = queue.selection;
    const none: Egress = { ...NO_WAY, pool, path: null, settings: null };
    try {
      const entry = queue.selection.pick(entries);
      if (entry === null) {
        notes.fail(`no source of the pool ${pool} is usable`);
        return none;
      }
      if (entries.length > 1) {
        const all = entries.map(({ name, weight }) => `${name} (weight ${weight})`).join(', ');
        notes.push(`sources take turns: ${all}`);
      }
      const site = await siteOf(queue.parsed, protocol, resolver);
      const way = { source: entry.name, site, protocol };
      const ready = await this.#queues.readyQueues.obtain(queue, way, trace);
      const name = readyQueueName(entry.name, site.name, protocol);
      const settings = await this.#queues.catalog.source(entry.name, trace);
      return { ...none, source: entry.name, site: name, path: ready.path, settings };
    } catch (error) {
      notes.fail(firstLine(error));
      return none;
    }
  }

  async #plan(
    queue: ScheduledQueue,
    egress: Egress,
    notes: PlacementNotes,
  ): Promise<PlannedAddress[]> {
    const { policy } = this.#parts;
    const { protocol } = queue.config;
    const { path, settings } = egress;
    if (path === null || settings === null || protocol.kind !== 'smtp') return [];
    const { domain, routingDomain, tenant, campaign } = queue.parsed;
    try {
      const plan = await makePlan(
        {
          sessionId: '',
          readyQueue: egress.site ?? '',
          domain,
          routingDomain,
          tenant,
          campaign,
          mxList: protocol.mxList,
          treatMxListAsSecure: protocol.treatMxListAsSecure,
          source: settings,
          path,
          reachesLoopback: true,
        },
        policy.resolver,
        policy.random,
      );
      notes.push(...textsOf(plan.details['lookups']));
      return plan.candidates.map(({ address, port, rule }) => ({
        name: address.name,
        ip: address.ip,
        port,
        portFrom: rule,
      }));
    } catch (error) {
      if (error instanceof PlanFailure) {
        notes.push(...textsOf(error.details['lookups']));
        notes.push(`the first attempt is ${error.kind}: ${error.reply.code} ${firstLine(error)}`);
      } else notes.push(firstLine(error));
      return [];
    }
  }

  /** What the guard would not let out. */
  #noteClosed(plan: readonly PlannedAddress[], notes: PlacementNotes): void {
    for (const { name, ip } of plan) {
      const isOpen = isLoopback(ip) || this.#parts.guard.allows({ host: name, address: ip });
      if (!isOpen) notes.push(`guard: ${name} is not open, so it would be deferred`);
    }
  }

  #maildirs(
    queue: ScheduledQueue,
    message: Message,
    protocol: MaildirProtocol,
    notes: PlacementNotes,
  ): string[] {
    const { policy, mapMaildirPath, placeOf } = this.#parts;
    const request = { message, queue: queue.name, queueName: queue.parsed, protocol };
    return message.recipients.map((recipient) => {
      try {
        const now = { clock: policy.mailClock, random: policy.random };
        return placeOf(mapMaildirPath(renderPath(request, recipient, now)));
      } catch (error) {
        notes.fail(firstLine(error));
        return '';
      }
    });
  }
}

/** What is told of a placement beside where it goes. */
class PlacementNotes {
  readonly texts: string[] = [];
  /** The first one. */
  failure: string | null = null;

  push(...texts: readonly string[]): void {
    this.texts.push(...texts);
  }

  fail(text: string): void {
    this.failure ??= text;
    this.push(text);
  }
}

type Way = Pick<Placement, 'captured' | 'maildirs' | 'pool' | 'source' | 'site' | 'plan'>;

interface Egress extends Way {
  readonly path: EgressPathConfig | null;
  readonly settings: EgressSource | null;
}

const NO_WAY: Way = {
  captured: null,
  maildirs: [],
  pool: null,
  source: null,
  site: null,
  plan: [],
};

function queueDeps({ policy, events, overlay }: DryQueuesParts): QueueDeps {
  return {
    mode: 'ordinary',
    clock: policy.mailClock,
    realClock: policy.clock,
    random: policy.random,
    events,
    store: nobody('store'),
    log: nobody('log'),
    throttles: policy.host.world.gcra,
    mx: policy.resolver,
    smtp: nobody('SMTP client'),
    maildirs: nobody('maildirs'),
    inProcess: nobody('injector'),
    overlay,
    leaving: null,
    diagnostic: (level, text) => policy.services.diagnostic(level, text),
  };
}

function leavingText(details: JsonObject): string {
  const { wouldHaveGoneTo } = details;
  return typeof wouldHaveGoneTo === 'string' ? wouldHaveGoneTo : '';
}

function textsOf(value: JsonObject[string] | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function firstLine(error: unknown): string {
  return toError(error).message.split('\n')[0] ?? '';
}
