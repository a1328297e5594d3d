/** The routes of KumoMTA's HTTP API: tables of path and method, one table per theme. */
import type { Clock } from '../../base/clock.ts';
import type { AuditTrail } from '../../log/audit-log.ts';
import type { Metrics } from '../../log/metrics.ts';
import type { PolicyEvents } from '../../policy/events.ts';
import type { MxLookup } from '../../delivery/ready-queue-name.ts';
import type { Store } from '../../store/store.ts';
import type { AdminDoor } from './admin-door.ts';
import type { Answer, KumoRequest } from './http-exchange.ts';
import type { Injector } from './inject.ts';

/** What the routes are given. */
export interface KumoApiDeps {
  readonly mailClock: Clock;
  readonly clock: Clock;
  readonly events: PolicyEvents;
  readonly injector: Injector;
  readonly queues: AdminDoor;
  readonly store: Pick<Store, 'load'>;
  readonly mx: MxLookup;
  readonly metrics: Metrics;
  readonly audit: AuditTrail;
  readonly nodeId: string;
  /** Names and folders of the spools that the policy defined. */
  readonly spools: () => readonly { readonly name: string; readonly path: string }[];
  /** Where local logs are written. */
  readonly logFolders: () => readonly string[];
  /** Why the engine is not up (`waiting for spool startup`); null when it is. */
  readonly liveness: () => string | null;
  readonly bumpConfigEpoch: () => void | Promise<void>;
  /** @throws {Error} with the text that the client reads */
  readonly setDiagnosticFilter: (filter: string) => void;
  readonly diagnostic: (level: 'error' | 'warn' | 'info' | 'debug', text: string) => void;
}

export type Handler = (request: KumoRequest, deps: KumoApiDeps) => Answer | Promise<Answer>;

/** By path, then by method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Handler>>>>;
