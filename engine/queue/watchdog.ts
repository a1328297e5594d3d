/**
 * A delivery that makes no progress for very long is given up: a script that never returns, a
 * peer that keeps a connection busy without end. When the engine stops it has less time.
 *
 * Source: reference `queues-delivery.md` §4.7, §9.
 */
import type { Clock } from '../base/clock.ts';
import type { DeliveryProtocol, EgressPathConfig } from '../policy/settings.ts';

const LIMIT_MS_MIN = 60_000;
const LUA_LIMIT_MS = 600_000;
/** What is under way may take this long after a stop was asked for, unless its path decides. */
export const STOP_GRACE_MS = 10_000;

/** Real milliseconds a delivery may take. */
export function watchdogLimitMs(path: EgressPathConfig, protocol: DeliveryProtocol): number {
  const own = path.dispatcherProgressWatchdogTimeoutMs;
  if (own !== null) return own;
  if (protocol.kind !== 'smtp') return LUA_LIMIT_MS;
  return Math.max(2 * Math.max(...Object.values(path.timeouts)), LIMIT_MS_MIN);
}

/** Real milliseconds that a path gives its sessions after a stop was asked for. */
export function shutdownLimitMs({ systemShutdownTimeoutMs, timeouts }: EgressPathConfig): number {
  const { mailFromMs, rcptToMs, dataMs, dataDotMs } = timeouts;
  return systemShutdownTimeoutMs ?? mailFromMs + rcptToMs + dataMs + dataDotMs;
}

/**
 * The result of `work`, or which of the two came first: the limit, or the signal. The work's own
 * end is then of no interest any more.
 */
export async function watched<T>(
  work: Promise<T>,
  limits: { readonly realClock: Clock; readonly limitMs: number; readonly signal: AbortSignal },
): Promise<{ readonly done: T } | 'too late' | 'stopped'> {
  let bark: (why: 'too late' | 'stopped') => void = () => {};
  const barked = new Promise<'too late' | 'stopped'>((resolve) => (bark = resolve));
  const onAbort = (): void => bark('stopped');
  const timer = limits.realClock.timer(limits.limitMs, () => bark('too late'));
  limits.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const first = await Promise.race([work.then((done) => ({ done })), barked]);
    if (typeof first === 'string') work.catch(() => {});
    return first;
  } finally {
    timer.cancel();
    limits.signal.removeEventListener('abort', onAbort);
  }
}
