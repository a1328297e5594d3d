/** What reception is given. `compose/engine-core.ts` joins it; tests hand in fakes. */
import type { Clock } from '../base/clock.ts';
import type { SpoolIdSource } from '../base/ids.ts';
import type { Random } from '../base/random.ts';
import type { AuditTrail } from '../log/audit-log.ts';
import type { DispositionLog } from '../log/record.ts';
import type { PolicyEvents } from '../policy/events.ts';
import type { QueueDoor } from '../queue/queue-door.ts';
import type { Store } from '../store/store.ts';
import type { ReceptionOverlay } from './overlay.ts';
import type { TlsContexts } from './tls.ts';
import type { TraceHub } from './trace-hub.ts';

export interface ReceptionDeps {
  /** Real: sockets, timeouts, transcripts. */
  readonly clock: Clock;
  /** Virtual: record times, Received dates, ids. */
  readonly mailClock: Clock;
  readonly random: Random;
  readonly ids: SpoolIdSource;
  readonly events: PolicyEvents;
  readonly store: Store;
  readonly queue: QueueDoor;
  readonly log: DispositionLog;
  readonly tls: TlsContexts;
  readonly metrics: ReceptionMetrics;
  readonly audit: Pick<AuditTrail, 'authentication'>;
  readonly tracer: TraceHub;
  /** Routes and suppression; null in strict mode. */
  readonly overlay: ReceptionOverlay | null;
  /**
   * Why new connections are turned away, e.g. `waiting for spool startup. Try again soon!`; null
   * when they are not. It follows `421 4.3.2 <host> `.
   */
  readonly refusal: () => string | null;
  readonly diagnostic: (level: 'error' | 'warn' | 'info' | 'debug', text: string) => void;
}

/** Counters of `/metrics`; `listener` is `ip:port` as bound. */
export interface ReceptionMetrics {
  /** `total_connections_denied` */
  connectionDenied(listener: string): void;
  /** `connection_count` up and down */
  connectionOpened(listener: string): void;
  connectionClosed(listener: string): void;
  /** `total_messages_received`, once per transaction */
  messageReceived(listener: string): void;
  /** `smtp_server_rejections` */
  rejection(listener: string): void;
  /** `smtpsrv_*_duration` */
  took(what: 'transaction' | 'read_data' | 'process_data', seconds: number): void;
}
