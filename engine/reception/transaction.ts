/**
 * One mail transaction: from an accepted MAIL to the end of its data, RSET, or the loss of the
 * connection. Whatever its end, it is stored.
 *
 * Source: RFC 5321 §3.3.
 */
import type { EpochMs } from '../base/clock.ts';
import type { EnvelopeAddress } from '../mail/envelope.ts';
import type { RefusedRow } from '../store/store.ts';

export class Transaction {
  readonly sender: EnvelopeAddress;
  readonly startedMs: EpochMs;
  readonly startedRealMs: EpochMs;
  /** Accepted, in the order of RCPT. */
  readonly recipients: EnvelopeAddress[] = [];
  readonly refused: RefusedRow[] = [];
  /** Data that was refused without ending the transaction; it says why if nothing better comes. */
  refusal: { readonly code: number; readonly text: string } | null = null;

  constructor(sender: EnvelopeAddress, startedMs: EpochMs, startedRealMs: EpochMs) {
    this.sender = sender;
    this.startedMs = startedMs;
    this.startedRealMs = startedRealMs;
  }

  /** Rows when the accepted recipients never became messages. */
  rowsWithout(
    state: 'rejected' | 'aborted',
    code: number | null,
    text: string,
  ): readonly RefusedRow[] {
    const rows = this.recipients.map((recipient) => ({
      recipient: recipient.email,
      ...(this.refusal ? { state: 'rejected' as const, ...this.refusal } : { state, code, text }),
    }));
    const all = [...this.refused, ...rows];
    return all.length > 0 ? all : [{ recipient: null, state, code, text }];
  }
}
