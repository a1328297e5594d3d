/**
 * The time axis of the retry strips: one absolute axis for all messages of a queue. Pure. Fitted to
 * what the queue holds, or a span around now.
 */
import type { QueuedMessage } from '../../../engine/api/protocol.ts';

export type Span = 'all' | '1h' | '6h' | '1d';

export interface Axis {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ticks: readonly number[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const SPANS: Readonly<Record<Exclude<Span, 'all'>, number>> = {
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '1d': DAY_MS,
};
/** All of what lasts longer would lie in a heap at its beginning: retries double. */
const WHOLE_MAX_MS = 2 * DAY_MS;
/** Where now stands on an axis that is not fitted. */
const NOW_SHARE = 0.27;
const STEPS_MS = [
  MINUTE_MS,
  5 * MINUTE_MS,
  10 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
  2 * DAY_MS,
  7 * DAY_MS,
];
const TICK_PX_MIN = 84;

export function axisOf(
  messages: readonly Pick<QueuedMessage, 'createdMs' | 'expiresMs' | 'predicted'>[],
  nowMs: number,
  span: Span,
  widthPx: number,
): Axis {
  const { fromMs, toMs } = span === 'all' ? extent(messages, nowMs) : around(nowMs, SPANS[span]);
  const ticksMax = Math.max(1, Math.floor(widthPx / TICK_PX_MIN));
  const stepMs = STEPS_MS.find((step) => (toMs - fromMs) / step <= ticksMax) ?? 7 * DAY_MS;
  const ticks: number[] = [];
  // Whole steps of local time, so that a day begins at midnight here.
  const shiftMs = new Date(fromMs).getTimezoneOffset() * MINUTE_MS;
  let tick = Math.ceil((fromMs - shiftMs) / stepMs) * stepMs + shiftMs;
  for (; tick < toMs; tick += stepMs) ticks.push(tick);
  return { fromMs, toMs, ticks };
}

/** What is shown until somebody chooses: all of it, or the day that matters of a long life. */
export function fittingSpan(
  messages: readonly Pick<QueuedMessage, 'createdMs' | 'expiresMs' | 'predicted'>[],
  nowMs: number,
): Span {
  const { fromMs, toMs } = extent(messages, nowMs);
  return toMs - fromMs > WHOLE_MAX_MS ? '1d' : 'all';
}

function around(nowMs: number, spanMs: number): { fromMs: number; toMs: number } {
  return { fromMs: nowMs - spanMs * NOW_SHARE, toMs: nowMs + spanMs * (1 - NOW_SHARE) };
}

function extent(
  messages: readonly Pick<QueuedMessage, 'createdMs' | 'expiresMs' | 'predicted'>[],
  nowMs: number,
): { fromMs: number; toMs: number } {
  let first = nowMs - 5 * MINUTE_MS;
  let last = nowMs + 10 * MINUTE_MS;
  for (const { createdMs, expiresMs, predicted } of messages) {
    first = Math.min(first, createdMs);
    last = Math.max(last, expiresMs, predicted.at(-1)?.atMs ?? 0);
  }
  const room = (last - first) * 0.03;
  return { fromMs: first - room, toMs: last + room };
}

/** Place on the axis in percent, or null outside of it. */
export function percentAt(axis: Axis, ms: number): number | null {
  const share = (ms - axis.fromMs) / (axis.toMs - axis.fromMs);
  return share < 0 || share > 1 ? null : share * 100;
}

export function clampedPercent(axis: Axis, ms: number): number {
  return Math.min(100, Math.max(0, ((ms - axis.fromMs) / (axis.toMs - axis.fromMs)) * 100));
}
