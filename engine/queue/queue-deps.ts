/**
 * What the queue is given, and how its parts know each other. `Queues` builds the parts once; a
 * part reaches another one only through `QueueParts`.
 */
import type { Clock } from '../base/clock.ts';
import type { GcraStore } from '../base/gcra.ts';
import type { Random } from '../base/random.ts';
import type { SmtpDeliverer } from '../delivery/deliverer.ts';
import type { InProcessProtocols } from '../delivery/in-process-delivery.ts';
import type { MaildirDeliverer, MaildirProtocol } from '../delivery/maildir-delivery.ts';
import type { MxLookup } from '../delivery/ready-queue-name.ts';
import type { QueueObserver } from '../log/queue-metrics.ts';
import type { DispositionLog } from '../log/record.ts';
import type { JsonObject } from '../mail/json.ts';
import type { QueueName } from '../mail/queue-name.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { EgressPathConfig, MxListEntry, QueueConfig } from '../policy/settings.ts';
import type { Store } from '../store/store.ts';
import type { Activity } from './activity.ts';
import type { AdminRules } from './admin-rules.ts';
import type { EgressCatalog } from './egress-catalog.ts';
import type { Insertion } from './insertion.ts';
import type { MaildirPath } from './maildir-path.ts';
import type { Promotion } from './promotion.ts';
import type { QueueRegistry } from './queue-registry.ts';
import type { ReadyPath } from './ready-path.ts';
import type { ReadyQueues } from './ready-queues.ts';
import type { Requeue } from './requeue.ts';
import type { Waiting } from './waiting.ts';
import type { WaitingTable } from './waiting-table.ts';

/** A route that is decided by the queue's name alone; asked before the policy. */
export interface QueueConfigOverlay {
  answer(
    domain: string,
    tenant: string | null,
    campaign: string | null,
    routingDomain: string | null,
  ): { readonly config: QueueConfig; readonly route: string } | null;
  /** The way to a site, as a route wants it; null when the policy is to be asked. */
  path?(routingDomain: string, site: string): EgressPathConfig | null;
}

/** Where an SMTP delivery would go, as far as the queue knows. */
export interface LeavingPlan {
  readonly queue: string;
  readonly domain: string;
  readonly routingDomain: string | null;
  readonly mxList: readonly MxListEntry[];
}

/** "Capture what would leave": decided without asking anybody outside. */
export interface LeavingPolicy {
  /** Null when the delivery stays on this machine or its hosts were opened. */
  captureInstead(plan: LeavingPlan): Promise<{
    readonly protocol: MaildirProtocol;
    /** Name of the built-in route. */
    readonly route: string;
    /** The plan it would have used, for the attempt's details. */
    readonly details: JsonObject;
  } | null>;
}

export interface QueueDeps {
  /** `strict` has KumoMTA's quirks where they lose or hang mail too. */
  readonly mode: 'strict' | 'ordinary';
  /** The mail clock: due times, ages, throttles, lifetimes of caches. */
  readonly clock: Clock;
  /** Sockets, idle sessions, pauses between sessions. */
  readonly realClock: Clock;
  readonly random: Random;
  readonly events: PolicyEvents;
  readonly store: Store;
  readonly log: DispositionLog;
  readonly throttles: GcraStore;
  readonly mx: MxLookup;
  readonly smtp: SmtpDeliverer;
  readonly maildirs: MaildirDeliverer;
  readonly inProcess: InProcessProtocols;
  readonly overlay: QueueConfigOverlay | null;
  readonly leaving: LeavingPolicy | null;
  readonly observer?: QueueObserver;
  readonly diagnostic: (level: 'error' | 'warn' | 'info' | 'debug', text: string) => void;
}

export interface QueueParts {
  readonly deps: QueueDeps;
  readonly activity: Activity;
  readonly table: WaitingTable;
  readonly rules: AdminRules;
  readonly catalog: EgressCatalog;
  readonly registry: QueueRegistry;
  readonly waiting: Waiting;
  readonly promotion: Promotion;
  readonly insertion: Insertion;
  readonly requeue: Requeue;
  readonly readyPath: ReadyPath;
  readonly maildirPath: MaildirPath;
  readonly readyQueues: ReadyQueues;
}

/** How a scheduled queue's name reads to an event or a template. */
export function eventArguments(
  name: QueueName,
): readonly [string, string | null, string | null, string | null] {
  return [name.domain, name.tenant, name.campaign, name.routingDomain];
}
