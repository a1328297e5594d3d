/**
 * Envelope addresses: what MAIL FROM and RCPT TO carried, already parsed (`path.ts` does that).
 *
 * Source: RFC 5321 §4.1.2; KumoMTA `EnvelopeAddress`.
 */
export interface EnvelopeAddress {
  /** The whole address as written on the wire: `user@domain`, `Postmaster`, or `` for the null sender. */
  readonly email: string;
  /** Local part with quotes removed, case kept. */
  readonly user: string;
  /** Lower-case A-label, literal with brackets, or `` (null sender, Postmaster). */
  readonly domain: string;
}

export const NULL_SENDER: EnvelopeAddress = { email: '', user: '', domain: '' };
