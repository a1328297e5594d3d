/**
 * Scheduling constraints of a message (`msg:set_scheduling`): not before `first_attempt`, only in
 * a weekly window, not after `expires`.
 *
 * Source: KumoMTA `scheduling.rs`; reference `queues-delivery.md` §3.9.
 */
import type { EpochMs } from '../base/clock.ts';

export interface Scheduling {
  readonly restriction: {
    /** Names as given, comma separated. */
    readonly dow: string;
    /** IANA time zone. */
    readonly tz: string;
    /** `HH:MM:SS`, inclusive. */
    readonly start: string;
    /** `HH:MM:SS`, exclusive. */
    readonly end: string;
  } | null;
  readonly firstAttemptMs: EpochMs | null;
  readonly expiresMs: EpochMs | null;
  /** RFC 3339 as given, for printing. */
  readonly firstAttemptText: string | null;
  readonly expiresText: string | null;
}
