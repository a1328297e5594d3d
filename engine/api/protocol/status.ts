/** The state of the engine in one answer, for the status bar and the first look. */
import type { ClockStatus } from './clock.ts';
import type { PolicyStatus } from './policy.ts';
import type { SharedFile } from './share.ts';
import type { SuppressionStatus } from './suppression.ts';

/** `GET /status`; also pushed when it changes. */
export interface EngineStatus {
  readonly version: string;
  readonly workspace: string;
  readonly workspaceName: string;
  readonly listeners: readonly {
    readonly service: 'smtp' | 'http' | 'ui';
    readonly address: string;
    readonly wanted: string | null;
    /** `STARTTLS`, `AUTH PLAIN`: what an SMTP listener offers beyond the mail itself. */
    readonly offers?: readonly string[];
  }[];
  readonly policy: PolicyStatus;
  readonly queued: number;
  readonly nextDueMs: number | null;
  readonly mailCount: number;
  readonly mailBytes: number;
  readonly receivedPerMinute: number;
  readonly clock: ClockStatus;
  readonly openHosts: readonly string[];
  /** The built-in last route "capture what would leave". */
  readonly captureLeaving: boolean;
  /** The list of routes: grows with every change; `problem` when `routes.json` is broken. */
  readonly routes?: { readonly revision: number; readonly problem: string | null };
  readonly inspectLag: number;
  readonly suppression?: SuppressionStatus;
  /** Group commits since the start. */
  readonly flushCount: number;
  readonly commitSeq: number;
  readonly warnings: readonly string[];
  /** This is no running engine but a shared file, opened to read. */
  readonly shared?: SharedFile;
}
