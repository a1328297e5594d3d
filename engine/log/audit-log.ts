/**
 * Who proved to be somebody, and who was allowed what: JSON lines in segments of their own
 * (`kumo.aaa.configure_acct_log`).
 *
 * States: off (not configured: nothing is kept), on, closed.
 *
 * Source: reference `http-logs-reception.md` §1.7.
 */
import { chronoDebugUtc } from '../base/chrono-text.ts';
import type { Clock } from '../base/clock.ts';
import type { AuthInfo } from '../mail/connection-meta.ts';
import type { JsonValue } from '../mail/json.ts';
import type { AcctLogSettings } from '../policy/settings.ts';
import { SegmentWriter, finishLeftovers } from './segment-writer.ts';

interface AuthenticationAttempt {
  readonly identity: string;
  readonly context: string;
  readonly isSuccess: boolean;
  /** After the attempt. */
  readonly auth: AuthInfo;
}

interface AuthorizationDecision {
  readonly resource: string;
  readonly privilege: string;
  readonly access: 'Allow' | 'Deny';
  /** Where the rule stands that decided; null when none did. */
  readonly matchingResource: string | null;
  readonly rule: JsonValue;
  readonly auth: AuthInfo;
  readonly considered: readonly string[];
}

export interface AuditTrail {
  authentication(attempt: AuthenticationAttempt): void;
  authorization(decision: AuthorizationDecision): void;
}

export class AuditLog implements AuditTrail {
  readonly #mailClock: Clock;
  readonly #clock: Clock;
  readonly #onError: (text: string) => void;
  #settings: AcctLogSettings | null = null;
  #writer: SegmentWriter | null = null;

  constructor(mailClock: Clock, clock: Clock, onError: (text: string) => void) {
    this.#mailClock = mailClock;
    this.#clock = clock;
    this.#onError = onError;
  }

  configure(settings: AcctLogSettings): void {
    const { logDir, maxFileSize, maxSegmentDurationMs, compressionLevel } = settings;
    finishLeftovers(logDir);
    this.#settings = settings;
    this.#writer = new SegmentWriter(
      {
        folder: logDir,
        prefix: 'acct-',
        suffix: '',
        header: '',
        maxFileSize,
        maxSegmentDurationMs,
        compressionLevel,
      },
      this.#mailClock,
      this.#clock,
      this.#onError,
    );
  }

  authentication(attempt: AuthenticationAttempt): void {
    const { identity, context, isSuccess, auth } = attempt;
    const isWanted = isSuccess ? this.#settings?.logAuthnOk : this.#settings?.logAuthnFail;
    if (isWanted !== true) return;
    this.#write({
      type: 'Authentication',
      timestamp: this.#now(),
      attempted_identity: { identity, context },
      success: isSuccess,
      auth_info: authJson(auth),
    });
  }

  authorization(decision: AuthorizationDecision): void {
    const { resource, privilege, access, matchingResource, rule, auth, considered } = decision;
    const isAllowed = access === 'Allow';
    const isWanted = isAllowed ? this.#settings?.logAuthzAllow : this.#settings?.logAuthzDeny;
    if (isWanted !== true) return;
    this.#write({
      type: 'Authorization',
      timestamp: this.#now(),
      target_resource: resource,
      privilege,
      access,
      matching_resource: matchingResource,
      rule,
      auth_info: authJson(auth),
      considered_resources: [...considered],
    });
  }

  /** Resolves when every segment is complete on disk. */
  async close(): Promise<void> {
    this.#settings = null;
    await this.#writer?.close();
  }

  #now(): string {
    return chronoDebugUtc(this.#mailClock.now());
  }

  #write(record: JsonValue): void {
    try {
      this.#writer?.write(JSON.stringify(record));
    } catch (error) {
      this.#onError(`Cannot write the audit log: ${String(error)}`);
    }
  }
}

function authJson(auth: AuthInfo): JsonValue {
  return {
    peer_address: auth.peerAddress,
    identities: auth.identities.map(({ identity, context }) => ({ identity, context })),
    groups: [...auth.groups],
  };
}
