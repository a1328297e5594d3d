/**
 * The overlay's place in reception: routes and suppression look at each message after the policy's
 * reception handlers and before its queue is resolved. They change the message's metadata, or
 * decide its fate. Mail that the policy refused or sent to the `null` queue is not shown to them.
 */
import type { Message } from '../mail/message.ts';
import type { EventTrace } from '../policy/event-call.ts';

export type OverlayVerdict =
  | 'keep'
  /** The whole transaction is refused, as by `kumo.reject` in `smtp_server_message_received`. */
  | {
      readonly kind: 'reject';
      readonly code: number;
      readonly text: string;
      /** State of this message's rows; the other recipients' become rejected. */
      readonly state: 'rejected' | 'suppressed';
      /** The recipients it is about (their places in the message); all of them when left out. */
      readonly about?: readonly number[];
    }
  /** Accepted and thrown away, as by the `null` queue. */
  | { readonly kind: 'discard'; readonly state: 'null' | 'suppressed' }
  /**
   * These recipients of a batch (their places in the message) become a message of their own, whose
   * fate `decide` tells; the message goes on without them.
   */
  | {
      readonly kind: 'divide';
      readonly apart: readonly number[];
      readonly decide: (apart: Message) => Exclude<OverlayVerdict, { kind: 'divide' }>;
    };

export interface OverlayContext {
  readonly sessionId: string;
  readonly listener: string;
  readonly peerIp: string;
  /** What was decided and why goes here; the Journey shows it. */
  readonly trace: EventTrace;
}

/** What an attempt said, as the reply to the client. */
export interface PassedReply {
  readonly code: number;
  readonly text: string;
}

export interface ReceptionOverlay {
  apply(message: Message, context: OverlayContext): OverlayVerdict | Promise<OverlayVerdict>;
  /**
   * Whether the reply waits for the first attempts of these messages: null when it does not.
   * Resolves to what they said, or to null when they took too long. Called when the messages are
   * stored, before they are inserted.
   */
  passThrough?(messages: readonly Message[]): Promise<PassedReply | null> | null;
}
