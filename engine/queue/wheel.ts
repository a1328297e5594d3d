/**
 * When a message that is due really goes: the strategies of a scheduled queue differ in how often
 * they look. Ticks are counted from the start of the engine (of the queue for `TimerWheel`), so
 * that a message goes at the first tick at or after its due time.
 *
 * Source: reference `queues-delivery.md` §3.10; golden `queue-retry-*`.
 */
import type { EpochMs } from '../base/clock.ts';
import type { QueueConfig } from '../policy/settings.ts';

/** The one wheel of all queues with the default strategy. */
const SINGLETON_TICK_MS = 3000;
const TICK_MS_MIN = 1000;
const TICK_MS_MAX = 60_000;
const TICKS_PER_RETRY_INTERVAL = 20;

type WheelSettings = Pick<QueueConfig, 'strategy' | 'timerwheelTickIntervalMs' | 'retryIntervalMs'>;

/** Whether the one wheel of all queues turns for this one too. */
export function isOnSingleWheel({ strategy }: Pick<QueueConfig, 'strategy'>): boolean {
  return strategy === 'SingletonTimerWheel' || strategy === 'SingletonTimerWheelV2';
}

/** Milliseconds between two looks; 0 when the queue wakes exactly when something is due. */
function tickMs(settings: WheelSettings): number {
  switch (settings.strategy) {
    case 'SingletonTimerWheel':
    case 'SingletonTimerWheelV2':
      return SINGLETON_TICK_MS;
    case 'TimerWheel': {
      const own = settings.timerwheelTickIntervalMs;
      const derived = settings.retryIntervalMs / TICKS_PER_RETRY_INTERVAL;
      return own ?? Math.min(Math.max(derived, TICK_MS_MIN), TICK_MS_MAX);
    }
    case 'SkipList':
      return 0;
  }
}

/**
 * The first moment at or after `dueMs` at which the queue looks.
 *
 * @param originMs when the ticks began
 */
export function wakeMs(dueMs: EpochMs, originMs: EpochMs, settings: WheelSettings): EpochMs {
  const tick = tickMs(settings);
  if (tick <= 0) return dueMs;
  // Rounding must not make it a moment too early.
  return Math.max(dueMs, originMs + Math.ceil((dueMs - originMs) / tick) * tick);
}
