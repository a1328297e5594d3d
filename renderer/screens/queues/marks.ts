/** The marks of a retry strip, past and predicted, each with the words of its tooltip. */
import type { QueuedMessage } from '../../../engine/api/protocol.ts';
import { clockTime, isSameDay, shortDay } from '../../format/time.ts';

export interface StripMark {
  readonly atMs: number;
  readonly kind: 'deferred' | 'delivered' | 'bounced' | 'next' | 'predicted';
  readonly expires: boolean;
  /** `Attempt 4 at 12:57:08` */
  readonly title: string;
  /** The reply, or the arithmetic with raised digits. */
  readonly text: string;
}

export function stripMarks(
  past: QueuedMessage['past'],
  predicted: QueuedMessage['predicted'],
  nowMs: number,
): StripMark[] {
  const when = (ms: number): string =>
    isSameDay(ms, nowMs) ? clockTime(ms) : `${clockTime(ms)}, ${shortDay(ms, nowMs)}`;
  const made = past.map(({ atMs, outcome, text }, index): StripMark => {
    const title = `Attempt ${index + 1} at ${when(atMs)}`;
    return { atMs, kind: outcome, expires: false, title, text };
  });
  const coming = predicted.map(({ atMs, expires, arithmetic }, index): StripMark => {
    const number = past.length + index + 1;
    return {
      atMs,
      kind: index === 0 ? 'next' : 'predicted',
      expires,
      title: `Attempt ${number} at ${when(atMs)}`,
      text: expires ? `${arithmetic}; expires if this one fails` : arithmetic,
    };
  });
  return [...made, ...coming];
}
